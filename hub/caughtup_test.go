package hub

import (
	"slices"
	"sync"
	"testing"
	"time"

	"rollcall/hub/eventlog"
)

// told is an owner that notes how its stream caught up.
type told struct {
	*owner
	mu   sync.Mutex
	list []CatchUp
}

func (o *told) CaughtUp(k CatchUp) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.list = append(o.list, k)
}

// The owner learns how its stream reached the head: from where it resumed, what it was given and how many gaps it was told
// of. A fresh start and a short catch-up without a gap are not reported.
func TestCaughtUp(t *testing.T) {
	inBubble(t, eventlog.Options{Events: 2}, Options{}, func(h *harness) {
		h.publish("a", "b", "a", "a", "a") // a keeps 4 and 5
		join := func(resume string) (*peer, *told) {
			p := h.newPeer(endless)
			o := &told{owner: p.owner}
			p.attach(Subscription{Resume: resume, Channels: []string{"a", "b"}, Owner: o})
			h.rest()
			return p, o
		}
		want := func(o *told, list ...CatchUp) {
			t.Helper()
			o.mu.Lock()
			defer o.mu.Unlock()
			if !slices.Equal(o.list, list) {
				t.Errorf("told %+v, want %+v", o.list, list)
			}
		}
		_, o := join("")
		want(o)
		_, o = join("e-3")
		want(o, CatchUp{IsStart: true, Resumed: true, From: 3, Events: 2})
		_, o = join("e-0")
		want(o, CatchUp{IsStart: true, Resumed: true, From: 0, Events: 3, Gaps: 1})
		_, o = join("other-3")
		want(o, CatchUp{IsStart: true, Gaps: 2})

		p, o := join("")
		p.give(0)
		h.publish("b")
		p.give(endless)
		h.rest()
		want(o) // it fell behind for a moment, and missed nothing
		p.give(0)
		h.publish("b", "b") // of which it keeps both
		time.Sleep(3 * time.Second)
		p.give(endless)
		h.rest()
		if len(o.list) != 1 || o.list[0] != (CatchUp{From: 6, Events: 2, Lasted: o.list[0].Lasted}) || o.list[0].Lasted < time.Second || o.list[0].Lasted > 3*time.Second {
			t.Errorf("behind for 3 s, it is told %+v", o.list)
		}
		o.list = nil
		p.give(0)
		h.publish("a")
		for range 4 {
			h.publish("a")
		}
		p.give(endless)
		h.rest()
		if o.list[0].Gaps != 1 || o.list[0].IsStart || o.list[0].Resumed || o.list[0].From != 8 {
			t.Errorf("told %+v", o.list)
		}
	})
}
