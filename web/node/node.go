package node

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"

	"rollcall/hub"
	"rollcall/hub/eventlog"
	"rollcall/presence"
	"rollcall/presence/peers"
	"rollcall/web/totals"
)

// Options configure a Node. Fields named as in [rollcall/web.Options] have the same meaning.
type Options struct {
	Log           *slog.Logger
	Name          string // among the servers of a cluster
	Engine        Engine // nil makes one in memory, of History
	History       eventlog.Options
	Roster        peers.Roster // nil for a single server
	Shards        int
	Heartbeat     time.Duration
	StallTimeout  time.Duration
	PresenceGrace time.Duration
	Tracing       trace.TracerProvider // nil traces nothing
	Readings      string               // file that keeps the charts' readings over a restart; "" keeps them in memory

	// Callbacks, or nil; they must not block. Edges receives the registry's edges in order. Ended receives the client
	// and the reason's code of each ended stream of this server, before the registry is told.
	Edges func([]presence.Edge)
	Ended func(clientID, reason string)
}

// Node is one server without HTTP. Its parts never change, and its methods are safe for concurrent use.
type Node struct {
	opts     Options
	Started  time.Time
	Log      Engine
	Hub      *hub.Hub
	Edges    *eventlog.Memory // the presence log: sequence numbers are registry versions
	Watchers *hub.Hub         // delivers it
	Registry *presence.Registry
	Feed     *Feed
	Cluster  *Cluster // nil for a single server
	Blocks   Blocks
	Journal  Journal
	Meter    *Meter
	Tracer   *Tracer // nil unless traced
	Drainer  Drainer
	Taps     Taps
	Secrets  *Secrets

	watching  sync.Map                   // attached *Watchers
	answerers sync.Map                   // kind of question → func([]byte) (any, bool)
	ending    atomic.Pointer[hub.Reason] // why all streams are sent away; nil while they are not

	OlderRoom totals.Quota  // for the store's events that streams have yet to be given
	Pieces    atomic.Uint64 // published pieces of texts
}

// presenceBudget bounds the presence log in bytes. A watcher that comes back
// after more has happened gets a new snapshot.
const presenceBudget = 1 << 20

// New starts a node. It returns once it has the roster's view of the other servers, or has waited rosterWait for it. Close ends it.
func New(opts Options) *Node {
	n := &Node{opts: opts, Started: time.Now(), Registry: presence.NewRegistry(opts.PresenceGrace), Secrets: newStreamSecrets()}
	n.OlderRoom.Limit = olderTotal
	if n.Log = opts.Engine; n.Log == nil {
		n.Log = MemoryEngine{eventlog.NewMemory(opts.History)}
	}
	n.Edges = eventlog.NewMemory(eventlog.Options{Budget: presenceBudget})
	tuning := hub.Options{Shards: opts.Shards, Heartbeat: opts.Heartbeat, Stall: opts.StallTimeout}
	if n.Tracer = newTracer(opts.Tracing, n.Log.Head().Epoch); n.Tracer != nil {
		tuning.Traced = n.Tracer.fanOut
	}
	n.Hub = hub.New(n.Log, tuning)
	tuning.Shards = 1
	n.Watchers = hub.New(n.Edges, tuning)
	n.Feed = newFeed(n)
	if opts.Roster != nil {
		n.Cluster = newCluster(n, opts.Roster)
	}
	n.Meter = newMeter(n)
	n.Drainer.node = n
	return n
}

// Name is the node's name among the servers of a cluster.
func (n *Node) Name() string { return n.opts.Name }

// Drain refuses new streams from now on and sends the others a goodbye. It returns when they have ended, or with ctx's error.
func (n *Node) Drain(ctx context.Context) error {
	why := n.end()
	return errors.Join(n.Hub.Drain(ctx, why), n.Watchers.Drain(ctx, why))
}

// Ending returns why all streams are sent away for good, if they are.
func (n *Node) Ending() (why hub.Reason, ending bool) {
	if at := n.ending.Load(); at != nil {
		return *at, true
	}
	return hub.Reason{}, false
}

// EndStreams ends all streams at once. Close comes after it, when nobody uses the log any more.
func (n *Node) EndStreams() {
	n.end()
	n.Drainer.Stop()
	n.Meter.close()
	n.Hub.Close()
	n.Watchers.Close()
}

// Close ends the node.
func (n *Node) Close() {
	n.Feed.close()
	n.Edges.Close()
	if n.opts.Engine == nil {
		n.Log.Close()
	}
}

// Streams returns how many streams there are. Clocks don't count.
func (n *Node) Streams() int { return n.Hub.Streams() + n.Watchers.Streams() }

// Publish appends events to the log, within a span if events are traced. See [eventlog.Log.Append].
func (n *Node) Publish(ctx context.Context, events []eventlog.Event) ([]eventlog.Result, error) {
	results, err := n.Tracer.append(ctx, n.Hub, events)
	for i := range results {
		if events[i].Append != "" && !results[i].Duplicate {
			n.Pieces.Add(1)
		}
	}
	return results, err
}
