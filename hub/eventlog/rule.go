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
	moves := false
	for _, h := range m.channels {
		was := h.limits.Age
		h.limits = o.Limits(h.name)
		moves = moves || h.limits.Age != was
	}
	if moves {
		m.reshelve()
	}
	for _, h := range m.channels {
		for h.len() > 0 && (h.limits.Keep == KeepNone || h.surplus()) {
			m.evict(h.recs[h.first])
		}
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
