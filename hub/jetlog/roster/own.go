package roster

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// outgoing holds this node's entries and the queue of those still to be sent. An item is in the queue at most once, so
// the queue is not much longer than the table.
type outgoing struct {
	wake chan struct{} // capacity one

	mu     sync.Mutex
	items  map[key]*item
	queue  []waiting
	stale  int // items of the queue that were deleted
	live   int // existing entries
	closed bool
}

type key struct {
	shared bool
	id     string
}

// item is the newest state of an id.
type item struct {
	value           []byte
	gone            bool
	until           time.Time // of a shared one
	fill            bool      // a shared one, only to be written if the stream has none
	state           state
	changedInFlight bool   // changed while flying
	sent            bool   // the stream may have something of it
	seq             uint64 // where the stream stored its last message
	echo            uint64 // where it was last seen in the stream
}

type waiting struct {
	key
	it *item
}

type state uint8

const (
	idle   state = iota // the stream has it
	queued              // to be sent
	flying              // sent and not acknowledged yet
)

func newOwn() *outgoing {
	return &outgoing{wake: make(chan struct{}, 1), items: make(map[key]*item)}
}

// Put puts an entry of this node or another value for it. It never waits for the
// network; others see the newest value once they can.
//
// Errors: ErrInvalid, ErrClosed.
func (r *Roster) Put(id string, value []byte) error {
	return r.own.set(key{false, id}, item{value: value})
}

// Delete deletes an entry of this node. It never waits for the network. Errors: as Put.
func (r *Roster) Delete(id string) error {
	return r.own.set(key{false, id}, item{gone: true})
}

// PutShared puts an entry that belongs to no node, for a time. It never waits for the
// network; until the time is over it is tried to send it. The last to put an id or to
// delete it wins, on all nodes. Errors: as Put.
func (r *Roster) PutShared(id string, value []byte, ttl time.Duration) error {
	return r.own.set(key{true, id}, item{value: value, until: time.Now().Add(max(ttl, time.Second))})
}

// DeleteShared deletes a shared entry. It never waits for the network. Errors: as Put.
func (r *Roster) DeleteShared(id string) error {
	return r.own.set(key{true, id}, item{gone: true, until: time.Now().Add(markerTTL)})
}

func (o *outgoing) set(k key, to item) error {
	if len(k.id) == 0 || len(k.id) > MaxID || len(to.value) > MaxValue {
		return fmt.Errorf("%w: an id has 1 to %d bytes and a value at most %d; these have %d and %d", ErrInvalid, MaxID, MaxValue, len(k.id), len(to.value))
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return ErrClosed
	}
	it := o.items[k]
	if it == nil {
		if to.gone && !k.shared {
			return nil // was never there
		}
		it = &item{gone: true}
		o.items[k] = it
	}
	if !k.shared && it.gone != to.gone {
		if to.gone {
			o.live--
		} else {
			o.live++
		}
	}
	it.gone, it.until, it.fill = to.gone, to.until, false
	if it.value = nil; !to.gone {
		it.value = slices.Clone(to.value)
	}
	if it.gone && !it.sent && it.state != flying && !k.shared {
		delete(o.items, k) // no other node has seen it
		if o.stale++; o.stale > 64+len(o.queue)/2 {
			o.queue = slices.DeleteFunc(o.queue, func(w waiting) bool { return o.items[w.key] != w.it })
			o.stale = 0
		}
		return nil
	}
	o.push(k, it)
	return nil
}

// restore sends a shared entry that a new stream lacks, unless this node has a newer value.
func (o *outgoing) restore(id string, value []byte, until time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	k := key{true, id}
	if o.items[k] == nil {
		it := &item{value: value, until: until, fill: true}
		o.items[k] = it
		o.push(k, it)
	}
}

// push has an item sent.
func (o *outgoing) push(k key, it *item) {
	switch it.state {
	case idle:
		it.state = queued
		o.queue = append(o.queue, waiting{k, it})
		signal(o.wake)
	case flying:
		it.changedInFlight = true
	}
}

// sending is one item under way.
type sending struct {
	key
	value []byte
	gone  bool
	until time.Time
	fill  bool
}

// nextBatch returns up to n items to send.
func (o *outgoing) nextBatch(n int, dst []sending) []sending {
	o.mu.Lock()
	defer o.mu.Unlock()
	i := 0
	for ; i < len(o.queue) && len(dst) < n; i++ {
		k, it := o.queue[i].key, o.queue[i].it
		if o.items[k] != it {
			o.stale--
			continue
		}
		if k.shared && !time.Now().Before(it.until) {
			delete(o.items, k)
			continue
		}
		it.state, it.sent = flying, true
		dst = append(dst, sending{k, it.value, it.gone, it.until, it.fill})
	}
	if o.queue = o.queue[i:]; len(o.queue) == 0 {
		o.queue, o.stale = nil, 0
	}
	return dst
}

// acked records the result of sending an item: its sequence number in the stream, or 0
// if that is not known.
func (o *outgoing) acked(k key, seq uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	it := o.items[k]
	it.state = idle
	if seq != 0 {
		it.seq = seq
	}
	switch again := it.changedInFlight; {
	case again || seq == 0 || !k.shared && it.echo > it.seq:
		it.changedInFlight = false
		o.push(k, it)
	case k.shared || it.gone && it.echo == it.seq:
		delete(o.items, k)
	}
}

// observed notes that the stream has an entry of this node at seq. If it is not the entry
// that this node sent last, that one is sent again: a delayed message must not win.
func (o *outgoing) observed(id string, seq uint64, gone bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	k := key{false, id}
	it := o.items[k]
	switch {
	case it == nil && gone:
	case it == nil:
		it = &item{gone: true, sent: true, echo: seq}
		o.items[k] = it
		o.push(k, it)
	case it.state != idle:
		it.echo = max(it.echo, seq)
	case seq > it.seq:
		it.echo = seq
		o.push(k, it)
	case seq == it.seq:
		if it.echo = seq; it.gone {
			delete(o.items, k)
		}
	}
}

// compare sends again the entries that the stream should have had up to target but lacks.
func (o *outgoing) compare(there map[string]bool, target uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for k, it := range o.items {
		if k.shared || it.state != idle || it.seq > target || there[k.id] {
			continue
		}
		if it.gone {
			delete(o.items, k)
		} else {
			o.push(k, it)
		}
	}
}

// anew has everything sent under a new session. Nothing is flying.
func (o *outgoing) anew() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.queue, o.stale = nil, 0
	for k, it := range o.items {
		if k.shared {
			o.queue = append(o.queue, waiting{k, it})
			continue
		}
		if it.gone {
			delete(o.items, k)
			continue
		}
		it.state, it.changedInFlight, it.sent, it.seq, it.echo = queued, false, false, 0, 0
		o.queue = append(o.queue, waiting{k, it})
	}
	signal(o.wake)
}

func (o *outgoing) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.live
}

func (o *outgoing) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
}
