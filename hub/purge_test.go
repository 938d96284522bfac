package hub

import (
	"testing"

	"rollcall/hub/eventlog"
)

// A purge is one gap for streams that resume before it, and for those that were behind when it happened; nothing for
// the others, and numbers continue.
func TestPurge(t *testing.T) {
	inBubble(t, eventlog.Options{}, Options{}, func(h *harness) {
		live := h.join("", "a", "b")
		live.want("registered@0", "lastEvent a {}@0", "lastEvent b {}@0")
		h.publish("a", "b", "a")
		live.want("a 1@1", "b 2@2", "a 3@3")
		live.give(0)
		h.publish("a", "b")
		if n := h.log.Purge("a"); n != 3 {
			h.Fatalf("%d purged", n)
		}
		again := h.join("e-1", "a", "b")
		again.want("registered resumed@1", `gap a {"after":"e-1","reason":"evicted"}@1`, "lastEvent a {}@1", "b 2@2", "b 5@5")
		h.join("e-4", "a").want("registered resumed@4") // had all of it
		h.join("e-2", "b").want("registered resumed@2", "b 5@5")
		h.join("", "a").want("registered@5", "lastEvent a {}@5")
		live.give(endless)
		h.rest()
		live.want(`gap a {"after":"e-3","reason":"evicted"}@3`, "lastEvent a {}@3", "b 5@5")
		h.publish("a")
		for _, p := range []*peer{live, again} {
			p.want("a 6@6")
		}
		h.join("e-1", "a").want("registered resumed@1", `gap a {"after":"e-1","reason":"evicted"}@1`, "a 6@6")
		h.join("e-5", "a").want("registered resumed@5", "a 6@6")
	})
}
