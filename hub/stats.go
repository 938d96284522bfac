package hub

import (
	"maps"
	"sync"

	"rollcall/hub/eventlog"
)

// Stats describes a hub's present state and its counts since it began. Counts only grow.
type Stats struct {
	Streams int // attached
	Behind  int // of those, catching up with the log
	Blocked int // of those, taking nothing at present

	// Patterns is the number of patterns that streams follow, each once for each shard that has such a stream.
	Patterns int

	Accepted uint64            // streams that began
	Resumed  uint64            // of those, with a position of this log
	Events   uint64            // given to streams, each event once for each
	Bytes    uint64            // taken by connections
	Gaps     uint64            // holes announced, each once for each channel of a stream
	Ends     map[string]uint64 // streams that ended, by Reason.Code

	// Lag is how long after its append a live event was handed to the connection:
	// every stream counts once for each write, by the oldest event in it. It is
	// sampled within a turn of a shard.
	Lag Histogram

	Shards []ShardStats // always in the same order
}

// ShardStats is the load of one shard.
type ShardStats struct {
	Streams int
	Mail    int   // messages that waited in its mailbox when it was asked
	Behind  int64 // bytes of the live flow that it has not dealt with; see eventlog.Options.MaxLag
}

// counts is a shard's part of Stats, shard-owned: not shared, so counting costs an addition.
type counts struct {
	behind, blocked     int // counted on request, like patterns and shard
	patterns            int
	shard               ShardStats
	accepted, resumed   uint64
	events, bytes, gaps uint64
	ends                map[string]uint64
	lag                 Histogram
}

// lagSample is of how many streams written to in one turn one is timed.
const lagSample = 32

// Stats collects the figures of all shards. It waits for each to end its turn.
func (h *Hub) Stats() Stats {
	parts := make([]counts, len(h.shards))
	var asked sync.WaitGroup
	for i, s := range h.shards {
		mail := s.mail()
		asked.Add(1)
		s.post(func() {
			parts[i] = s.account()
			parts[i].shard.Mail = mail
			asked.Done()
		})
	}
	asked.Wait()
	st := Stats{Streams: h.Streams(), Ends: make(map[string]uint64)}
	for i := range parts {
		t := &parts[i]
		st.Behind += t.behind
		st.Blocked += t.blocked
		st.Patterns += t.patterns
		st.Accepted += t.accepted
		st.Resumed += t.resumed
		st.Events += t.events
		st.Bytes += t.bytes
		st.Gaps += t.gaps
		for code, n := range t.ends {
			st.Ends[code] += n
		}
		st.Lag.Add(&t.lag)
		st.Shards = append(st.Shards, t.shard)
	}
	return st
}

// account returns a copy of the shard's counts.
func (s *shard) account() counts {
	t := s.counts
	t.ends = maps.Clone(t.ends)
	t.shard.Streams, t.patterns = len(s.conns), s.index.patterns.count
	if s.tail != nil {
		t.shard.Behind = s.tail.Behind()
	}
	for _, c := range s.stuck {
		if c.state&(ended|blocked) == blocked {
			t.blocked++
		}
	}
	t.behind = t.blocked
	for _, c := range s.lagging {
		if c.state&ended == 0 {
			t.behind++
		}
	}
	return t
}

// mail returns the number of functions in the mailbox.
func (s *shard) mail() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.box)
}

// Behind returns, for each stream that is behind, the number of kept events still to be sent. With many streams it
// samples about most of them per shard, evenly spread. It waits for each shard to end its turn, and queries the log.
func (h *Hub) Behind(most int) []int {
	replies := make(chan []eventlog.Cursor, len(h.shards))
	for _, s := range h.shards {
		s.post(func() { replies <- s.sample(most) })
	}
	var behind []int
	for range h.shards {
		for _, c := range <-replies {
			behind = append(behind, h.log.Pending(&c))
		}
	}
	return behind
}

// sample returns the positions of about most streams that are behind.
func (s *shard) sample(most int) (places []eventlog.Cursor) {
	step := (len(s.stuck)+len(s.lagging))/most + 1
	for i := 0; i < len(s.stuck)+len(s.lagging); i += step {
		var c *Conn
		if i < len(s.stuck) {
			if c = s.stuck[i]; c.state&blocked == 0 {
				continue
			}
		} else {
			c = s.lagging[i-len(s.stuck)]
		}
		if c.state&ended == 0 {
			places = append(places, eventlog.Cursor{Channels: c.channels(), After: c.position().Seq})
		}
	}
	return places
}
