package hub

import (
	"time"

	"rollcall/hub/eventlog"
)

// FanOut is how one event with a trace was given to the live streams of one shard.
type FanOut struct {
	Record  *eventlog.Record
	Streams int           // that received it, at least one
	Took    time.Duration // from its acceptance by the log until the last of them was written
}

// trace notes that a record with a trace is due for the live streams of its topic.
func (s *shard) trace(r *eventlog.Record, t *topic) {
	n := 0
	for i := range t.refs {
		if c := t.refs[i].c; c.catch == nil && r.Seq > c.pos {
			n++
		}
	}
	if n > 0 {
		s.traced = append(s.traced, FanOut{Record: r, Streams: n})
	}
}

// tellTraced reports the traced records at the end of the turn.
func (s *shard) tellTraced() {
	for i := range s.traced {
		f := &s.traced[i]
		f.Took = s.tail.Age(f.Record)
		s.hub.traced(*f)
	}
	clear(s.traced)
	s.traced = s.traced[:0]
}
