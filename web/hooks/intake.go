package hooks

import (
	"time"

	"rollcall/hub/eventlog"
	"rollcall/presence"
)

// change is a change of presence, as the teller receives it.
type change struct {
	key
	there bool // of a membership
	info  []byte
	own   *Event // of a stream's end or an alarm; nil for a membership
	tried string // the last batch with it, while its outcome is unknown
	at    time.Time
	came  time.Time
	held  bool // it came while another server was responsible for reporting
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
		if e.Kind == presence.Update || e.Channel != presence.Everyone && eventlog.IsOwn(e.Channel) {
			continue // the server's own channels never had reported members
		}
		t.intake = append(t.intake, change{key: key{e.Channel, e.ClientID}, there: e.Kind == presence.Join, info: e.Info, at: e.Time, came: now})
	}
	t.intake = t.bounded(t.intake, &t.intakeMax)
	t.mu.Unlock()
	t.signal()
}

// Ended takes the end of a stream of this server. It does not block.
func (h *Hooks) Ended(clientID, reason string) {
	h.take(Event{Type: StreamEnded, ClientID: clientID, Reason: reason}, time.Now())
}

// Alarm takes an alarm of this server that is raised or cleared. It does not block.
func (h *Hooks) Alarm(raised bool, kind, server, text string, at time.Time) {
	e := Event{Type: AlarmCleared, Alarm: kind, Server: server, Text: text}
	if raised {
		e.Type = AlarmRaised
	}
	h.take(e, at)
}

// take takes an event that is no change of the registry.
func (h *Hooks) take(e Event, at time.Time) {
	e.At = stamp(at)
	t := h.teller
	t.mu.Lock()
	t.intake = append(t.intake, change{own: &e, at: at, came: time.Now()})
	t.intake = t.bounded(t.intake, &t.intakeMax)
	t.mu.Unlock()
	t.signal()
}

// bounded returns the changes or, if there are too many, the last one of each membership, and the alarms. If those are
// many, it raises the limit.
func (t *teller) bounded(list []change, limit *int) []change {
	if len(list) <= max(*limit, maxQueue) {
		return list
	}
	last := lasts(list)
	kept := make([]change, 0, len(last))
	for i := range list {
		if c := &list[i]; c.own != nil && c.own.isAlarm() || c.own == nil && last[c.key] == i {
			kept = append(kept, *c)
		}
	}
	*limit = 2 * len(kept)
	t.dropped.Add(uint64(len(list) - len(kept)))
	return kept
}

// lasts returns the index of the last change of each membership.
func lasts(list []change) map[key]int {
	last := make(map[key]int)
	for i := range list {
		if list[i].own == nil {
			last[list[i].key] = i
		}
	}
	return last
}
