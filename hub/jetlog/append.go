package jetlog

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"rollcall/hub/eventlog"
)

// election is how long an append waits for a stream without a leader to get one.
const election = time.Second

// Append implements [eventlog.Log]. When it returns without an error, the events are stored; they are also readable,
// unless this node lags more than five seconds behind the stream.
//
// Errors, beside those of the interface: ErrUnavailable, ErrUnknown, ErrFull, ErrTooMany, ErrTooLarge, ErrLost. Except
// for ErrUnknown, nothing was stored.
func (l *Log) Append(ctx context.Context, events []eventlog.Event) ([]eventlog.Result, error) {
	if len(events) > MaxBatch {
		return nil, ErrTooMany
	}
	if err := l.notes.Allow(events); err != nil {
		return nil, err
	}
	if err := l.Wait(ctx); err != nil {
		return nil, err
	}
	results := make([]eventlog.Result, len(events))
	began := time.Now()
	for try := 0; ; try++ {
		p, err := l.plan(events, results)
		if err != nil {
			return nil, err
		}
		if len(p.messages) == 0 {
			return results, nil
		}
		if err := l.Err(); err != nil {
			return nil, err
		}
		ack, err := l.publish(ctx, p.messages)
		if errors.Is(err, nats.ErrNoResponders) && time.Since(began) < election {
			if wait(ctx, l.ctx, election/20) == nil {
				continue
			}
		}
		if err != nil {
			return nil, err
		}
		if ack.Error == nil {
			return l.settle(ctx, p, ack, results), nil
		}
		if try >= 8 && time.Since(began) > election || !ack.Error.passing() {
			return nil, ack.Error.err()
		}
		if err := l.pause(ctx, ack.Error, try); err != nil {
			return nil, err
		}
	}
}

// plan is the part of an append that has to be published.
type plan struct {
	messages []*nats.Msg
	place    []int // of each message, which event it is
	same     []int // of each event, which event of this append it repeats, or -1
}

// plan separates the events whose key is known, and sets their results. It returns an EndedError if another event
// follows the end of its channel.
func (l *Log) plan(events []eventlog.Event, results []eventlog.Result) (plan, error) {
	known := func(ev *eventlog.Event) bool {
		_, ok := l.Known(ev.Channel, keyID(ev))
		return ok
	}
	ended := func(channel string) (bool, error) { return l.Ended([]string{channel}, math.MaxUint64), nil }
	if err := eventlog.CheckEnds(events, l.HasEnds(), known, ended); err != nil {
		return plan{}, err
	}
	p := plan{same: make([]int, len(events))}
	var seen map[string]int
	for i := range events {
		ev := &events[i]
		p.same[i] = -1
		if ev.Key != "" {
			id := keyID(ev)
			if seq, ok := l.Known(ev.Channel, id); ok {
				results[i] = eventlog.Result{Seq: seq, Duplicate: true}
				continue
			}
			if first, ok := seen[id]; ok {
				p.same[i] = first
				continue
			}
			if seen == nil {
				seen = make(map[string]int)
			}
			seen[id] = i
		}
		p.messages, p.place = append(p.messages, l.life.message(ev)), append(p.place, i)
	}
	return p, nil
}

// settle fills in the results and waits for the mirror.
func (l *Log) settle(ctx context.Context, p plan, ack *pubAck, results []eventlog.Result) []eventlog.Result {
	first := ack.Sequence - uint64(len(p.place)) + 1
	for k, i := range p.place {
		results[i] = eventlog.Result{Seq: first + uint64(k), Duplicate: ack.Duplicate}
	}
	for i, first := range p.same {
		if first >= 0 {
			results[i] = eventlog.Result{Seq: results[first].Seq, Duplicate: true}
		}
	}
	l.await(ctx, ack.Sequence)
	return results
}

// passing reports whether it is worth trying again at once.
func (e *apiError) passing() bool {
	switch e.ErrCode {
	case codeDuplicateInBatch, codeDuplicateOngoing, codeIncompleteBatch, codeTooManyBatches, codeTooManyRequests:
		return true
	}
	return false
}

