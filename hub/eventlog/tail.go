package eventlog

import (
	"sync/atomic"
	"time"
)

// segment is a piece of the live flow: a list of records that grows at its end and whose beginning only its readers
// reference.
type segment struct {
	recs [segmentLen]*Record
	n    atomic.Int32            // records published; the log writes, tails read
	next atomic.Pointer[segment] // set once n is segmentLen
}

const segmentLen = 64

// Tail reads the live flow without locks. It belongs to one goroutine.
type Tail struct {
	log  *Memory
	wake chan<- struct{}
	from uint64

	// Owned by the reading goroutine.
	seg   *segment
	i     int
	taken int64 // cost of everything that Next returned

	done atomic.Int64 // cost of everything that was dealt with
}

// Start returns the position after which the tail reads.
func (t *Tail) Start() uint64 { return t.from }

// Next appends up to max records to dst, in log order, and does not block. No records mean that the tail is at the
// head.
func (t *Tail) Next(dst []*Record, max int) []*Record {
	for max > 0 {
		n := int(t.seg.n.Load())
		if t.i == n {
			if n < segmentLen {
				return dst
			}
			next := t.seg.next.Load()
			if next == nil {
				return dst
			}
			t.seg, t.i = next, 0
			continue
		}
		take := min(n-t.i, max)
		for _, r := range t.seg.recs[t.i : t.i+take] {
			t.taken += r.cost()
			dst = append(dst, r)
		}
		t.i += take
		max -= take
	}
	return dst
}

// Age returns how long ago the log accepted r.
func (t *Tail) Age(r *Record) time.Duration { return time.Since(t.log.start) - r.at }

// Behind returns how much of the live flow Next has not returned yet, in bytes as they
// count against Options.MaxLag.
func (t *Tail) Behind() int64 {
	t.log.mu.RLock()
	defer t.log.mu.RUnlock()
	return t.log.flowed - t.taken
}

// Done reports that all records returned by Next were handled, so that appends that wait for this tail can continue.
func (t *Tail) Done() {
	t.done.Store(t.taken)
	if t.log.waiting.Load() > 0 {
		t.log.relieve()
	}
}

// Close takes the tail off the log.
func (t *Tail) Close() {
	m := t.log
	m.mu.Lock()
	for i, other := range m.tails {
		if other == t {
			m.tails = append(m.tails[:i:i], m.tails[i+1:]...)
			break
		}
	}
	m.mu.Unlock()
	m.relieve()
}

// wakeTails notifies the tails of new records. tails is a snapshot.
func wakeTails(tails []*Tail) {
	for _, t := range tails {
		select {
		case t.wake <- struct{}{}:
		default:
		}
	}
}
