package roster

import (
	"context"
	"sync"

	"rollcall/presence/peers"
)

// Aliases of the types in [peers].
type (
	Kind   = peers.Kind
	Change = peers.Change
	Word   = peers.Word
	Node   = peers.Node
)

// The kinds of changes.
const (
	NodeUp      = peers.NodeUp
	NodeDown    = peers.NodeDown
	Entry       = peers.Entry
	Gone        = peers.Gone
	SharedEntry = peers.SharedEntry
	SharedGone  = peers.SharedGone
)

// mostUnread is how many changes may wait for a slow reader before the stream is no
// longer read.
const mostUnread = 1 << 17

// outbox holds changes until they are read.
type outbox struct {
	ch   chan []Change
	wake chan struct{} // capacity one
	room chan struct{} // capacity one

	mu    sync.Mutex
	most  int // changes, before there is no room
	list  []Change
	first bool // the first batch is to go out even if it is empty
}

func newOutbox() *outbox {
	return &outbox{ch: make(chan []Change), wake: make(chan struct{}, 1), room: make(chan struct{}, 1), most: mostUnread}
}

// put queues changes and reports whether there is room for more.
func (o *outbox) put(changes []Change, first bool) (room bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.list = append(o.list, changes...)
	o.first = o.first || first
	if len(o.list) > 0 || o.first {
		signal(o.wake)
	}
	return len(o.list) < o.most
}

// run returns the function that delivers the changes until ctx ends.
func (o *outbox) run(ctx context.Context) func() {
	return func() {
		defer close(o.ch)
		for {
			select {
			case <-o.wake:
			case <-ctx.Done():
				return
			}
			o.mu.Lock()
			list, send := o.list, o.first || len(o.list) > 0
			o.list, o.first = nil, false
			o.mu.Unlock()
			signal(o.room)
			if !send {
				continue
			}
			select {
			case o.ch <- list:
			case <-ctx.Done():
				return
			}
		}
	}
}
