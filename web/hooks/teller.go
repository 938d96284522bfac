package hooks

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"rollcall/hub/outbox"
	"rollcall/presence"
)

// teller makes events of changes, and batches of events.
type teller struct {
	h       *Hooks
	present func(channel, clientID string) bool
	wake    chan struct{} // capacity one
	quit    chan struct{}
	done    chan struct{}
	once    sync.Once
	ctx     context.Context // ends when closing has taken too long
	cancel  context.CancelFunc

	at      atomic.Uint64 // the last entry
	dropped atomic.Uint64 // changes that were not reported because the queue was full

	mu        sync.Mutex // guards intake
	intake    []change
	intakeMax int

	// Owned by the goroutine.
	table    *table
	queue    []change
	queueMax int
	rank     int
	settles  time.Time // when the table is compared with the registry; zero for never
	saves    time.Time // when the table is stored
	warned   uint64    // of dropped
	again    time.Time // when the store is tried again
}

func newTeller(h *Hooks) *teller {
	t := &teller{h: h, wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}), table: newTable()}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	return t
}

func (t *teller) load(ctx context.Context) error {
	at, err := t.table.load(ctx, t.h.store)
	t.at.Store(at)
	return err
}

func (t *teller) signal() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

func (t *teller) run() {
	defer close(t.done)
	t.rank = t.h.rank()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	now := time.Now()
	if t.h.store.Durable() {
		t.settles, t.saves = now.Add(t.h.pace.settle), now.Add(t.h.pace.checkpoint)
	}
	for {
		t.follow()
		t.turn(time.Now(), false)
		timer.Reset(max(time.Until(t.next()), 0))
		select {
		case <-t.wake:
		case <-t.h.store.Changed():
		case <-timer.C:
		case <-t.quit:
			t.turn(time.Now(), true)
			if t.rank == 0 {
				t.save()
			}
			return
		}
	}
}

// close reports pending changes and ends the teller.
func (t *teller) close(ctx context.Context) error {
	defer t.cancel()
	defer context.AfterFunc(ctx, t.cancel)()
	t.once.Do(func() { close(t.quit) })
	if t.present == nil {
		return nil // it was not started
	}
	<-t.done
	if slices.ContainsFunc(t.queue, func(c change) bool { return c.own != nil || t.rank == 0 }) {
		return errors.New("webhooks: some events were not told")
	}
	return nil
}

