package publish

import (
	"sync"
	"sync/atomic"

	"rollcall/web/gate"
	"rollcall/web/node"
)

// Options configure a Publisher. Fields named as in [rollcall/web.Options] have the same meaning.
type Options struct {
	MaxBodyBytes    int64
	MaxPayloadBytes int
	MaxBatchEvents  int
}

// Publisher publishes events of requests. Its methods are safe for concurrent use.
type Publisher struct {
	opts     Options
	node     *node.Node
	gate     *gate.Gate
	Outcomes Outcomes
	Arriving atomic.Int64 // bodies that are being published while they arrive

	closing chan struct{} // closed when bodies are read no further
	closed  sync.Once
}

// New returns the publisher of a node.
func New(n *node.Node, g *gate.Gate, opts Options) *Publisher {
	return &Publisher{opts: opts, node: n, gate: g, closing: make(chan struct{})}
}

// Close ends the requests whose bodies are published while they arrive. What had arrived is published.
func (p *Publisher) Close() { p.closed.Do(func() { close(p.closing) }) }
