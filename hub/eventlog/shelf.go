package eventlog

import (
	"slices"
	"time"
)

// shelf is what a group of channels keeps whose events grow old after the same time. Guarded by Memory.mu.
type shelf struct {
	age              time.Duration // static; negative without end
	oldest, newest   *Record       // all records, in log order
	channels, events int
	bytes            int64
	lost             uint64 // the newest event of an own channel that was freed
}

// tooOld reports whether r, of this shelf, has been kept long enough.
func (s *shelf) tooOld(r *Record, now time.Duration) bool { return s.age >= 0 && now-r.at > s.age }

// link adds the log's newest record, or the newest so far.
func (s *shelf) link(r *Record) {
	if r.older = s.newest; r.older != nil {
		r.older.newer = r
	} else {
		s.oldest = r
	}
	s.newest = r
	s.events++
}

func (s *shelf) unlink(r *Record) {
	if r.older != nil {
		r.older.newer = r.newer
	} else {
		s.oldest = r.newer
	}
	if r.newer != nil {
		r.newer.older = r.older
	} else {
		s.newest = r.older
	}
	r.older, r.newer = nil, nil
	s.events--
}

// shelfOf returns the shelf of a channel: that of the server's notes, or that of the channel's age. Users' channels have
// as many shelves as there are ages in the rules, mostly one.
func (m *Memory) shelfOf(h *history) *shelf {
	if isNote(h.name) {
		return &m.own
	}
	for _, s := range m.shelves {
		if s.age == h.limits.Age {
			return s
		}
	}
	s := &shelf{age: h.limits.Age}
	m.shelves = append(m.shelves, s)
	return s
}

func (m *Memory) allShelves() []*shelf { return append([]*shelf{&m.own}, m.shelves...) }

// charge charges n bytes to the shelf and to the budget.
func (m *Memory) charge(s *shelf, n int64) {
	s.bytes += n
	m.bytes += n
}

// reshelve puts every channel on the shelf of its age, which a rule has changed.
func (m *Memory) reshelve() {
	var recs []*Record
	m.backward(func(r *Record) bool {
		recs = append(recs, r)
		return true
	})
	m.shelves = []*shelf{{age: m.opts.Age}}
	for _, h := range m.channels {
		if h.shelf != &m.own {
			h.shelf = m.shelfOf(h)
			h.shelf.channels++
			h.shelf.bytes += channelCost + int64(len(h.name))
		}
	}
	for _, r := range slices.Backward(recs) {
		r.older, r.newer = nil, nil
		r.hist.shelf.link(r)
		r.hist.shelf.bytes += r.cost()
	}
}

// oldestKept returns the oldest record of users' channels, nil if there is none.
func (m *Memory) oldestKept() (oldest *Record) {
	for _, s := range m.shelves {
		if r := s.oldest; oldest == nil || r != nil && r.Seq < oldest.Seq {
			oldest = r
		}
	}
	return oldest
}

// backward calls each with the kept records of users' channels, newest first, until it returns false. Called with the log's lock.
func (m *Memory) backward(each func(r *Record) bool) {
	next := make([]*Record, len(m.shelves))
	for i, s := range m.shelves {
		next[i] = s.newest
	}
	for {
		newest := -1
		for i, r := range next {
			if r != nil && (newest < 0 || r.Seq > next[newest].Seq) {
				newest = i
			}
		}
		if newest < 0 {
			return
		}
		r := next[newest]
		next[newest] = r.older
		if !each(r) {
			return
		}
	}
}
