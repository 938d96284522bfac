package publish

import (
	"rollcall/web/gate"
	"rollcall/web/node"
)

// Options configure a Publisher. Those of [rollcall/web.Options] with the same names have the same meaning.
type Options struct {
	MaxBodyBytes    int64
	MaxPayloadBytes int
	MaxBatchEvents  int
}

// Publisher publishes what requests ask for. Its methods are safe for concurrent use.
type Publisher struct {
	opts     Options
	node     *node.Node
	gate     *gate.Gate
	Outcomes Outcomes
}

// New returns what publishes to a node.
func New(n *node.Node, g *gate.Gate, opts Options) *Publisher {
	return &Publisher{opts: opts, node: n, gate: g}
}
