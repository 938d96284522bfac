package eventlog

import (
	"hash/maphash"
	"sort"
	"strings"
	"time"
)

// The book-keeping costs of one record, channel, tombstone and idempotency key beside its bytes: structs, slots and
// map entries, rounded up.
const (
	recordCost  = 112
	channelCost = 208
	graveCost   = 40
	keyCost     = 72
)

// ownShare is the part of the budget that the server's own channels may have, so that
// they push out one another and not the events of others.
const ownShare = 16

// history holds the kept events of one channel. The name is static; the rest is guarded by Memory.mu. A history in the map is never empty.
type history struct {
	name   string
	limits Limits
	shelf  *shelf

	recs    []*Record // recs[first:] are kept, in log order
	first   int
	bytes   int
	through uint64 // events up to here, of those after the tombstone, were dropped
}

func (h *history) len() int { return len(h.recs) - h.first }

// newest returns the last kept record.
func (h *history) newest() *Record { return h.recs[len(h.recs)-1] }

// after returns the kept records behind seq, shared.
func (h *history) after(seq uint64) []*Record {
	kept := h.recs[h.first:]
	if len(kept) > 0 && kept[0].Seq > seq {
		return kept
	}
	return kept[sort.Search(len(kept), func(i int) bool { return kept[i].Seq > seq }):]
}

// keep adds r to its channel and drops the channel's surplus.
func (m *Memory) keep(channel string, r *Record) {
	h := m.channels[channel]
	if h == nil {
		h = &history{name: strings.Clone(channel), limits: m.Limits(channel)}
		if h.limits.Keep == KeepNone {
			r.hist = h // which keeps nothing
			m.published++
			return
		}
		h.shelf = m.shelfOf(h)
		h.through = m.droppedThrough(h.name)
		m.channels[h.name] = h
		m.catalogue.add(h)
		m.charge(h.shelf, channelCost+int64(len(h.name)))
		h.shelf.channels++
	}
	s := h.shelf
	r.hist = h
	if s != &m.own {
		m.published++
	}
	if r.End() {
		m.ends.Add(1)
	}
	if h.first > 0 && len(h.recs) == cap(h.recs) && h.first >= len(h.recs)/4 {
		n := copy(h.recs, h.recs[h.first:])
		clear(h.recs[n:])
		h.recs, h.first = h.recs[:n], 0
	}
	h.recs = append(h.recs, r)
	h.bytes += len(r.buf)
	m.charge(s, r.cost())
	s.link(r)
	for h.surplus() {
		m.evict(h.recs[h.first])
	}
}

// surplus reports whether the channel has more than it may.
func (h *history) surplus() bool {
	return h.len() > h.limits.Events || h.bytes > h.limits.Bytes && h.len() > 1
}

func (r *Record) cost() int64 { return recordCost + int64(cap(r.buf)) }

// evict drops r, the oldest of its channel; a channel left empty is freed.
func (m *Memory) evict(r *Record) {
	h := r.hist
	s := h.shelf
	h.recs[h.first] = nil
	h.first++
	h.bytes -= len(r.buf)
	h.through = r.Seq
	if r.End() {
		m.ends.Add(-1)
	}
	m.charge(s, -r.cost())
	s.unlink(r)
	switch n := h.len(); {
	case n == 0:
		delete(m.channels, h.name)
		m.catalogue.remove(h)
		m.charge(s, -channelCost-int64(len(h.name)))
		s.channels--
		m.rememberDropped(h.name, h.through)
	case cap(h.recs) > max(4*n, 8): // give back the slots of a burst: recordCost pays for four
		h.recs, h.first = append(make([]*Record, 0, 2*n), h.recs[h.first:]...), 0
	}
}

// trim drops the oldest records while they are too old or the budget is passed.
func (m *Memory) trim(now time.Duration) {
	m.bytes -= m.keys.expire(now, int(m.opts.Budget/16/keyCost))
	for r := m.own.oldest; r != nil && (m.own.tooOld(r, now) || m.own.bytes > m.opts.Budget/ownShare); r = m.own.oldest {
		m.evict(r)
	}
	for _, s := range m.shelves {
		for s.oldest != nil && s.tooOld(s.oldest, now) {
			m.evict(s.oldest)
		}
	}
	for m.bytes > m.opts.Budget {
		r := m.oldestKept()
		if r == nil {
			return
		}
		m.crowded++
		m.evict(r)
	}
}

// sweep trims by age until the log is closed.
func (m *Memory) sweep() {
	defer close(m.swept)
	every := time.Second
	if m.opts.Age > 0 {
		every = min(max(m.opts.Age/10, 10*time.Millisecond), every)
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			m.mu.Lock()
			m.trim(time.Since(m.start))
			m.mu.Unlock()
		case <-m.done:
			return
		}
	}
}

// graveyard remembers, for freed channels, the number through which their events were dropped: two generations of
// tombstones by the hash of the name. A full young generation becomes the old one; the previous old one is merged into
// a watermark. Two names with one hash share the later tombstone. This may cause a false gap, never a missing one.
type graveyard struct {
	young, old map[uint64]uint64
	oldMax     uint64 // highest value ever in old
	youngMax   uint64
	watermark  uint64 // freed channels without a tombstone lost nothing after this
}

// rememberDropped records that name, now freed, dropped events through seq. The server's own channels share one
// tombstone, so that they don't displace those of other channels.
func (m *Memory) rememberDropped(name string, seq uint64) {
	if isNote(name) {
		m.own.lost = max(m.own.lost, seq)
		return
	}
	if !IsOwn(name) {
		m.catalogue.forget(name, seq)
	}
	g := &m.graves
	if int64(len(g.young)) >= max(m.opts.Budget/16/graveCost, 1) {
		m.bytes -= int64(len(g.old)) * graveCost
		g.watermark = max(g.watermark, g.oldMax)
		g.old, g.oldMax = g.young, g.youngMax
		g.young, g.youngMax = nil, 0
	}
	if g.young == nil {
		g.young = make(map[uint64]uint64)
	}
	before := len(g.young)
	hash := maphash.String(m.seed[0], name)
	g.young[hash] = max(seq, g.young[hash])
	g.youngMax = max(g.youngMax, seq)
	m.bytes += int64(len(g.young)-before) * graveCost
}

// droppedThrough returns the last sequence number dropped from a channel without history. The
// tombstone stays: it may be another channel's too.
func (m *Memory) droppedThrough(name string) uint64 {
	g := &m.graves
	if isNote(name) {
		return max(m.own.lost, g.watermark)
	}
	hash := maphash.String(m.seed[0], name)
	if seq, ok := g.young[hash]; ok {
		return seq
	}
	if seq, ok := g.old[hash]; ok {
		return seq
	}
	return g.watermark
}

// evictedThrough returns the number through which the channel dropped events; h is its history or nil.
func (m *Memory) evictedThrough(name string, h *history) uint64 {
	if !m.Keeps(name) {
		return 0
	}
	if h != nil {
		return h.through
	}
	return m.droppedThrough(name)
}
