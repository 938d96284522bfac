package jetlog

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Purge drops all events that the stream keeps of the channel, on all nodes, and returns their number. A stream that
// resumes before them gets a gap.
//
// First a purge message enters the stream, and every mirror purges at that place in the order; then the stream drops
// everything before it. If the stream is too full for the message, the order is reversed. Errors: those of Append.
func (l *Log) Purge(ctx context.Context, channel string) (int, error) {
	if err := l.Err(); err != nil {
		return 0, err
	}
	seq, err := l.announce(ctx, channel)
	if err == nil {
		n, err := l.drop(ctx, channel, seq)
		if err != nil {
			return 0, fmt.Errorf("the channel is purged for readers, not yet in the store: %w", err)
		}
		l.await(ctx, seq)
		return n, nil
	}
	if !errors.Is(err, ErrFull) {
		return 0, err
	}
	info, err := l.link.info(ctx, l.opts.Stream)
	if err != nil {
		return 0, err
	}
	n, err := l.drop(ctx, channel, info.State.LastSeq+1)
	if err != nil {
		return 0, err
	}
	if seq, err = l.announce(ctx, channel); err != nil {
		return n, fmt.Errorf("the channel is purged in the store, not yet for readers: %w", err)
	}
	l.await(ctx, seq)
	return n, nil
}

// announce puts into the stream that the channel is purged.
func (l *Log) announce(ctx context.Context, channel string) (uint64, error) {
	ack, err := l.publish(ctx, []*nats.Msg{{Subject: l.life.purge(channel), Header: nats.Header{}}})
	if err != nil {
		return 0, err
	}
	if ack.Error != nil {
		return 0, ack.Error.err()
	}
	return ack.Sequence, nil
}

// drop has the stream drop the events of a channel before seq.
func (l *Log) drop(ctx context.Context, channel string, seq uint64) (int, error) {
	ctx, cancel, err := l.link.during(ctx, requestTimeout)
	if err != nil {
		return 0, err
	}
	defer cancel()
	var answer struct {
		Error  *apiError `json:"error"`
		Purged int       `json:"purged"`
	}
	request := jetstream.StreamPurgeRequest{Subject: l.life.event(channel), Sequence: seq}
	err = l.link.request(ctx, "$JS.API.STREAM.PURGE."+l.opts.Stream, request, &answer)
	if err != nil {
		return 0, err
	}
	if answer.Error != nil {
		return 0, answer.Error.err()
	}
	return answer.Purged, nil
}
