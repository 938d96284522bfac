package traffic

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// event is one of a batch.
type event struct {
	Channel string `json:"channelName"`
	Type    string `json:"type"`
	Payload any    `json:"payload"`
	Key     string `json:"idempotencyKey,omitempty"`
}

// feed is a source of batches.
type feed struct {
	rate   float64       // batches a second, in the mean
	period time.Duration // of the tide in it; 0 keeps an even pace
	batch  func(ch chance) []event
}

// publish posts the batches of f until ctx ends.
func (c *Crowd) publish(ctx context.Context, f feed, ch chance) {
	phase := ch.Float64()
	for pause(ctx, f.interval(c.age(), phase, ch)) {
		batch := f.batch(ch)
		if len(batch) == 0 {
			continue
		}
		body, err := json.Marshal(map[string]any{"events": batch})
		if err == nil {
			err = c.post(ctx, body)
		}
		if err != nil && ctx.Err() == nil {
			c.failures.Add(1)
		} else if err == nil {
			c.events.Add(int64(len(batch)))
		}
	}
}

func (f feed) interval(age time.Duration, phase float64, ch chance) time.Duration {
	mean := float64(time.Second) / f.rate
	if f.period == 0 {
		return time.Duration(mean * (0.9 + 0.2*ch.Float64()))
	}
	return ch.about(time.Duration(mean / wave(age, f.period, phase)))
}

func (c *Crowd) post(ctx context.Context, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+c.host+"/publish", bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := c.client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("publishing: %s", answer.Status)
	}
	return nil
}
