package logtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/hub/eventlog"
)

// Each channel keeps its newest events up to the count, independent of other channels.
func testKeepEvents(t *testing.T, open Open) {
	for _, most := range []int{1, 2, 7} {
		h := start(t, open, eventlog.Options{Events: most})
		channels := names(6)
		for i := range 60 {
			h.publish(channels[:1+i%len(channels)]...)
			if i%7 != 0 {
				continue
			}
			for name, recs := range h.kept(channels...) {
				want := h.of(0, name)
				h.want(recs, want[max(len(want)-most, 0):])
			}
		}
	}
}

// Each channel keeps its newest events up to the bytes, and at least one.
func testKeepBytes(t *testing.T, open Open) {
	h := start(t, open, eventlog.Options{Epoch: "e"})
	h.publish("a")
	_, last := h.log.Last([]string{"a"})
	frame := len(last[0].Frame().Chunk())
	for _, most := range []int{1, frame, 5 * frame, 5*frame - 1, 2000} {
		h := start(t, open, eventlog.Options{Epoch: "e", Bytes: most})
		var all []*eventlog.Record
		for i := range 200 {
			ev := event("a", i%10)
			switch { // at first all frames are of one size
			case i > 20 && i%50 == 49:
				ev.Payload = fmt.Appendf(nil, "%q", strings.Repeat("x", 3*most))
			case i > 20:
				ev.Payload = fmt.Appendf(nil, "%q", strings.Repeat("x", i*i*7%900))
			}
			h.append(ev, event("other", i))
			_, last := h.log.Last([]string{"a"})
			all = append(all, last[0])
			from, size := len(all)-1, len(last[0].Frame().Chunk())
			for ; from > 0; from-- {
				if size += len(all[from-1].Frame().Chunk()); size > most {
					break
				}
			}
			if got := h.kept("a")["a"]; !slices.Equal(seqs(got), seqs(all[from:])) {
				t.Fatalf("kept %v, want %v", seqs(got), seqs(all[from:]))
			}
		}
		// One channel's bytes drop nothing of another's, whose own are far fewer.
		if n := len(h.kept("other")["other"]); n < most/(2*frame) {
			t.Errorf("%d events of the other channel", n)
		}
	}
}

// Over all channels the oldest events are dropped first, and no more than necessary.
func testKeepBudget(t *testing.T, open Open) {
	const budget = 256 << 10
	h := start(t, open, eventlog.Options{Budget: budget})
	channels := names(20)
	for i := range 3000 {
		h.publish(channels[i*i%7], channels[i%len(channels)])
		if i%500 != 499 {
			continue
		}
		var kept []uint64
		size := 0
		for _, recs := range h.kept(channels...) {
			for _, r := range recs {
				size += len(r.Frame().SSE())
				kept = append(kept, r.Seq)
			}
		}
		slices.Sort(kept)
		var all []uint64
		for _, s := range h.sent {
			all = append(all, s.seq)
		}
		if !slices.Equal(kept, all[len(all)-len(kept):]) {
			t.Fatalf("the %d events kept are not the newest", len(kept))
		}
		if size > budget {
			t.Fatalf("%d bytes kept with a budget of %d", size, budget)
		}
		if len(kept) < len(all) && size < budget/8 {
			t.Fatalf("%d bytes kept of a budget of %d: the book-keeping eats it", size, budget)
		}
	}
	if h.lost(channels[0]) == 0 {
		t.Error("the test didn't use up the budget")
	}
}

// Events are dropped when they are older than the age, even if nothing else happens. They may stay for a tenth of it
// longer, at most a second.
func testKeepAge(t *testing.T, open Open) {
	for _, age := range []time.Duration{100 * time.Millisecond, 10 * time.Second, time.Hour} {
		h := start(t, open, eventlog.Options{Age: age})
		const steps = 50
		step := age / 10
		slack := min(max(age/10, 10*time.Millisecond), time.Second) + step/2
		channels := names(3)
		var at []time.Duration
		began := time.Now()
		for i := range steps {
			if i < steps/2 {
				h.publish(channels[i%3])
				at = append(at, time.Since(began))
			}
			time.Sleep(step)
			synctest.Wait()
			now := time.Since(began)
			kept := make(map[uint64]bool)
			for _, recs := range h.kept(channels...) {
				for _, r := range recs {
					kept[r.Seq] = true
				}
			}
			for n, s := range h.sent {
				switch old := now - at[n]; {
				case kept[s.seq] && old > age+slack:
					t.Fatalf("age %v: an event is kept for %v", age, old)
				case !kept[s.seq] && old < age:
					t.Fatalf("age %v: an event is gone after %v", age, old)
				}
			}
		}
		c := &eventlog.Cursor{Channels: channels}
		b := h.next(c, eventlog.Limit{})
		if h.wantGaps(b.Gaps, slices.Clone(channels)...); len(b.Records) != 0 {
			t.Fatalf("%d records long after the last was published", len(b.Records))
		}
		b = h.next(&eventlog.Cursor{Channels: channels, After: h.log.Head().Seq}, eventlog.Limit{})
		h.wantGaps(b.Gaps)
		if err := h.log.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func testKeepAgeless(t *testing.T, open Open) {
	h := start(t, open, eventlog.Options{Age: -1})
	h.publish("a", "b")
	time.Sleep(10 * time.Hour)
	synctest.Wait()
	recs, gaps := h.drain(&eventlog.Cursor{Channels: []string{"a", "b"}}, eventlog.Limit{})
	h.want(recs, h.sent)
	h.wantGaps(gaps)
}
