package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/tmaxmax/go-sse"
)

// lane is the way to a server that some streams share: a connection of HTTP/2, or HTTP/1.1 with a connection each.
type lane struct {
	*server
	client *http.Client
}

// laneStreams is the number of streams on a connection of HTTP/2.
const laneStreams = 20

func newLane(s *server, http2 bool) *lane {
	t := &http.Transport{
		TLSClientConfig: anyCertificate.Clone(), Protocols: new(http.Protocols), MaxIdleConnsPerHost: -1, // none is used again
		ReadBufferSize: 1 << 10, WriteBufferSize: 1 << 10, ResponseHeaderTimeout: 30 * time.Second,
	}
	t.Protocols.SetHTTP1(!http2)
	t.Protocols.SetHTTP2(http2 && s.secure)
	t.Protocols.SetUnencryptedHTTP2(http2 && !s.secure)
	return &lane{s, &http.Client{Transport: t}}
}

// visit is one stream, from its begin to its end.
type visit struct {
	lane   *lane
	path   string
	last   string        // the position to resume at; later the one reached
	life   time.Duration // before the client drops it
	stall  bool          // read nothing for the life's second half
	leave  bool          // say so, in place of dropping it
	counts *counts

	mu               sync.Mutex
	secret, streamID string
}

// run follows the stream until its life or the context ends, or the server ends it.
func (v *visit) run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, v.lane.url+v.path, http.NoBody)
	if err != nil {
		v.counts.fault("%v", err)
		return
	}
	request.Header.Set("Accept", "text/event-stream")
	if v.last != "" {
		request.Header.Set("Last-Event-ID", v.last)
	}
	answer, err := v.lane.client.Do(request)
	if err != nil {
		if ctx.Err() == nil {
			v.counts.fault("%s %s: %v", v.lane.name, v.path, err)
		}
		return
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		v.counts.fault("%s %s: %s", v.lane.name, v.path, answer.Status)
		return
	}
	end := time.AfterFunc(v.life, func() {
		if v.leave {
			v.farewell(ctx)
		}
		cancel()
	})
	defer end.Stop()
	var body io.Reader = answer.Body
	if v.stall {
		body = &staller{Reader: answer.Body, ctx: ctx, from: time.Now().Add(v.life / 2)}
	}
	for e, err := range sse.Read(body, &sse.ReadConfig{MaxEventSize: 1 << 20}) {
		if err != nil {
			if ctx.Err() == nil && !v.stall && !v.leave {
				v.counts.fault("%s %s: %v", v.lane.name, v.path, err)
			}
			return
		}
		v.take(e)
	}
}

// take counts an event, and remembers what the stream's end needs.
func (v *visit) take(e sse.Event) {
	if e.LastEventID != "" {
		v.last = e.LastEventID
	}
	var data struct {
		Payload json.RawMessage
	}
	_ = json.Unmarshal([]byte(e.Data), &data) // what is not JSON has no payload
	var text string
	_ = json.Unmarshal(data.Payload, &text)
	switch e.Type {
	case "registered":
		var mine struct {
			ConnectionID, Secret string
			Resumed              bool
		}
		_ = json.Unmarshal([]byte(text), &mine)
		v.mu.Lock()
		v.streamID, v.secret = mine.ConnectionID, mine.Secret
		v.mu.Unlock()
		v.counts.opened.Add(1)
		if mine.Resumed {
			v.counts.resumed.Add(1)
		}
	case "goodbye":
		if v.stall && strings.Contains(text, `"slow"`) {
			return
		}
		v.counts.fault("%s sends a stream away: %s", v.lane.name, text)
	case "gap":
		v.counts.gaps.Add(1)
	default:
		v.counts.events.Add(1)
	}
}

// farewell ends the stream as a page does that is closed.
func (v *visit) farewell(ctx context.Context) {
	v.mu.Lock()
	id, secret := v.streamID, v.secret
	v.mu.Unlock()
	if id == "" {
		return
	}
	to := v.lane.url + "/presence/connections/" + url.PathEscape(id) + "/leave?secret=" + url.QueryEscape(secret)
	v.counts.post(context.WithoutCancel(ctx), plain, to, "text/plain", "") // the stream ends before the answer comes
}

// staller is a reader that stops reading at a time, until the context ends.
type staller struct {
	io.Reader
	ctx  context.Context
	from time.Time
}

func (s *staller) Read(p []byte) (int, error) {
	if time.Now().After(s.from) {
		<-s.ctx.Done()
	}
	return s.Reader.Read(p)
}