// pause waits before an append is retried. If another append has used a key, it waits until the mirror has that event.
func (l *Log) pause(ctx context.Context, e *apiError, try int) error {
	pause := time.Millisecond << min(try, 7)
	if e.ErrCode == codeDuplicateInBatch {
		info, err := l.link.info(ctx, l.opts.Stream)
		if err != nil {
			return e.err()
		}
		head := l.Head().Seq
		l.await(ctx, info.State.LastSeq)
		if l.Head().Seq > head && try == 0 {
			pause = 0
		}
	}
	return wait(ctx, l.ctx, pause)
}

// wait waits for d unless one of the contexts ends.
func wait(ctx, log context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-log.Done():
		return eventlog.ErrClosed
	}
}

// pubAck is the stream's answer to a message or a batch.
type pubAck struct {
	Error     *apiError `json:"error"`
	Stream    string    `json:"stream"`
	Sequence  uint64    `json:"seq"`
	Duplicate bool      `json:"duplicate"`
}

// publish sends the messages as one and waits for the stream's answer. Errors:
// ErrUnavailable, ErrUnknown, ErrBusy, or ctx.Err() before anything was sent.
func (l *Log) publish(ctx context.Context, messages []*nats.Msg) (*pubAck, error) {
	if len(messages) > 1 { // the server takes so many open batches, of all nodes
		select {
		case l.batches <- struct{}{}:
			defer func() { <-l.batches }()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := l.link.silent(); err != nil { // a message sent now may arrive at any time
		return nil, err
	}
	during, cancel, err := l.link.during(ctx, requestTimeout)
	if err != nil {
		return nil, err
	}
	defer cancel()
	head := l.Head().Seq
	end := messages[len(messages)-1]
	if len(messages) > 1 {
		id := rand.Text()
		for i, m := range messages {
			m.Header[headBatch], m.Header[headPart] = []string{id}, []string{strconv.Itoa(i + 1)}
			if m == end {
				m.Header[headEnd] = []string{"1"}
			} else if err := l.link.nc.PublishMsg(m); err != nil {
				return nil, unsent(err) // a batch without its end is dropped
			}
		}
	}
	reply, err := l.link.nc.RequestMsgWithContext(during, end)
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return nil, fmt.Errorf("%w: the stream has no leader, or was deleted (%w)", ErrUnavailable, err)
	case err != nil && during.Err() == nil:
		return nil, unsent(err)
	case err != nil:
		if ctx.Err() != nil {
			return nil, fmt.Errorf("%w (%w)", ErrUnknown, ctx.Err())
		}
		return nil, ErrUnknown
	}
	l.link.heard()
	var ack pubAck
	if err := json.Unmarshal(reply.Data, &ack); err != nil || ack.Error == nil && (ack.Sequence == 0 || ack.Stream != l.opts.Stream) {
		return nil, fmt.Errorf("%w (an unknown answer: %q)", ErrUnknown, reply.Data)
	}
	switch n := uint64(len(messages)); {
	case ack.Error != nil:
	case ack.Duplicate:
		return &ack, l.confirm(ctx, head)
	case ack.Sequence < head+n:
		l.setBack(fmt.Sprintf("an event was stored at %d, but %d was seen", ack.Sequence, head))
		return nil, fmt.Errorf("%w (%w)", ErrUnknown, l.Err())
	}
	return &ack, nil
}

// confirm returns an error if the stream ends before head, which it had reached: the numbers that it answers may be those of
// other events.
func (l *Log) confirm(ctx context.Context, head uint64) error {
	info, err := l.link.info(ctx, l.opts.Stream)
	if err != nil {
		return fmt.Errorf("%w (%w)", ErrUnknown, err)
	}
	if info.State.LastSeq < head {
		return fmt.Errorf("%w (the stream ends at %d, but %d was seen)", ErrUnknown, info.State.LastSeq, head)
	}
	return nil
}

// unsent is the error of a message that did not leave this process.
func unsent(err error) error {
	switch {
	case errors.Is(err, nats.ErrMaxPayload):
		return fmt.Errorf("%w: %w", ErrTooLarge, err)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}
