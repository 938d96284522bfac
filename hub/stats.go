package hub

import "maps"

// Stats is what a hub holds now and has done since it began. Counts only grow.
type Stats struct {
	Streams int // attached
	Behind  int // of those, catching up with the log
	Blocked int // of those, taking nothing at present

	Accepted uint64            // streams that began
	Resumed  uint64            // of those, after a position of this log
	Events   uint64            // given to streams, each event once for each
	Bytes    uint64            // taken by connections
	Gaps     uint64            // holes announced, each once for each channel of a stream
	Ends     map[string]uint64 // streams that ended, by Reason.Code

	// Lag is how long after its append a live event was handed to the connection:
	// every stream counts once for each write, by the oldest event in it. It is
	// sampled within a turn of a shard.
	Lag Histogram
}

// counts is a shard's part of Stats, shard-owned: nobody shares it, so counting
// costs an addition.
type counts struct {
	behind, blocked     int // found when asked
	accepted, resumed   uint64
	events, bytes, gaps uint64
	ends                map[string]uint64
	lag                 Histogram
}

// lagSample is of how many streams written to in one turn one is timed.
const lagSample = 32

// Stats asks the shards what they have done. It waits for each to end its turn.
func (h *Hub) Stats() Stats {
	replies := make(chan counts, len(h.shards))
	for _, s := range h.shards {
		s.post(func() { replies <- s.account() })
	}
	st := Stats{Streams: h.Streams(), Ends: make(map[string]uint64)}
	for range h.shards {
		t := <-replies
		st.Behind += t.behind
		st.Blocked += t.blocked
		st.Accepted += t.accepted
		st.Resumed += t.resumed
		st.Events += t.events
		st.Bytes += t.bytes
		st.Gaps += t.gaps
		for code, n := range t.ends {
			st.Ends[code] += n
		}
		st.Lag.Add(&t.lag)
	}
	return st
}

// account returns a copy of the shard's counts.
func (s *shard) account() counts {
	t := s.counts
	t.ends = maps.Clone(t.ends)
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
