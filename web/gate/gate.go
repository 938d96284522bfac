package gate

import (
	"log/slog"
	"sync/atomic"
	"time"

	"rollcall/web/auth"
	"rollcall/web/node"
)

// Options configure a Gate. Fields named as in [rollcall/web.Options] have the same meaning.
type Options struct {
	Log                *slog.Logger
	Access             *auth.Options
	LoopbackOnly       bool
	TrustedProxies     auth.TrustedProxies
	AddressLimits      auth.Limits
	IdentityLimits     auth.Limits
	HSTS               time.Duration
	Origins            []string
	Unguarded          func(path string) bool // paths that any page may use, and those with a guard of their own
	MaxBodyBytes       int64
	MaxConnections     int
	SubscriptionBudget int64
}

// Gate decides which requests are allowed. Its methods are safe for concurrent use.
type Gate struct {
	opts     Options
	node     *node.Node
	access   access
	Limits   Limits
	origins  atomic.Pointer[origins]
	refused  refusedOrigins
	Attempts Attempts
}

// New returns the gate of a node. It fails on credentials and origins that are not as they should be.
func New(n *node.Node, opts Options) (*Gate, error) {
	k := &Gate{opts: opts, node: n}
	k.Limits.set(&opts)
	k.Limits.Connections.taken = n.Streams
	if err := k.access.init(&opts); err != nil {
		return nil, err
	}
	return k, k.allow(opts.Origins, opts.Access)
}
