package disklog

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"rollcall/hub/eventlog"
)

// request asks the writer to append events, to purge a channel, or to seal the open segment.
type request struct {
	events []eventlog.Event
	purge  string
	seal   bool

	state   atomic.Int32 // waiting, taken or given up
	done    chan struct{}
	results []eventlog.Result // once done is closed
	err     error
}

const (
	waiting = iota
	taken
	givenUp
)

func (r *request) finish(err error) {
	r.err = err
	close(r.done)
}

// queue has the requests that wait for the writer.
type queue struct {
	mu     sync.Mutex
	closed bool
	list   []*request
	want   int           // how many the writer waits for; 0 is one
	wake   chan struct{} // of capacity one
}

// add adds a request. It returns false if the log is closed.
func (q *queue) add(r *request) bool {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return false
	}
	q.list = append(q.list, r)
	enough := len(q.list) >= q.want
	q.mu.Unlock()
	if enough {
		q.nudge()
	}
	return true
}

func (q *queue) nudge() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// take returns all waiting requests, and whether the queue is closed. It waits for the first request, and then up to
// most for the wanted number. spare becomes the queue's storage.
func (q *queue) take(spare []*request, want int, most time.Duration) (list []*request, closed bool) {
	var timeout <-chan time.Time
	for {
		q.mu.Lock()
		q.want = 0
		switch n := len(q.list); {
		case q.closed || n > 0 && (n >= want || most <= 0):
			list, q.list = q.list, spare[:0]
			closed = q.closed
			q.mu.Unlock()
			return list, closed
		case n > 0 && timeout == nil:
			timer := time.NewTimer(most)
			defer timer.Stop()
			timeout = timer.C
			fallthrough
		case n > 0:
			q.want = want
		}
		q.mu.Unlock()
		select {
		case <-q.wake:
		case <-timeout:
			most = 0
		}
	}
}

// waiting returns how many requests wait.
func (q *queue) waiting() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.list)
}

func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.nudge()
}

// stuckAfter is how long a request waits for the disk before it looks whether that is full.
const stuckAfter = time.Second

// do has the writer do something and waits for it.
func (l *Log) do(ctx context.Context, r *request) error {
	if err := l.writable(); err != nil && !r.seal {
		return err
	}
	r.done = make(chan struct{})
	if !l.queue.add(r) {
		return eventlog.ErrClosed
	}
	stuck := time.NewTicker(stuckAfter)
	defer stuck.Stop()
	for waits := true; waits; {
		select {
		case <-r.done:
			return r.err
		case <-ctx.Done():
			waits = false
		case <-stuck.C: // it may have found the disk full itself
			if l.store.fs.full() && r.state.Load() == taken {
				return fmt.Errorf("%w (its disk is full)", eventlog.ErrUnknown)
			}
		}
	}
	if r.state.CompareAndSwap(waiting, givenUp) {
		return ctx.Err()
	}
	select {
	case <-r.done:
		return r.err
	default:
		return fmt.Errorf("%w (%w)", eventlog.ErrUnknown, ctx.Err())
	}
}

// writable returns why nothing can be stored now.
func (l *Log) writable() error {
	if err := l.store.failure(); err != nil {
		return err
	}
	if l.store.fs.full() {
		return fmt.Errorf("%w: its disk is full", eventlog.ErrFull)
	}
	return nil
}

// reserve stays free on the disk for the store's other writes.
const reserve = 64 << 20

// room returns ErrFull if the disk has no space for events.
func (l *Log) room() error {
	if free, total, ok := disk(l.dir); ok && free < min(reserve, total/8) {
		return fmt.Errorf("%w: its disk has %d MiB left", eventlog.ErrFull, free>>20)
	}
	return nil
}

// Append implements [eventlog.Log]. The events are stored and readable when it returns without an error.
//
// Errors, beside those of the interface: ErrUnavailable, ErrUnknown, ErrFull. Except for ErrUnknown, nothing was
// stored.
func (l *Log) Append(ctx context.Context, events []eventlog.Event) ([]eventlog.Result, error) {
	if err := l.notes.Allow(events); err != nil {
		return nil, err
	}
	if err := l.Wait(ctx); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(events) == 0 {
		return nil, nil
	}
	r := &request{events: events}
	if err := l.do(ctx, r); err != nil {
		return nil, err
	}
	for i := range events {
		l.notes.Stored(&events[i], time.Now())
	}
	return r.results, nil
}

// Purge drops all kept events of the channel and returns their number; a stream that resumes before them gets a gap.
// Errors: those of Append.
func (l *Log) Purge(ctx context.Context, channel string) (int, error) {
	r := &request{purge: channel}
	if err := l.do(ctx, r); err != nil {
		return 0, err
	}
	if len(r.results) == 0 {
		return 0, errors.New("a purge without a result")
	}
	return int(r.results[0].Seq), nil
}
