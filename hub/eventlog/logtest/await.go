package logtest

import (
	"context"
	"errors"
	"testing"
	"time"

	"rollcall/hub/eventlog"
)

// A position that the log assigned returns at once, one that it never assigned is refused.
func testAwait(t *testing.T, open Open) {
	h := start(t, open, eventlog.Options{})
	if err := h.log.Await(t.Context(), h.log.Head().Seq); err != nil {
		t.Errorf("the head of an empty log: %v", err)
	}
	h.publish("a", "b", "a")
	for _, ev := range h.sent {
		if err := h.log.Await(t.Context(), ev.seq); err != nil {
			t.Errorf("an event's position: %v", err)
		}
	}
	// A follower waits until its deadline before it fails.
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := h.log.Await(ctx, h.log.Head().Seq+1); !errors.Is(err, eventlog.ErrFuture) {
		t.Errorf("a position behind the head: %v, want ErrFuture", err)
	}
}
