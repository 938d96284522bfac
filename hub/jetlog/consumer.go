package jetlog

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// consumer makes the consumer that begins behind the head.
func (l *Log) consumer(ctx context.Context, inbox string) (name string, err error) {
	ctx, cancel, err := l.link.during(ctx, requestTimeout)
	if err != nil {
		return "", err
	}
	defer cancel()
	c, err := l.link.js.CreatePushConsumer(ctx, l.opts.Stream, jetstream.ConsumerConfig{
		Description:       "the tail of a Rollcall node",
		DeliverSubject:    inbox,
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       l.Head().Seq + 1,
		AckPolicy:         jetstream.AckNonePolicy,
		MaxDeliver:        1,
		FlowControl:       true,
		IdleHeartbeat:     heartbeat,
		InactiveThreshold: 5 * time.Second,
		MemoryStorage:     true,
		Replicas:          1,
	})
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	l.link.heard()
	return c.CachedInfo().Name, nil
}

// unconsume deletes the consumer if the connection works; otherwise it expires.
func (l *Log) unconsume(name string) {
	if l.link.nc.IsConnected() {
		_ = l.link.nc.Publish("$JS.API.CONSUMER.DELETE."+l.opts.Stream+"."+name, nil)
	}
}
