package hooks

import (
	"strings"
	"time"

	"rollcall/presence"
)

// change is what the teller is told.
type change struct {
	key
	there  bool // of a membership
	info   []byte
	reason string // of a stream's end; "" for a membership
	tried  string // the batch that it was last part of, where it is not known whether that was stored
	at     time.Time
	came   time.Time
	held   bool // it came while another server was to tell it
}

// maxQueue is how many changes may wait for the store. More are reduced to the last one of each membership.
const maxQueue = 200_000

// Edges takes changes of the registry. It does not block.
func (h *Hooks) Edges(edges []presence.Edge) {
	now := time.Now()
	t := h.teller
	t.mu.Lock()
	for i := range edges {
		e := &edges[i]
		if e.Kind == presence.Update || e.Channel != presence.Everyone && strings.HasPrefix(e.Channel, "$") {
			continue // the server's own channels have no members that anybody was told of
		}
		t.intake = append(t.intake, change{key: key{e.Channel, e.ClientID}, there: e.Kind == presence.Join, info: e.Info, at: e.Time, came: now})
	}
	t.intake = t.bounded(t.intake, &t.intakeMax)
	t.mu.Unlock()
	t.signal()
}

// Ended takes the end of a stream of this server. It does not block.
func (h *Hooks) Ended(clientID, reason string) {
	now := time.Now()
	t := h.teller
	t.mu.Lock()
	t.intake = append(t.intake, change{key: key{client: clientID}, reason: reason, at: now, came: now})
	t.intake = t.bounded(t.intake, &t.intakeMax)
	t.mu.Unlock()
	t.signal()
}

// bounded returns changes, of too many the last one of each membership. Where these are many, more are allowed from then on.
func (t *teller) bounded(list []change, limit *int) []change {
	if len(list) <= max(*limit, maxQueue) {
		return list
	}
	last := lasts(list)
	kept := make([]change, 0, len(last))
	for i := range list {
		if c := &list[i]; c.reason == "" && last[c.key] == i {
			kept = append(kept, *c)
		}
	}
	*limit = 2 * len(kept)
	t.dropped.Add(uint64(len(list) - len(kept)))
	return kept
}

// lasts returns where the last change of each membership is.
func lasts(list []change) map[key]int {
	last := make(map[key]int)
	for i := range list {
		if list[i].reason == "" {
			last[list[i].key] = i
		}
	}
	return last
}
