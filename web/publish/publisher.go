package publish

import (
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
}

// New returns the publisher of a node.
func New(n *node.Node, g *gate.Gate, opts Options) *Publisher {
	return &Publisher{opts: opts, node: n, gate: g}
}
