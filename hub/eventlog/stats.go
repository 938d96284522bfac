package eventlog

import (
	"slices"
	"time"
)

// Stats describes the log at one instant. The server's own channels count only for the budget.
type Stats struct {
	Published        uint64 // events accepted since the log began; in a follower since [Memory.Loaded]
	Channels         int    // channels that keep events
	Ended            int    // of those, that have ended
	Events           int    // kept
	Bytes            int64  // charged against the budget
	Budget           int64
	EvictedForBudget uint64 // events dropped, since the log began, because the budget was spent
}

// Stats returns the log's present figures.
func (m *Memory) Stats() Stats {
	m.mu.RLock()
	defer m.mu.RUnlock()
	stats := Stats{Published: m.published, Ended: int(m.ends.Load()), Bytes: m.bytes, Budget: m.opts.Budget, EvictedForBudget: m.crowded}
	for _, s := range m.shelves {
		stats.Channels += s.channels
		stats.Events += s.events
	}
	return stats
}

// Kept describes the kept events of one channel.
type Kept struct {
	Channel string
	Events  int
	Bytes   int
	Oldest  time.Duration // age of the oldest event kept
	Newest  *Record       // nil if none is kept
	Dropped bool          // the channel had events that are no longer kept

	// Activity counts the kept events by time: equal parts of Span up to now, the oldest first. Span is shorter than
	// requested if the channel has dropped events of that time or has no older ones.
	Activity []int
	Span     time.Duration
}

// Kept returns the kept events of each channel, with its activity within span in so many parts. It visits each event
// of that time under the log's lock, so pass few channels at once.
func (m *Memory) Kept(channels []string, span time.Duration, parts int) []Kept {
	list := make([]Kept, len(channels))
	m.mu.RLock()
	defer m.mu.RUnlock()
	now := time.Since(m.start)
	for i, name := range channels {
		list[i] = Kept{Channel: name, Activity: make([]int, parts), Span: span}
		if h := m.channels[name]; h != nil {
			h.describe(&list[i], now)
		}
	}
	return list
}

func (h *history) describe(k *Kept, now time.Duration) {
	kept := h.recs[h.first:]
	k.Dropped = h.through > 0
	k.Events, k.Bytes, k.Newest, k.Oldest = len(kept), h.bytes, kept[len(kept)-1], now-kept[0].at
	if h.through > 0 && k.Oldest < k.Span {
		k.Span = min(max(k.Oldest, time.Second), k.Span)
	}
	for i := len(kept) - 1; i >= 0; i-- {
		age := now - kept[i].at
		if age >= k.Span {
			return
		}
		k.Activity[len(k.Activity)-1-int(int64(age)*int64(len(k.Activity))/int64(k.Span))]++
	}
}

// channelSteps is how many channels are looked at before a publish may have the log.
const channelSteps = 1024

// Channels returns every channel except the server's own, without activity, in no order. Events may arrive meanwhile;
// a channel that is emptied and filled meanwhile may appear twice.
func (m *Memory) Channels() []Kept {
	m.mu.RLock()
	defer m.mu.RUnlock()
	now := time.Since(m.start)
	list := make([]Kept, 0, len(m.channels))
	for name, h := range m.channels {
		if IsOwn(name) {
			continue
		}
		kept := h.recs[h.first:]
		list = append(list, Kept{Channel: name, Events: len(kept), Bytes: h.bytes, Oldest: now - kept[0].at, Newest: kept[len(kept)-1]})
		if len(list)%channelSteps == 0 {
			m.mu.RUnlock()
			m.mu.RLock()
			now = time.Since(m.start)
		}
	}
	return list
}

// Busy is a channel and the rate at which events came to it.
type Busy struct {
	Channel string
	Rate    float64 // events a second
}

// Busiest returns at most n channels with the most events within span, the busiest first, without the server's own. If
// more than 10 000 events came in that time, it counts the newest 10 000.
func (m *Memory) Busiest(span time.Duration, n int) []Busy {
	const most = 10_000
	counts := make(map[*history]int)
	m.mu.RLock()
	now := time.Since(m.start)
	looked := 0
	m.backward(func(r *Record) bool {
		if now-r.at >= span {
			return false
		}
		if looked++; looked > most {
			span = now - r.at
			return false
		}
		if !IsOwn(r.hist.name) {
			counts[r.hist]++
		}
		return true
	})
	list := make([]Busy, 0, len(counts))
	for h, count := range counts {
		over := max(span, time.Second)
		if h.through > 0 { // a busy channel drops its events sooner than that
			over = min(over, max(now-h.recs[h.first].at, time.Second/10))
		}
		list = append(list, Busy{h.name, float64(count) / over.Seconds()})
	}
	m.mu.RUnlock()
	slices.SortFunc(list, func(a, b Busy) int {
		switch {
		case a.Rate != b.Rate:
			if a.Rate > b.Rate {
				return -1
			}
			return 1
		case a.Channel < b.Channel:
			return -1
		}
		return 1
	})
	return list[:min(n, len(list))]
}

// Purge drops everything that the channel keeps, as if it had grown old: a stream
// that resumes behind it gets a gap. It returns their number.
func (m *Memory) Purge(channel string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for h := m.channels[channel]; h != nil; h = m.channels[channel] {
		m.evict(h.recs[h.first])
		n++
	}
	return n
}

// Newest returns at most n of the newest kept records after seq, newest first, without those of the server's own
// channels and those that want rejects. It visits at most 10 000 under the log's lock; want must not call the log.
// through is the head, to be passed as seq the next time.
func (m *Memory) Newest(n int, seq uint64, want func(channel string) bool) (recs []*Record, through uint64) {
	const most = 10_000
	m.mu.RLock()
	defer m.mu.RUnlock()
	looked := 0
	m.backward(func(r *Record) bool {
		if looked++; r.Seq <= seq || len(recs) == n || looked > most {
			return false
		}
		if !IsOwn(r.hist.name) && want(r.hist.name) {
			recs = append(recs, r)
		}
		return true
	})
	return recs, m.head
}

// Page returns the n newest kept records of a channel before seq, newest first; 0
// for seq means up to the head.
func (m *Memory) Page(channel string, before uint64, n int) []*Record {
	m.mu.RLock()
	defer m.mu.RUnlock()
	h := m.channels[channel]
	if h == nil {
		return nil
	}
	kept := h.recs[h.first:]
	if before > 0 {
		kept = kept[:len(kept)-len(h.after(before-1))]
	}
	page := slices.Clone(kept[max(len(kept)-n, 0):])
	slices.Reverse(page)
	return page
}
