package jetlog

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// consumer makes the consumer that begins behind the head.
func (l *Log) consumer(ctx context.Context, inbox string) (name string, err error) {
	request, _ := json.Marshal(map[string]any{
		"stream_name": l.opts.Stream,
		"config": map[string]any{
			"description":        "the tail of a Rollcall node",
			"deliver_subject":    inbox,
			"deliver_policy":     "by_start_sequence",
			"opt_start_seq":      l.Head().Seq + 1,
			"ack_policy":         "none",
			"max_deliver":        1,
			"flow_control":       true,
			"idle_heartbeat":     heartbeat,
			"inactive_threshold": 5 * time.Second,
			"mem_storage":        true,
			"num_replicas":       1,
		},
	})
	ctx, cancel, err := l.link.during(ctx, requestTimeout)
	if err != nil {
		return "", err
	}
	defer cancel()
	reply, err := l.link.nc.RequestWithContext(ctx, "$JS.API.CONSUMER.CREATE."+l.opts.Stream, request)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	var answer struct {
		Error *apiError `json:"error"`
		Name  string    `json:"name"`
	}
	if err := json.Unmarshal(reply.Data, &answer); err != nil {
		return "", fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if answer.Error != nil {
		return "", answer.Error.err()
	}
	l.link.heard()
	return answer.Name, nil
}

// unconsume takes the consumer off the stream, where that is easy; it ends by itself.
func (l *Log) unconsume(name string) {
	if l.link.nc.IsConnected() {
		_ = l.link.nc.Publish("$JS.API.CONSUMER.DELETE."+l.opts.Stream+"."+name, nil)
	}
}
