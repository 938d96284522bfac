package logtest

import (
	"fmt"
	"testing"

	"rollcall/hub/eventlog"
)

// lost returns the position through which the channel of h lost events, computed from what it was sent and what it
// keeps; 0 if it lost none.
func (h *harness) lost(channel string) uint64 {
	h.Helper()
	kept := make(map[uint64]bool)
	for _, r := range h.kept(channel)[channel] {
		kept[r.Seq] = true
	}
	var through uint64
	for _, s := range h.of(0, channel) {
		if !kept[s.seq] {
			through = s.seq
		}
	}
	return through
}

// A gap is announced at every position with a loss behind it, and at no other.
func testGapEveryPosition(t *testing.T, open Open) {
	h := start(t, open, eventlog.Options{Events: 5})
	channels := names(4) // the last one loses nothing
	for i := range 60 {
		h.publish(channels[i%3])
		if i%20 == 0 {
			h.publish(channels[3])
		}
	}
	for _, set := range [][]string{channels, channels[1:2], channels[2:]} {
		for after := range h.log.Head().Seq + 1 {
			var want []string
			for _, c := range set {
				if h.lost(c) > after {
					want = append(want, c)
				}
			}
			for _, limit := range []eventlog.Limit{{}, {Events: 1}, {Bytes: 1}} {
				c := &eventlog.Cursor{Channels: set, After: after}
				b := h.next(c, limit) // before the first record means in the first batch
				h.wantGaps(b.Gaps, want...)
				for _, g := range b.Gaps {
					if g.Empty {
						t.Fatalf("gap of %q says that it keeps nothing", g.Channel)
					}
				}
				c.After = b.Through
				_, gaps := h.drain(c, limit)
				h.wantGaps(gaps)
			}
		}
	}
	if h.lost(channels[3]) != 0 || h.lost(channels[0]) == 0 {
		t.Error("the test lost too much or nothing")
	}
}

// A hole is reported once to each cursor; later losses are another hole.
func testGapOnce(t *testing.T, open Open) {
	h := start(t, open, eventlog.Options{Events: 3})
	one := []string{"a"}
	for range 5 {
		h.publish("a", "b")
	}
	c := &eventlog.Cursor{Channels: []string{"a", "b"}}
	h.wantGaps(h.next(c, eventlog.Limit{Events: 1}).Gaps, "a", "b")
	for range 3 { // the cursor didn't use the batch
		h.wantGaps(h.next(c, eventlog.Limit{Events: 1}).Gaps)
	}
	h.wantGaps(h.next(&eventlog.Cursor{Channels: one}, eventlog.Limit{}).Gaps, "a")

	h.publish("a") // drops one that the cursor hasn't read
	h.wantGaps(h.next(c, eventlog.Limit{}).Gaps, "a")
	recs, gaps := h.drain(c, eventlog.Limit{Events: 1})
	h.wantGaps(gaps)
	if len(recs) != 6 {
		t.Errorf("%d records behind the gaps, want 6", len(recs))
	}
	for range 10 { // drops only events that the cursor has read
		h.publish("a", "a", "a")
		_, gaps := h.drain(c, eventlog.Limit{})
		h.wantGaps(gaps)
	}
	h.publish("a", "a", "a", "a", "b") // the first is gone before it is read
	recs, gaps = h.drain(c, eventlog.Limit{})
	h.wantGaps(gaps, "a")
	if len(recs) != 4 {
		t.Errorf("%d records behind the gap, want 4", len(recs))
	}
}

// empty publishes to a filler until the channel keeps nothing.
func (h *harness) empty(channel string) {
	h.Helper()
	for range 10_000 {
		if _, recs := h.log.Last([]string{channel}); recs[0] == nil {
			return
		}
		h.publish("filler", "filler", "filler")
	}
	h.Fatalf("%q keeps events although the budget is long used up", channel)
}

// A channel that was emptied, and then used again, remembers its loss.
func testGapEmptied(t *testing.T, open Open) {
	h := start(t, open, eventlog.Options{Budget: 64 << 10})
	h.publish("before")
	check := func(after, lost uint64, revived []sent) {
		t.Helper()
		b := h.next(&eventlog.Cursor{Channels: []string{"never", "a"}, After: after}, eventlog.Limit{})
		h.want(b.Records, revived)
		if after >= lost {
			h.wantGaps(b.Gaps)
			return
		}
		h.wantGaps(b.Gaps, "a")
		if b.Gaps[0].Empty != (len(revived) == 0) {
			t.Errorf("gap %+v with %d events kept", b.Gaps[0], len(revived))
		}
	}
	for range 3 {
		before := h.log.Head().Seq
		h.publish("a")
		lost := h.log.Head().Seq
		h.empty("a")
		for _, after := range []uint64{0, before, lost - 1, lost, lost + 1, h.log.Head().Seq} {
			check(after, lost, nil)
		}
		h.publish("a")
		revived := h.sent[len(h.sent)-1:]
		for _, after := range []uint64{0, before, lost - 1, lost, lost + 1, revived[0].seq - 1} {
			check(after, lost, revived)
		}
		h.empty("a")
	}
}

// Without losses there is no gap: not for an unused channel, nor from the head, nor for other channels' losses.
func testGapNothingLost(t *testing.T, open Open) {
	h := start(t, open, eventlog.Options{Events: 2})
	h.publish("quiet")
	for i := range 100 {
		h.publish("busy")
		at := h.log.Head().Seq
		for _, c := range []*eventlog.Cursor{
			{Channels: []string{"quiet", fmt.Sprint("new ", i)}},
			{Channels: []string{"quiet", "busy"}, After: at},
			{Channels: []string{"busy"}, After: at - 1},
		} {
			_, gaps := h.drain(c, eventlog.Limit{})
			h.wantGaps(gaps)
		}
	}
}
