package node

import (
	"slices"
	"sync"
	"sync/atomic"

	"rollcall/presence"
)

// Taps are the open taps by client, so that a stream that begins is tapped from its
// first event on. The zero value is ready.
type Taps struct {
	open atomic.Int32

	mu sync.Mutex
	by map[string][]*tapBegin
}

// tapBegin returns the receiver of a new connection's events.
type tapBegin func(*presence.Connection) func(sse []byte)

// Add taps the connections of a client that begin from now on, until stop.
func (x *Taps) Add(clientID string, begin tapBegin) (stop func()) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.by == nil {
		x.by = make(map[string][]*tapBegin)
	}
	x.by[clientID] = append(x.by[clientID], &begin)
	x.open.Add(1)
	return func() { x.remove(clientID, &begin) }
}

func (x *Taps) remove(clientID string, begin *tapBegin) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.open.Add(-1)
	rest := slices.DeleteFunc(x.by[clientID], func(other *tapBegin) bool { return other == begin })
	if x.by[clientID] = rest; len(rest) == 0 {
		delete(x.by, clientID)
	}
}

// Of returns the receiver of a new connection's events, or nil.
func (x *Taps) Of(conn *presence.Connection) func(sse []byte) {
	if x.open.Load() == 0 {
		return nil
	}
	x.mu.Lock()
	begins := slices.Clone(x.by[conn.ClientID])
	x.mu.Unlock()
	if len(begins) == 0 {
		return nil
	}
	sees := make([]func(sse []byte), len(begins))
	for i, begin := range begins {
		sees[i] = (*begin)(conn)
	}
	return func(sse []byte) {
		for _, see := range sees {
			see(sse)
		}
	}
}
