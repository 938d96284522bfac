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

// trace notes that a record is due for n live streams, if it has a trace.
func (s *shard) trace(r *eventlog.Record, n int) {
	if n > 0 && s.hub.traced != nil && r.Traced() {
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
