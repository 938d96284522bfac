package hub

import (
	"slices"
	"sync/atomic"
	"time"

	"rollcall/hub/eventlog"
)

// Owner is notified of the end of its stream. It may also be an [Addressee], a [Snapshotter], a
// [Refresher] and a [CatchUpListener].
type Owner interface {
	// Ended is called once, on the shard's goroutine, after the shard has released the stream. It must not block.
	Ended(c *Conn, why Reason)
}

// Addressee is an Owner whose stream gets the events to its client, and not those that except its connection.
type Addressee interface {
	// Address returns the client's id and the connection's. They never change.
	Address() (client, connection string)
}

// Snapshotter is an Owner whose stream gets a new snapshot instead of a gap. The
// returned frames hold the state at the returned position, from which the stream
// continues. If the snapshot would be too large, ok is false and the stream ends as
// [Limited]. Called by the shard's goroutine, one at a time.
type Snapshotter interface {
	Snapshot() (frames []byte, at uint64, ok bool)
}

// Refresher is the Owner of a stream with notices. While the stream is live, the shard
// asks for the notices it lacks: at its start, and after it missed some. Each call names
// some channels, or the notice to everybody, until nothing is missing. The owner answers
// each call once, with StartNotices. Called by the shard's goroutine.
type Refresher interface {
	Refresh(c *Conn, channels []string, online bool)
}

// CatchUpListener is an Owner that is told of the catch-ups of its stream that began with a resume, announced gaps or
// lasted a second.
type CatchUpListener interface {
	// CaughtUp is called when the stream has reached the head, on the shard's goroutine. It must not block.
	CaughtUp(k CatchUp)
}

// CatchUp is how a stream reached the head.
type CatchUp struct {
	IsStart bool          // at the stream's start; otherwise it had fallen behind
	Resumed bool          // it began with a position of this log
	From    uint64        // the position at which it began
	Events  uint64        // that the stream was given meanwhile
	Gaps    int           // that were announced
	Lasted  time.Duration // at least, in ticks of the hub
}

// Conn is one client's stream. Its exported methods are safe for concurrent use.
type Conn struct {
	// Static after Attach.
	shard   *shard
	t       Transport
	owner   Owner
	dialect *Dialect // nil for the log's own frames
	wants   Wants
	chunked bool

	// Shard-owned.
	state              state
	touched            bool
	wheelSlot, wheelAt uint32
	wrote              uint32 // tick of the last write
	stuck              uint32 // tick since when the transport takes nothing; valid while blocked
	at                 int32  // place in shard.conns
	pos                uint64 // everything of its channels up to here was given; more if live and the shard is further
	subs               []sub
	out                []*eventlog.Record // due now, within one turn of the shard
	rest               []byte             // of a frame that was taken in part, or frames of its own not yet taken
	catch              *catchup           // nil while live
	side               *side              // nil unless the stream has asked for notices or has snapshots

	// Atomic; written by the shard.
	events atomic.Uint64
	bytes  atomic.Uint64
	waits  atomic.Bool   // blocked
	given  atomic.Uint64 // pos + 1 while not live, for others to read; 0 while live
}

type state uint8

const (
	blocked state = 1 << iota // waiting for the transport to be ready
	listed                    // in shard.stuck
	queued                    // in shard.lagging
	ended
	tapped   // in shard.taps
	owing    // some gaps of its start are not announced yet
	untilNow // it ends once it has caught up
)

// Wants are the kinds of notice that a stream has asked for.
type Wants uint8

// Kinds of notice.
const (
	WantOnline  Wants = 1 << iota // the latest notice to everybody
	WantMembers                   // every notice for its channels
)

// Ready is called by the transport when it can take more.
func (c *Conn) Ready() {
	c.shard.post(func() { c.shard.ready(c) })
}

// Lost is called by the transport when the peer is gone.
func (c *Conn) Lost() {
	c.shard.post(func() { c.shard.end(c, Gone) })
}

// End ends the stream for the given reason. It returns at once; Owner.Ended is
// called when the stream has ended.
func (c *Conn) End(why Reason) {
	c.shard.post(func() { c.shard.end(c, why) })
}

// Sent returns the number of events and bytes sent to the stream.
func (c *Conn) Sent() (events, bytes uint64) { return c.events.Load(), c.bytes.Load() }

// Blocked reports whether the connection currently takes no data.
func (c *Conn) Blocked() bool { return c.waits.Load() }

// Live reports whether the stream has caught up: only events in flight are missing.
func (c *Conn) Live() bool { return c.given.Load() == 0 }

// Position returns the position that the stream has reached.
func (c *Conn) Position() eventlog.Position {
	seq := c.shard.publishedPos.Load()
	if given := c.given.Load(); given > 0 {
		seq = given - 1
	}
	return eventlog.Position{Epoch: c.shard.hub.epoch, Seq: seq}
}

// WithPosition calls f with the position up to which the connection has taken all events.
// The shard's goroutine calls f, or it is not called if the stream has ended or is blocked.
// f must not block.
func (c *Conn) WithPosition(f func(at eventlog.Position)) {
	c.shard.post(func() {
		if c.state&(ended|blocked) == 0 {
			f(c.position())
		}
	})
}

// Owing reports whether the stream has ended before all gaps of its start were announced. Owner.Ended may call it.
func (c *Conn) Owing() bool { return c.state&owing != 0 }

// channels returns the names of its channels in the order asked, and that of its client.
func (c *Conn) channels() []string { return withClient(c.names(), c.owner) }

// names returns the names of its channels in the order asked.
func (c *Conn) names() []string {
	names := make([]string, len(c.subs), len(c.subs)+1)
	for i, s := range c.subs {
		names[i] = s.t.name
	}
	return names
}

// withClient adds the channel of the owner's client, if there is one, to names.
func withClient(names []string, owner Owner) []string {
	if a, ok := owner.(Addressee); ok {
		client, _ := a.Address()
		if own := eventlog.ClientChannel(client); own != "" {
			return append(names, own)
		}
	}
	return names
}

// gets reports whether an event of the stream's channels is for the stream.
func (c *Conn) gets(r *eventlog.Record) bool {
	if !r.Excepts() {
		return true
	}
	a, ok := c.owner.(Addressee)
	if !ok {
		return true
	}
	_, connection := a.Address()
	return !r.IsExcept(connection)
}

// pick returns those of recs that are for the stream, with the pieces of each text joined. It may change recs.
func (c *Conn) pick(recs []*eventlog.Record) []*eventlog.Record {
	recs = slices.DeleteFunc(recs, func(r *eventlog.Record) bool { return !c.gets(r) })
	return eventlog.JoinPieces(recs, c.shard.hub.epoch)
}

// frame returns a frame's bytes in the transport's form.
func (c *Conn) frame(f eventlog.Frame) []byte {
	if c.chunked {
		return f.Chunk()
	}
	return f.SSE()
}

// ownFrame frames events for this stream only; without text it returns the empty frame.
func (c *Conn) ownFrame(text []byte) eventlog.Frame {
	if len(text) == 0 {
		return eventlog.Frame{}
	}
	return eventlog.NewFrame(text)
}
