package eventlog

import (
	"context"
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Memory is the [Log] that lives in the process and ends with it. Every Memory
// has a new epoch unless one is given.
type Memory struct {
	// Static after NewMemory.
	opts  Options   // but for the rules, see options
	start time.Time // monotonic base of ages
	seed  [2]maphash.Seed
	done  chan struct{}
	swept chan struct{}
	// follower is set if the events come from another log, see NewFollower.
	follower bool

	options atomic.Pointer[Options] // with the rules as they are now; replaced under mu
	unkept  atomic.Bool             // some rule says KeepNone
	waiters waiters
	waiting atomic.Int32 // appends that wait for a tail
	ends    atomic.Int64 // kept records that are the last of their channels; changed under mu

	mu        sync.RWMutex // guards everything below; never held while calling out
	closed    bool
	latest    bool // some rule says Latest
	head      uint64
	bytes     int64  // charged against the budget
	crowded   uint64 // events dropped for lack of budget, without the server's own
	published uint64 // events accepted, without the server's own
	channels  map[string]*history
	shelves   []*shelf // of users' channels
	own       shelf    // of the server's own channels
	graves    graveyard
	catalogue catalogue
	keys      keyring
	last      *segment // the end of the live flow
	flowed    int64    // cost of everything that went into the live flow
	tails     []*Tail  // replaced, never changed in place
	relief    chan struct{}
}

var _ Log = (*Memory)(nil)

// NewMemory returns an empty log. Close it to end its sweeper.
func NewMemory(opts Options) *Memory {
	m := &Memory{
		opts:     opts.withDefaults(),
		start:    time.Now(),
		seed:     [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
		done:     make(chan struct{}),
		swept:    make(chan struct{}),
		channels: make(map[string]*history),
		last:     new(segment),
		relief:   make(chan struct{}),
	}
	m.options.Store(&m.opts)
	m.shelves, m.own.age = []*shelf{{age: m.opts.Age}}, m.opts.Age
	m.setRuled()
	go m.sweep()
	return m
}

// Append implements [Log]. It never waits longer than Options.MaxWait.
func (m *Memory) Append(ctx context.Context, events []Event) ([]Result, error) {
	if err := m.wait(ctx, m.opts.MaxWait); err != nil {
		return nil, err
	}
	now := time.Now()
	stamp := Stamp(now)
	m.mu.RLock()
	digits := decimalDigits(m.head + uint64(len(events)))
	m.mu.RUnlock()
	drafts := make([]draft, len(events))
	for i := range events {
		drafts[i] = encode(&events[i], m.opts.Epoch, digits, stamp, 0)
	}
	results := make([]Result, len(events))

	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return nil, ErrClosed
	}
	at := now.Sub(m.start) // ages go by this, timestamps by the wall clock
	if err := m.endedEarlier(events, at); err != nil {
		m.mu.Unlock()
		return nil, err
	}
	for i := range events {
		ev := &events[i]
		var key keyHash
		if ev.Key != "" {
			key = m.keyOf(ev)
			if seq, ok := m.keys.find(key, at); ok {
				results[i] = Result{seq, true}
				continue
			}
		}
		d := &drafts[i]
		d.seal(m.opts.Epoch, m.head+1)
		m.head++
		results[i] = Result{m.head, false}
		if ev.Key != "" {
			m.bytes += m.keys.add(key, m.head, at)
		}
		r := new(Record)
		*r = d.Record
		r.at = at
		m.keep(ev.Channel, r)
		m.publish(r)
	}
	m.trim(at)
	tails := m.tails
	m.mu.Unlock()
	wakeTails(tails)
	return results, nil
}

// publish adds r to the live flow.
func (m *Memory) publish(r *Record) {
	n := m.last.n.Load()
	if n == segmentLen {
		next := new(segment)
		m.last.next.Store(next)
		m.last, n = next, 0
	}
	m.last.recs[n] = r
	m.last.n.Store(n + 1)
	m.flowed += r.cost()
}

// wait returns when no tail is further behind than MaxLag. It waits no longer than
// most; a negative one is no limit.
func (m *Memory) wait(ctx context.Context, most time.Duration) error {
	var timeout <-chan time.Time
	for {
		m.mu.RLock()
		ok, relief := m.closed || !m.laggingLocked(), m.relief
		m.mu.RUnlock()
		if ok {
			return nil
		}
		if timeout == nil {
			m.waiting.Add(1)
			defer m.waiting.Add(-1)
			timeout = make(chan time.Time)
			if most >= 0 {
				timer := time.NewTimer(most)
				defer timer.Stop()
				timeout = timer.C
			}
			continue // a tail may have caught up before it could see us wait
		}
		select {
		case <-relief:
		case <-timeout:
			return ErrBusy
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (m *Memory) laggingLocked() bool {
	for _, t := range m.tails {
		if m.flowed-t.done.Load() > m.opts.MaxLag {
			return true
		}
	}
	return false
}

// relieve makes waiting appends check again.
func (m *Memory) relieve() {
	m.mu.Lock()
	close(m.relief)
	m.relief = make(chan struct{})
	m.mu.Unlock()
}

// Head implements [Log].
func (m *Memory) Head() Position {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return Position{m.opts.Epoch, m.head}
}

// Last implements [Log].
func (m *Memory) Last(channels []string) (Position, []*Record) {
	recs := make([]*Record, len(channels))
	var pieces map[int][]*Record
	m.mu.RLock()
	for i, name := range channels {
		if h := m.channels[name]; h != nil {
			recs[i] = h.recs[len(h.recs)-1]
			if text := h.lastText(); len(text) > 1 {
				if pieces == nil {
					pieces = make(map[int][]*Record)
				}
				pieces[i] = slices.Clone(text)
			}
		}
	}
	at := Position{m.opts.Epoch, m.head}
	m.mu.RUnlock()
	for i, text := range pieces {
		recs[i] = join(text, m.opts.Epoch)
	}
	return at, recs
}

// Tail implements [Log].
func (m *Memory) Tail(wake chan<- struct{}) *Tail {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := &Tail{seg: m.last, i: int(m.last.n.Load()), log: m, wake: wake, from: m.head, taken: m.flowed}
	t.done.Store(m.flowed)
	m.tails = append(m.tails[:len(m.tails):len(m.tails)], t)
	return t
}

// Close implements [Log].
func (m *Memory) Close() error {
	m.mu.Lock()
	if !m.closed {
		m.closed = true
		close(m.done)
	}
	m.mu.Unlock()
	m.waiters.close()
	m.relieve()
	<-m.swept
	return nil
}
