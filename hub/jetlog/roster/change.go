package roster

import (
	"context"
	"sync"
	"time"
)

// Kind says what a change is.
type Kind uint8

// The kinds of changes.
const (
	// NodeUp: another node is there. Its entries follow.
	NodeUp Kind = iota + 1
	// NodeDown: a node is gone, and all its entries with it.
	NodeDown
	// Entry: a node has put an entry, or another value for it.
	Entry
	// Gone: a node has deleted an entry.
	Gone
	// SharedEntry: a shared entry was put, or another value or time for it, by
	// whatever node, this one included.
	SharedEntry
	// SharedGone: a shared entry was deleted or its time is over.
	SharedGone
)

func (k Kind) String() string {
	if k < NodeUp || k > SharedGone {
		return "none"
	}
	return [...]string{"up", "down", "entry", "gone", "shared", "shared-gone"}[k-1]
}

// Change is one change of the table.
type Change struct {
	Kind    Kind
	Node    string // the node's name; "" for shared entries
	Session string // what tells nodes, and their lives, apart
	ID      string
	Value   []byte    // of Entry and SharedEntry; the reader's
	Info    []byte    // of NodeUp: JSON or nil
	Until   time.Time // of SharedEntry, by this node's clock
}

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

// put queues changes and says whether there is room for more.
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

// run returns what delivers the changes until ctx ends.
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
