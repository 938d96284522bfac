package logtest

import (
	"math/rand/v2"
	"testing"

	"rollcall/hub/eventlog"
)

// Any set of channels from any position reads as one log, whatever the steps.
func testCursorEveryPosition(t *testing.T, open Open) {
	h := start(t, open, eventlog.Options{})
	rng := rand.New(rand.NewPCG(1, 2))
	channels := names(40)
	for range 50 {
		batch := make([]string, 1+rng.IntN(3))
		for i := range batch {
			batch[i] = channels[int(rng.ExpFloat64()*8)%len(channels)]
		}
		h.publish(batch...)
	}
	head := h.log.Head().Seq
	for _, n := range []int{1, 2, 3, 8, 9, 40} {
		set := make([]string, n)
		for i, at := range rng.Perm(len(channels))[:n] {
			set[i] = channels[at]
		}
		set = append(set, "never published to")
		for after := range head + 1 {
			want := h.of(after, set...)
			for _, limit := range []eventlog.Limit{{}, {Events: 1}, {Events: 2}, {Events: 7}, {Bytes: 1}, {Bytes: 300}, {Events: 3, Bytes: 1000}} {
				recs, gaps := h.drain(&eventlog.Cursor{Channels: set, After: after}, limit)
				h.want(recs, want)
				h.wantGaps(gaps)
			}
		}
	}
}

// A limit is used fully if possible, and exceeded only by the first record.
func testCursorLimits(t *testing.T, open Open) {
	h := start(t, open, eventlog.Options{})
	for i := range 60 {
		h.publish(names(3)[i%3])
	}
	c := &eventlog.Cursor{Channels: names(3)}
	b := h.next(c, eventlog.Limit{})
	if !b.Done {
		t.Fatal("a read without a limit isn't done")
	}
	all := b.Records
	size := make([]int, len(all)+1) // size[n] is the bytes of the first n frames
	for i, r := range all {
		size[i+1] = size[i] + len(r.Frame().Chunk())
	}
	for n := 1; n <= len(all)+1; n++ {
		got := h.next(c, eventlog.Limit{Events: n})
		want := min(n, len(all))
		if len(got.Records) != want || got.Done != (want == len(all)) {
			t.Errorf("limit of %d events: %d records, done %v; want %d, %v", n, len(got.Records), got.Done, want, want == len(all))
		}
	}
	for n := 1; n <= len(all); n++ {
		for _, limit := range []struct{ bytes, want int }{{size[n] - 1, max(n-1, 1)}, {size[n], n}, {size[n] + 1, n}} {
			got := h.next(c, eventlog.Limit{Bytes: limit.bytes})
			if len(got.Records) != limit.want || got.Done != (limit.want == len(all)) {
				t.Errorf("limit of %d bytes: %d records, done %v; want %d", limit.bytes, len(got.Records), got.Done, limit.want)
			}
		}
	}
	if got := h.next(c, eventlog.Limit{Events: 5, Bytes: size[3]}); len(got.Records) != 3 {
		t.Errorf("limit of 5 events and the bytes of 3: %d records", len(got.Records))
	}
	// The batch replaces the content of dst, in its storage.
	dst := append(make([]*eventlog.Record, 0, 100), all[7], all[8])
	got := h.log.Next(c, eventlog.Limit{Events: 10}, dst)
	h.want(got.Records, h.sent[:10])
	if &got.Records[0] != &dst[0] {
		t.Error("the batch isn't in the storage it was given")
	}
}

// A cursor whose channels are silent still comes to the head.
func testCursorIdle(t *testing.T, open Open) {
	h := start(t, open, eventlog.Options{})
	for _, set := range [][]string{nil, {"silent"}, {"silent", "other"}} {
		h.publish("a", "b")
		b := h.next(&eventlog.Cursor{Channels: set}, eventlog.Limit{Events: 1, Bytes: 1})
		if !b.Done || len(b.Records) != 0 || len(b.Gaps) != 0 || b.Through != h.log.Head().Seq {
			t.Errorf("cursor of %q: %+v, want done through %d", set, b, h.log.Head().Seq)
		}
	}
}

func testCursorPending(t *testing.T, open Open) {
	h := start(t, open, eventlog.Options{Events: 10})
	channels := names(4)
	for i := range 50 {
		h.publish(channels[i*i%3])
	}
	for after := range h.log.Head().Seq + 1 {
		for n := range len(channels) + 1 {
			c := &eventlog.Cursor{Channels: channels[:n], After: after}
			pending := h.log.Pending(c)
			if recs, _ := h.drain(c, eventlog.Limit{}); pending != len(recs) {
				t.Fatalf("pending %d after %d of %q, want %d", pending, after, channels[:n], len(recs))
			}
			if got := h.log.Pending(c); got != 0 {
				t.Fatalf("pending %d at the head", got)
			}
		}
	}
}
