package peers

import (
	"context"
	"time"
)

// Roster is a table that all nodes of a cluster share: each node writes its own entries and reads everybody's. Its
// methods are safe for concurrent use.
type Roster interface {
	// Changes returns the changes of the table: the first batch is its state at the start, and may be empty. The
	// channel is closed with the roster.
	Changes() <-chan []Change
	// Put has the other nodes see an entry of this one.
	Put(id string, value []byte) error
	// Delete takes an entry of this node away.
	Delete(id string) error
	// PutShared has all nodes see an entry that outlives this one, for the time given.
	PutShared(id string, value []byte, ttl time.Duration) error
	// DeleteShared takes a shared entry away, whichever node put it.
	DeleteShared(id string) error
	// Broadcast sends messages to all other nodes. A node that can't be reached misses them.
	Broadcast(kind string, payloads ...[]byte) error
	// Heard receives the other nodes' messages.
	Heard() <-chan Word
	// Ask sends a question to the node of a session, or to all other nodes for "", and returns their answers: when all
	// have answered, or when ctx ends.
	Ask(ctx context.Context, session, kind string, payload []byte) ([]Answer, error)
	// Asked receives the other nodes' questions.
	Asked() <-chan Question
	// Nodes returns the nodes there are, this one first and the others by name.
	Nodes() []Node
	// Degraded reports since when, and why, the table is not up to date.
	Degraded() (since time.Time, reason string, degraded bool)
}

// Change is one change of the table.
type Change struct {
	Kind    Kind
	Node    string // the node's name; "" for shared entries
	Session string // distinguishes nodes, and restarts of one node
	ID      string
	Value   []byte    // of Entry and SharedEntry; the reader's
	Info    []byte    // of NodeUp: JSON or nil
	Until   time.Time // of SharedEntry, by this node's clock
}

// Kind is the kind of a change.
type Kind uint8

// The kinds of changes.
const (
	// NodeUp: another node has joined. Its entries follow.
	NodeUp Kind = iota + 1
	// NodeDown: a node is gone, and all its entries with it.
	NodeDown
	// Entry: a node has put an entry, or another value for it.
	Entry
	// Gone: a node has deleted an entry.
	Gone
	// SharedEntry: a shared entry was written or changed, by any node, this one included.
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

// Word is a message from a node to all others.
type Word struct {
	Session string // of the sending node
	Kind    string
	Payload []byte
}

// Node is a node of the cluster.
type Node struct {
	Name    string
	Session string
	Self    bool
	Since   time.Time // when the session began, by the node's own clock
	Renewed time.Time // when a sign of life was last seen
	Info    []byte    // JSON or nil, as of then
	Entries int
}

// Question is what another node asks this one.
type Question struct {
	Kind    string
	Payload []byte
	Answer  func(payload []byte) error // called at most once, by any goroutine
}

// Answer is a node's answer to a question.
type Answer struct {
	Node    string
	Session string
	Payload []byte
}
