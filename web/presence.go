package web

import (
	"encoding/json"
	"slices"
	"sync"
	"time"

	"rollcall/presence"
)

// ChangeKind is what has changed in presence.
type ChangeKind string

// The kinds of changes.
const (
	Online  ChangeKind = "online"  // the client's first connection, on whichever server
	Offline ChangeKind = "offline" // the grace after its last connection is over
	Joined  ChangeKind = "joined"  // the client is on the channel
	Left    ChangeKind = "left"    // it no longer is
	Updated ChangeKind = "updated" // the client has another info
	Missed  ChangeKind = "missed"  // changes were dropped; Server.Members has the state
)

// PresenceChange is a change of who is there.
type PresenceChange struct {
	Kind     ChangeKind
	ClientID string
	Channel  string          // of Joined and Left
	Info     json.RawMessage // what the client says of itself, a JSON object or nil; shared, not to be changed
	Online   int             // how many are on the channel, or online, with this change
	Missed   int             // of Missed: how many changes
	At       time.Time
}

// maxWaiting is how many changes wait for Options.Presence.
const maxWaiting = 10_000

// presenceHook passes changes to Options.Presence. The goroutine that calls it exists while changes wait.
type presenceHook struct {
	call func(PresenceChange)

	mu      sync.Mutex // not held during a call
	waiting []PresenceChange
	missed  int
	running bool
	closed  bool
}

func newPresenceHook(call func(PresenceChange)) *presenceHook {
	if call == nil {
		return nil
	}
	return &presenceHook{call: call}
}

// take takes edges of the registry. It does not block.
func (h *presenceHook) take(edges []presence.Edge) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	for i := range edges {
		if c, ok := changeOf(&edges[i]); ok {
			h.waiting = append(h.waiting, c)
		}
	}
	if more := len(h.waiting) - maxWaiting; more > 0 {
		h.waiting = slices.Delete(h.waiting, 0, more)
		h.missed += more
	}
	if !h.running && len(h.waiting) > 0 {
		h.running = true
		go h.run()
	}
}

// changeOf returns what an edge means to a program. An update is told once for the client, not for each channel.
func changeOf(e *presence.Edge) (c PresenceChange, ok bool) {
	c = PresenceChange{ClientID: e.ClientID, Info: e.Info, Online: e.Online, At: e.Time}
	everyone := e.Channel == presence.Everyone
	switch {
	case e.Kind == presence.Update:
		c.Kind = Updated
		return c, everyone
	case everyone && e.Kind == presence.Join:
		c.Kind = Online
	case everyone:
		c.Kind = Offline
	case e.Kind == presence.Join:
		c.Kind, c.Channel = Joined, e.Channel
	default:
		c.Kind, c.Channel = Left, e.Channel
	}
	return c, true
}

// run calls the function until nothing waits.
func (h *presenceHook) run() {
	for {
		h.mu.Lock()
		waiting, missed := h.waiting, h.missed
		h.waiting, h.missed = nil, 0
		h.running = !h.closed && len(waiting) > 0
		running := h.running
		h.mu.Unlock()
		if !running {
			return
		}
		if missed > 0 {
			h.call(PresenceChange{Kind: Missed, Missed: missed, At: waiting[0].At})
		}
		for _, c := range waiting {
			h.call(c)
		}
	}
}

// close drops what waits. A call that is under way may return later.
func (h *presenceHook) close() {
	if h == nil {
		return
	}
	h.mu.Lock()
	h.closed, h.waiting = true, nil
	h.mu.Unlock()
}
