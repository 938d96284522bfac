package logtest

import (
	"context"
	"sync"
	"testing"

	"rollcall/hub/eventlog"
)

// Last answers in the order asked, a repeated and an unused channel included.
func testLastOrder(t *testing.T, open Open) {
	h := start(t, open, eventlog.Options{Events: 2})
	if head, recs := h.log.Last(nil); head != h.log.Head() || len(recs) != 0 {
		t.Errorf("Last of nothing: %v, %v", head, recs)
	}
	if _, recs := h.log.Last([]string{"a"}); len(recs) != 1 || recs[0] != nil {
		t.Errorf("Last of an unused channel: %v", recs)
	}
	h.publish("a", "b", "a", "a", "c", "b", "a")
	head, recs := h.log.Last([]string{"c", "unused", "a", "b", "c"})
	if head != h.log.Head() {
		t.Errorf("head %v, want %v", head, h.log.Head())
	}
	if len(recs) != 5 || recs[1] != nil {
		t.Fatalf("records %v, want five, the second nil", recs)
	}
	recs[1] = recs[0]
	c, b, a := h.sent[4], h.sent[5], h.sent[6]
	h.want(recs, []sent{c, c, a, b, c})
}

// The head and the records belong to one instant: if every event is on a requested channel, the newest record is the
// head.
func testLastInstant(t *testing.T, open Open) {
	h := start(t, open, eventlog.Options{Events: 3})
	channels := names(4)
	var wg sync.WaitGroup
	defer wg.Wait()
	for w := range 3 {
		wg.Go(func() {
			for i := range 400 {
				events := []eventlog.Event{event(channels[(w+i)%4], i), event(channels[i%4], i)}
				if _, err := h.log.Append(context.Background(), events); err != nil {
					t.Error(err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	var before uint64
	for ended := false; !ended; {
		select {
		case <-done:
			ended = true
		default:
		}
		head, recs := h.log.Last(channels)
		var newest uint64
		for _, r := range recs {
			if r != nil {
				newest = max(newest, r.Seq)
			}
		}
		if newest != head.Seq || head.Seq < before {
			t.Fatalf("head %d with newest record %d, after head %d", head.Seq, newest, before)
		}
		before = head.Seq
	}
}
