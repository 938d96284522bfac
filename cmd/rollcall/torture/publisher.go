package torture

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"time"
)

// publisher sends numbered events with keys, alone and in batches, to any server, and retries unknown outcomes.
type publisher struct {
	name     string
	h        *History
	servers  []string
	channels []string
	client   *http.Client
	rand     *rand.Rand
	n        int
}

func newPublisher(h *History, servers []string, seed uint64, name string, channels []string, client *http.Client) *publisher {
	return &publisher{name: name, h: h, servers: servers, channels: channels, client: client, rand: newRand(seed, name)}
}

// endMark begins the payloads of the events that end a round.
const endMark = "end "

func isEnd(payload string) bool { return strings.HasPrefix(payload, endMark) }

// batch makes events for these channels.
func (p *publisher) batch(mark string, channels ...string) (events []Event) {
	p.n++
	for i, channel := range channels {
		events = append(events, Event{channel, fmt.Sprintf("%s%s.%d.%d", mark, p.name, p.n, i)})
	}
	return events
}

// next makes a batch: one event mostly, else some of one channel or of several.
func (p *publisher) next() []Event {
	channels := []string{pick(p.rand, p.channels)}
	if p.rand.IntN(3) == 0 {
		mixed := p.rand.IntN(2) == 0
		for range 1 + p.rand.IntN(7) {
			channel := channels[0]
			if mixed {
				channel = pick(p.rand, p.channels)
			}
			channels = append(channels, channel)
		}
	}
	return p.batch("", channels...)
}

// run publishes until the context ends. The attempt that it has begun then is finished.
func (p *publisher) run(ctx context.Context) {
	for ctx.Err() == nil {
		events := p.next()
		outcome := p.publish(events)
		for try := 0; outcome != Acked && try < 5 && p.rand.IntN(4) > 0 && ctx.Err() == nil; try++ {
			Pause(ctx, between(p.rand, 0, 50*time.Millisecond))
			outcome = p.publish(events)
		}
		if outcome == Acked && p.rand.IntN(20) == 0 {
			p.publish(events) // the answer has the ids of before
		}
		Pause(ctx, between(p.rand, 0, 20*time.Millisecond))
	}
}

// insist publishes events until they are acknowledged, or the context ends.
func (p *publisher) insist(ctx context.Context, events []Event) bool {
	for p.publish(events) != Acked {
		if !Pause(ctx, 20*time.Millisecond) {
			return false
		}
	}
	return true
}

// publish makes one attempt.
func (p *publisher) publish(events []Event) Outcome {
	a := Attempt{Publisher: p.name, Server: pick(p.rand, p.servers), Events: events, Began: p.h.now()}
	ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
	defer cancel()
	a.Outcome, a.Code, a.IDs = p.send(ctx, a.Server, events)
	a.Ended = p.h.now()
	p.h.attempt(a)
	return a.Outcome
}

func (p *publisher) send(ctx context.Context, server string, events []Event) (outcome Outcome, code string, ids []string) {
	list := make([]posting, len(events))
	for i, e := range events {
		list[i] = posting{Channel: e.Channel, Type: eventType, Payload: e.Payload, Key: e.Payload}
	}
	return send(ctx, p.client, server, list)
}

// posting is an event on its way.
type posting struct {
	Channel string `json:"channelName"`
	Type    string `json:"type"`
	Payload string `json:"payload"`
	Key     string `json:"idempotencyKey"`
	Append  string `json:"append,omitempty"`
	End     bool   `json:"end,omitempty"`
}

// send publishes a batch, once.
func send(ctx context.Context, client *http.Client, server string, list []posting) (outcome Outcome, code string, ids []string) {
	body, _ := json.Marshal(map[string]any{"events": list})
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, origin(server)+"/publish", bytes.NewReader(body))
	if err != nil {
		return Refused, err.Error(), nil
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := client.Do(request)
	if err != nil {
		var op *net.OpError
		if errors.As(err, &op) && op.Op == "dial" {
			return Refused, "not connected", nil
		}
		return Unknown, err.Error(), nil
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return Unknown, err.Error(), nil
	}
	var got struct {
		Events []struct{ ID string }
		Error  struct{ Code, Message string }
	}
	if err := json.Unmarshal(text, &got); err != nil {
		return Unknown, err.Error(), nil
	}
	if answer.StatusCode == http.StatusOK && len(got.Events) == len(list) {
		for _, e := range got.Events {
			ids = append(ids, e.ID)
		}
		return Acked, "", ids
	}
	if answer.StatusCode < 500 || strings.Contains(got.Error.Message, "Nothing was published") {
		return Refused, got.Error.Code, nil
	}
	return Unknown, got.Error.Code, nil
}
