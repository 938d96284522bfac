package stream

import (
	"log/slog"
	"time"

	"rollcall/hub"
	"rollcall/web/gate"
	"rollcall/web/node"
)

// Options configure Streams. Fields named as in [rollcall/web.Options] have the same meaning.
type Options struct {
	Log            *slog.Logger
	MaxStreams     int
	MaxChannels    int
	OnlinePresence bool
	StallTimeout   time.Duration
}

// Streams opens streams. Its methods are safe for concurrent use.
type Streams struct {
	opts Options
	node *node.Node
	gate *gate.Gate
	// always are the presence events that every stream gets.
	always hub.Wants
}

// New returns the opener of a node's streams.
func New(n *node.Node, g *gate.Gate, opts Options) *Streams {
	s := &Streams{opts: opts, node: n, gate: g}
	if opts.OnlinePresence {
		s.always = hub.WantOnline
	}
	return s
}

// Max returns how many streams may be open.
func (s *Streams) Max() int { return s.opts.MaxStreams }

// Unwelcome returns why no stream is welcome now, if that is so.
func (s *Streams) Unwelcome() (why hub.Reason, unwelcome bool) {
	if why, leaving := s.node.Leaving(); leaving {
		return why, true
	}
	return hub.Overloaded, s.node.Streams() >= s.opts.MaxStreams
}
