package logtest

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"rollcall/hub/eventlog"
)

// A cursor with patterns reads what a naive matcher finds, each event once, and finds channels that come later.
func testPattern(t *testing.T, open Open) {
	h := start(t, open, eventlog.Options{})
	rng := rand.New(rand.NewPCG(7, 8))
	channel := func() string {
		parts := []string{"a", "b"}[rng.IntN(2):][:1]
		for range rng.IntN(3) {
			parts = append(slices.Clone(parts), []string{"x", "y"}[rng.IntN(2)])
		}
		return strings.Join(parts, ".")
	}
	sets := [][]string{{"a"}, {"a.*"}, {"*"}, {">"}, {"a.>", "a.x"}, {"*.x", "b.>", "b"}, {"*.*.*", "a.x.*"}, {"c.>"}}
	cursors := make([]*eventlog.Cursor, len(sets))
	for i, set := range sets {
		cursors[i] = &eventlog.Cursor{Channels: set}
	}
	for range 12 {
		names := make([]string, 1+rng.IntN(6))
		for i := range names {
			names[i] = channel()
		}
		h.publish(names...)
		for i, set := range sets {
			if rng.IntN(3) == 0 {
				continue
			}
			after := cursors[i].After
			recs, gaps := h.drain(cursors[i], eventlog.Limit{Events: 1 + rng.IntN(4)})
			h.wantGaps(gaps)
			h.want(recs, h.matching(after, set))
		}
	}
	for _, set := range sets {
		whole := h.matching(0, set)
		var last []sent // the newest of each channel, in log order
		for i, s := range whole {
			if !slices.ContainsFunc(whole[i+1:], func(later sent) bool { return later.channel == s.channel }) {
				last = append(last, s)
			}
		}
		if len(set) == 1 && eventlog.IsPattern(set[0]) {
			h.want(h.log.LastMatching(set[0], 100), last)
			h.want(h.log.LastMatching(set[0], 2), last[max(0, len(last)-2):])
		}
		n := h.log.Pending(&eventlog.Cursor{Channels: set})
		if n != len(whole) {
			t.Errorf("%d events of %q are pending, want %d", n, set, len(whole))
		}
	}
}

// matching returns what was sent behind after to channels that one of the names or patterns stands for.
func (h *harness) matching(after uint64, set []string) (found []sent) {
	for _, s := range h.sent {
		if s.seq > after && standsFor(set, s.channel) {
			found = append(found, s)
		}
	}
	return found
}

// standsFor reports whether one of the names and patterns is the channel, or stands for it.
func standsFor(set []string, channel string) bool {
	return slices.ContainsFunc(set, func(name string) bool {
		p, err := eventlog.ParsePattern(name)
		return name == channel || err == nil && p.Matches(channel)
	})
}
