package eventlog

import (
	"context"
	"fmt"
	"sync"
)

// Await implements [Log]. A log that is no follower is ahead of every position that it gave,
// so it never waits.
func (m *Memory) Await(ctx context.Context, seq uint64) error {
	if m.Head().Seq >= seq {
		return nil
	}
	if !m.follower {
		return ErrFuture
	}
	arrival, cancel := m.waiters.add(seq, func() uint64 { return m.Head().Seq })
	defer cancel()
	select {
	case <-arrival:
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrBehind, ctx.Err())
	}
	if m.Head().Seq < seq {
		return ErrClosed
	}
	return nil
}

// waiters are the callers of Await. The zero value is ready.
type waiters struct {
	mu     sync.Mutex
	closed bool
	list   map[*waiter]struct{}
}

type waiter struct {
	seq     uint64
	arrival chan struct{}
}

// add returns a channel that is closed when the head has reached seq, and when the log closes. The caller calls cancel
// when it stops waiting.
func (w *waiters) add(seq uint64, head func() uint64) (arrival <-chan struct{}, cancel func()) {
	one := &waiter{seq, make(chan struct{})}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || head() >= seq {
		close(one.arrival)
		return one.arrival, func() {}
	}
	if w.list == nil {
		w.list = make(map[*waiter]struct{})
	}
	w.list[one] = struct{}{}
	return one.arrival, func() {
		w.mu.Lock()
		delete(w.list, one)
		w.mu.Unlock()
	}
}

// wake wakes the waiters for head and for earlier positions.
func (w *waiters) wake(head uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for one := range w.list {
		if one.seq <= head {
			close(one.arrival)
			delete(w.list, one)
		}
	}
}

// close wakes all waiters, now and later.
func (w *waiters) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	for one := range w.list {
		close(one.arrival)
	}
	w.list = nil
}
