package logtest

import (
	"context"
	"errors"
	"sync"
	"testing"

	"rollcall/hub/eventlog"
)

// A closed log takes nothing more and goes on being read.
func testClose(t *testing.T, open Open) {
	h := start(t, open, eventlog.Options{Events: 2})
	tail := h.log.Tail(nil)
	h.publish("a", "b", "a", "a")
	head := h.log.Head()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := h.log.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
	}
	wg.Wait()
	if results, err := h.log.Append(context.Background(), one); !errors.Is(err, eventlog.ErrClosed) || results != nil {
		t.Errorf("Append: %v, %v, want ErrClosed", results, err)
	}
	if got := h.log.Head(); got != head {
		t.Errorf("head %v, want %v", got, head)
	}
	c := &eventlog.Cursor{Channels: []string{"a", "b"}}
	if got := h.log.Pending(c); got != 3 {
		t.Errorf("pending %d, want 3", got)
	}
	recs, gaps := h.drain(c, eventlog.Limit{Events: 1})
	h.want(recs, h.sent[1:])
	h.wantGaps(gaps, "a")
	_, last := h.log.Last([]string{"b", "a"})
	h.want(last, []sent{h.sent[1], h.sent[3]})
	h.want(tail.Next(nil, 10), h.sent)
	tail.Done()
	tail.Close()
	late := h.log.Tail(make(chan struct{}, 1))
	if recs := late.Next(nil, 10); len(recs) != 0 {
		t.Errorf("a tail of a closed log has %v", seqs(recs))
	}
	late.Close()
}
