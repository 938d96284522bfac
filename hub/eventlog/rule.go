package eventlog

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Keep is what a channel keeps of its events.
type Keep uint8

// The values of [Rule.Keep].
const (
	KeepAll  Keep = iota // within the limits
	KeepLast             // the newest event alone
	KeepNone             // nothing: events are live only, and missing one is no gap
)

var keepNames = []string{"all", "last", "none"}

func (k Keep) String() string { return keepNames[k] }

// ParseKeep reads all, last or none.
func ParseKeep(text string) (Keep, error) {
	if i := slices.Index(keepNames, text); i >= 0 {
		return Keep(i), nil
	}
	return 0, fmt.Errorf("keep is %q; it must be all, last or none", text)
}

// Rule says what the channels that match keep, in place of [Options]. Of several that match, the first counts.
type Rule struct {
	Match  Pattern // a name or a pattern; the server's own channels match [OwnPattern] alone
	Keep   Keep
	Events int           // 0 means Options.Events
	Bytes  int           // 0 means Options.Bytes
	Age    time.Duration // 0 means Options.Age; negative without end
	// Latest has a reader that is behind get nothing of the channel but its newest event.
	Latest bool
}

// OwnPattern returns a pattern of the server's own channels, whose names begin with "$".
func OwnPattern(text string) Pattern { return Pattern{text} }

// Limits are what a channel keeps, by its rule and the options.
type Limits struct {
	Match  string // of the rule; "" where there is none
	Keep   Keep
	Events int
	Bytes  int
	Age    time.Duration // negative without end
	Latest bool
}

// Limits returns what the channel keeps.
func (o *Options) Limits(channel string) Limits {
	l := Limits{Events: o.Events, Bytes: o.Bytes, Age: o.Age}
	for i := range o.Rules {
		r := &o.Rules[i]
		if IsOwn(channel) != IsOwn(r.Match.text) || !r.Match.Covers(channel) {
			continue
		}
		l = Limits{r.Match.text, r.Keep, cmp.Or(r.Events, o.Events), cmp.Or(r.Bytes, o.Bytes), cmp.Or(r.Age, o.Age), r.Latest}
		if r.Keep == KeepLast {
			l.Events = 1
		}
		break
	}
	return l
}

// Limits returns what the channel keeps now.
func (m *Memory) Limits(channel string) Limits { return m.options.Load().Limits(channel) }

// Keeps reports whether the channel keeps any events.
func (m *Memory) Keeps(channel string) bool {
	return !m.unkept.Load() || m.Limits(channel).Keep != KeepNone
}

// SetRules replaces [Options.Rules]. What the channels then have too much of is dropped.
func (m *Memory) SetRules(rules []Rule) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o := *m.options.Load()
	o.Rules = slices.Clone(rules)
	m.options.Store(&o)
	m.setRuled()
	for _, h := range m.channels {
		m.follow(h)
	}
}

// setRuled notes what the rules make it necessary to look at.
func (m *Memory) setRuled() {
	o := m.options.Load()
	unkept := false
	m.latest = false
	for i := range o.Rules {
		unkept = unkept || o.Rules[i].Keep == KeepNone
		m.latest = m.latest || o.Rules[i].Latest
	}
	m.unkept.Store(unkept)
}

// follow has a channel follow its rule as it is now.
func (m *Memory) follow(h *history) {
	was := h.limits
	h.limits = m.Limits(h.name)
	if (was.Age == m.opts.Age) != (h.limits.Age == m.opts.Age) && h.shelf != &m.own {
		m.reshelve(h)
	}
	for h.len() > 0 && (h.limits.Keep == KeepNone || h.surplus()) {
		m.evict(h.recs[h.first])
	}
}

// surplus reports whether the channel has more than it may.
func (h *history) surplus() bool {
	return h.len() > h.limits.Events || h.bytes > h.limits.Bytes && h.len() > 1
}

// reshelve moves a channel between the shelves of events that grow old after Options.Age, and after another time.
func (m *Memory) reshelve(h *history) {
	to := m.shelfOf(h)
	recs := slices.Clone(h.recs[h.first:])
	cost := int64(channelCost + len(h.name))
	for _, r := range recs {
		h.shelf.unlink(r)
		cost += r.cost()
	}
	h.shelf.channels--
	m.charge(h.shelf, -cost)
	h.shelf.events -= len(recs)
	h.shelf = to
	to.channels++
	m.charge(to, cost)
	to.events += len(recs)
	for _, r := range recs {
		to.link(r)
	}
}

// link puts r in its place in the list of all records.
func (s *shelf) link(r *Record) {
	newer := (*Record)(nil)
	older := s.newest
	for older != nil && older.Seq > r.Seq {
		newer, older = older, older.older
	}
	r.older, r.newer = older, newer
	if older != nil {
		older.newer = r
	} else {
		s.oldest = r
	}
	if newer != nil {
		newer.older = r
	} else {
		s.newest = r
	}
}

// unlink takes r out of the list.
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
}

// backward calls each with the kept records of users' channels, newest first, until it returns false. Called with the log's lock.
func (m *Memory) backward(each func(r *Record) bool) {
	a, b := m.public.newest, m.aged.newest
	for a != nil || b != nil {
		r := a
		if a == nil || b != nil && b.Seq > a.Seq {
			r = b
		}
		if r == a {
			a = a.older
		} else {
			b = b.older
		}
		if !each(r) {
			return
		}
	}
}