// next is when there is something to do if nothing happens.
func (t *teller) next() time.Time {
	next := time.Now().Add(time.Hour)
	for _, at := range []time.Time{t.settles, t.saves} {
		if !at.IsZero() && at.Before(next) {
			next = at
		}
	}
	if t.h.roster != nil {
		next = earlier(next, time.Now().Add(t.h.pace.rank)) // the rank may change
	}
	for i := range t.queue {
		at := t.due(&t.queue[i]).Add(t.h.pace.gather)
		if at.Before(t.again) {
			at = t.again
		}
		if next = earlier(next, at); t.rank == 0 {
			break // they are due in order
		}
	}
	return next
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// due is when a change is reported. Another server may report the same membership before.
func (t *teller) due(c *change) time.Time {
	if c.own != nil {
		return c.came
	}
	return c.came.Add(time.Duration(t.rank) * t.h.pace.rank)
}

// turn does the due work.
func (t *teller) turn(now time.Time, last bool) {
	if rank := t.h.rank(); rank != t.rank {
		if t.rank = rank; rank == 0 {
			t.settles = now.Add(t.h.pace.settle) // another server may have died with unreported changes
		}
	}
	t.mu.Lock()
	came := t.intake
	t.intake = nil
	t.mu.Unlock()
	for i := range came {
		came[i].held = t.rank > 0
	}
	t.queue = t.bounded(append(t.queue, came...), &t.queueMax)
	if !t.settles.IsZero() && !now.Before(t.settles) && t.rank == 0 {
		t.settles = time.Time{}
		t.settle(now)
	}
	if n := t.dropped.Load(); n > t.warned {
		t.warned = n
		t.h.log.Warn("webhooks: the store takes too little; ends of streams and short visits are left out", "dropped", n)
	}
	for t.ready(now, last) && t.tell(now) {
	}
	if !t.saves.IsZero() && !now.Before(t.saves) {
		t.saves = now.Add(t.h.pace.checkpoint)
		if t.rank == 0 {
			t.save()
		}
	}
}

// ready reports whether a batch is due.
func (t *teller) ready(now time.Time, last bool) bool {
	if len(t.queue) == 0 || now.Before(t.again) && !last {
		return false
	}
	due := 0
	for i := range t.queue {
		at := t.due(&t.queue[i])
		switch {
		case at.After(now):
		case last || !now.Before(at.Add(t.h.pace.gather)):
			return true
		default:
			due++
		}
		if due >= batchEvents {
			return true
		}
	}
	return false
}

// settle reports clients that the table has and the registry has not as gone. Online is last, as in the registry.
func (t *teller) settle(now time.Time) {
	var gone []change
	for k := range t.table.told {
		if !t.present(k.channel, k.client) {
			gone = append(gone, change{key: k, at: now, came: now})
		}
	}
	slices.SortFunc(gone, func(a, b change) int {
		if online := a.channel == presence.Everyone; a.client == b.client && online != (b.channel == presence.Everyone) {
			if online {
				return 1
			}
			return -1
		}
		return cmp.Or(strings.Compare(a.client, b.client), strings.Compare(a.channel, b.channel))
	})
	t.queue = append(t.queue, gone...)
}

// tell makes a batch of the due changes and stores it. It reports whether there may be more.
func (t *teller) tell(now time.Time) bool {
	id := newID()
	events, rest := t.compose(now, id)
	if len(events) == 0 {
		t.queue = rest
		return false
	}
	data, err := json.Marshal(batch{id, now, events})
	if err != nil { // infos are JSON
		t.h.log.Error("webhooks: events can't be written", "error", err)
		t.queue = rest
		return true
	}
	ctx, cancel := context.WithTimeout(t.ctx, 5*t.h.pace.store)
	defer cancel()
	at := t.at.Load()
	err = t.h.store.Append(ctx, at, data)
	switch {
	case errors.Is(err, outbox.ErrConflict):
		return t.follow() && t.skip(ctx, at) // then retried, with what is still unreported
	case err != nil:
		t.again = now.Add(t.h.pace.store)
		t.h.log.Warn("webhooks: events can't be stored; trying again", "error", err)
		return false
	}
	t.queue = rest
	for i := range events {
		t.table.fold(&events[i])
	}
	t.at.Store(at + 1)
	t.h.told()
	return true
}

// follow reads the other servers' batches. It reports whether that succeeded.
func (t *teller) follow() bool {
	if !t.h.store.Shared() {
		return true
	}
	ctx, cancel := context.WithTimeout(t.ctx, 5*t.h.pace.store)
	defer cancel()
	at := t.at.Load()
	now, err := t.table.catchUp(ctx, t.h.store, at, t.stored, func(key, uint64) bool { return true })
	t.at.Store(now)
	if now > at {
		t.h.told()
	}
	if err != nil {
		t.again = time.Now().Add(t.h.pace.store)
		t.h.log.Debug("webhooks: the store can't be read; trying again", "error", err)
	}
	return err == nil
}

// stored records that a batch is in the store: its changes are reported.
func (t *teller) stored(id string) {
	t.queue = slices.DeleteFunc(t.queue, func(c change) bool { return c.tried == id })
}

// skip goes to the last entry if nothing can be read after at, because all of it was dropped.
func (t *teller) skip(ctx context.Context, at uint64) bool {
	if t.at.Load() > at {
		return true
	}
	head, err := t.h.store.Head(ctx)
	if err != nil || head <= at {
		return false
	}
	if !t.follow() || t.at.Load() > at { // there may be some that came since
		return t.at.Load() > at
	}
	t.at.Store(head)
	return true
}

// save stores the table, and drops the entries that all endpoints have passed.
func (t *teller) save() {
	if !t.h.store.Durable() {
		return
	}
	ctx, cancel := context.WithTimeout(t.ctx, 5*t.h.pace.store)
	defer cancel()
	err := t.table.save(ctx, t.h.store, t.at.Load())
	if err == nil {
		err = t.h.trim(ctx)
	}
	if err != nil && !errors.Is(err, outbox.ErrConflict) {
		t.h.log.Debug("webhooks: what was told can't be stored; trying again", "error", err)
	}
}
