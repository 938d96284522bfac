package hub

import (
	"cmp"
	"context"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"rollcall/hub/eventlog"
)

// Fresh is an epoch that no log has. A stream that is refused before it began
// carries "<Fresh>-0" as its position, so that coming back with it is a fresh start.
const Fresh = "new"

// Unknown is the reason for any other position. A stream whose requested position is not well-formed carries
// "<Unknown>-0" until the gap is announced.
const Unknown = "unknown"

// Options tune a hub. The zero value is the documented default.
type Options struct {
	Shards    int           // goroutines that deliver; 0 means one for each core
	Heartbeat time.Duration // silence before a comment line; 0 means 25 s
	Stall     time.Duration // no progress before a stream is ended as slow; 0 means 10 s

	// MaxHeld bounds the bytes of snapshots and lists that are held for streams which have
	// taken them in part; 0 means 64 MiB. A stream that would have more held ends.
	MaxHeld int64

	// Traced, if not nil, is called for each traced event, once per shard that has written it to live streams. It runs
	// on the shard's goroutine at the end of its turn and must not block.
	Traced func(FanOut)
}

// Hub delivers the events of one log to streams. Its methods are safe for
// concurrent use.
type Hub struct {
	log    eventlog.Log
	epoch  string
	traced func(FanOut)
	shards []*shard

	maxHeld int64        // static
	held    atomic.Int64 // see pin

	next     atomic.Uint32 // shard of the next stream
	shed     atomic.Uint32 // shard that Shed began with
	streams  atomic.Int64  // attached and not yet ended
	draining atomic.Bool
	idle     chan struct{} // gets a value when streams falls to zero while draining
	stop     sync.WaitGroup
}

// New starts a hub on log. Close it before the log.
func New(log eventlog.Log, opts Options) *Hub {
	h := &Hub{log: log, epoch: log.Head().Epoch, traced: opts.Traced, idle: make(chan struct{}, 1)}
	h.maxHeld = cmp.Or(opts.MaxHeld, 64<<20)
	beat := cmp.Or(opts.Heartbeat, 25*time.Second)
	stall := cmp.Or(opts.Stall, 10*time.Second)
	for range cmp.Or(opts.Shards, runtime.GOMAXPROCS(0)) {
		s := newShard(h, newWheel(beat, stall))
		h.shards = append(h.shards, s)
		h.stop.Go(s.run)
	}
	return h
}

// Publish appends events to the log; see [eventlog.Log]. It returns once they
// are readable, which is before streams have them.
func (h *Hub) Publish(ctx context.Context, events []eventlog.Event) ([]eventlog.Result, error) {
	return h.log.Append(ctx, events)
}

// Log returns the log that the hub delivers.
func (h *Hub) Log() eventlog.Log { return h.log }

// Subscription describes the stream to attach.
type Subscription struct {
	Channels []string // names and patterns in the order asked, without repetition; the names are kept
	Resume   string   // the last id that the client saw; "" for a fresh start
	From     From     // the start of a stream that does not resume
	UntilNow bool     // the stream ends once it has caught up
	Wants    Wants

	Transport Transport
	Owner     Owner

	// Older precedes the events that the log keeps, on a resume or from the oldest event on: events that were read
	// elsewhere, and the holes among them. The hub owns it. A log whose events are kept elsewhere, too, always has one
	// for FromOldest.
	Older *eventlog.Batch

	// OlderDone, if not nil, is called once when Older is no longer held. It must not block.
	OlderDone func()

	// Last, if not nil, is called once, in Attach, for a fresh start with the channels' newest events. It may fill in
	// the newest event, at this position, of a channel without one.
	Last func(at eventlog.Position, last []*eventlog.Record)

	// Dialect, if not nil, is how the stream gets the log's events.
	Dialect *Dialect

	// Tap, if not nil, sees everything from the first event on, as in [Conn.Tap], as
	// long as the stream lives.
	Tap func(sse []byte)

	// Head is sent before everything else, as it is: the head of a response whose
	// connection was taken over.
	Head []byte

	// Greet returns the first frames of a stream that begins at a position, and that is to
	// be resumed from id as long as it has nothing but them. A fresh start of an Owner that
	// is a Snapshotter has its snapshot instead.
	Greet func(at, id eventlog.Position, resumed bool) []byte
}

// Attach joins a stream to the log at an exact position and hands its transport
// to a shard. Owner.Ended follows exactly once; at once if the hub drains.
//
// A position of this log resumes after it. One of another epoch, a malformed one and one in the future start afresh,
// with a gap for each channel. Until the last of them the stream's ids are the requested position, so that a stream
// that breaks off before gets the gaps again.
func (h *Hub) Attach(sub Subscription) *Conn {
	h.streams.Add(1)
	s := h.shardOf(sub.Transport)
	c := &Conn{shard: s, t: sub.Transport, owner: sub.Owner, wants: sub.Wants, dialect: sub.Dialect, chunked: sub.Transport.Chunked()}
	if _, shots := sub.Owner.(Snapshotter); shots || sub.Wants != 0 {
		c.side = newSide(sub.Wants, len(sub.Channels))
	}
	if sub.UntilNow {
		c.state |= untilNow
	}
	first, catch := h.start(c, &sub)
	c.rest = append(sub.Head, c.frame(c.ownFrame(first))...)
	if catch.older != nil {
		catch.olderDone = sub.OlderDone
	} else if sub.OlderDone != nil {
		sub.OlderDone()
	}
	c.given.Store(c.pos + 1)
	channels, tap := sub.Channels, sub.Tap
	s.post(func() {
		if tap != nil {
			s.tap(c, &tap)
			s.show(c, first)
		}
		s.attach(c, channels, catch)
	})
	return c
}

// shardOf returns the shard of a new stream.
func (h *Hub) shardOf(t Transport) *shard {
	if on, ok := t.(Linked); ok {
		return on.Link().shard
	}
	return h.nextShard()
}

func (h *Hub) nextShard() *shard { return h.shards[h.next.Add(1)%uint32(len(h.shards))] }

// start determines where a stream begins and what is announced first.
func (h *Hub) start(c *Conn, sub *Subscription) (first []byte, catch *catchup) {
	_, isShot := sub.Owner.(Snapshotter)
	asked, reason := eventlog.Position{}, ""
	if sub.Resume != "" {
		var err error
		asked, err = eventlog.ParsePosition(sub.Resume)
		head := h.log.Head()
		switch {
		case err != nil:
			asked, reason = eventlog.Position{Epoch: Unknown}, "unknown"
		case asked.Epoch == Fresh:
		case asked.Epoch == Unknown:
			reason = "unknown"
		case asked.Epoch != head.Epoch:
			reason = "epoch"
		case asked.Seq > head.Seq:
			reason = "unknown"
		default:
			c.pos = asked.Seq
			if sub.Greet != nil {
				first = sub.Greet(asked, asked, true)
			}
			return first, &catchup{isStart: true, resumed: true, from: asked.Seq, older: sub.Older}
		}
	}
	if isShot {
		return nil, &catchup{afresh: true}
	}
	if sub.Dialect.silent() {
		reason = "" // without an announcement
	}
	k := &catchup{isStart: true, asked: printable(sub.Resume), reason: reason}
	at := h.startAfresh(sub, k)
	c.pos = at.Seq
	id := at
	if reason != "" {
		c.state |= owing
		k.id, id = asked, asked
	}
	if sub.Greet != nil {
		first = sub.Greet(at, id, false)
	}
	return first, k
}

// mostMatching is the most channels of a pattern whose newest events a fresh start announces.
const mostMatching = 100

// lastMatching returns the newest events, as of a position, of the channels of the patterns among the names. It leaves out those
// that are named themselves, and each channel is there once.
func (h *Hub) lastMatching(at eventlog.Position, names []string) (recs []*eventlog.Record) {
	var seen map[string]bool
	for _, pattern := range names {
		if !eventlog.IsPattern(pattern) {
			continue
		}
		if seen == nil {
			seen = make(map[string]bool)
			for _, name := range names {
				seen[name] = true
			}
		}
		for _, r := range h.log.LastMatching(pattern, mostMatching) {
			if name := r.Channel(); r.Seq <= at.Seq && !seen[name] {
				seen[name] = true
				recs = append(recs, r)
			}
		}
	}
	return recs
}

// printable returns at most 256 bytes of a position that a client sent.
func printable(s string) string {
	return strings.Clone(strings.ToValidUTF8(s[:min(len(s), 256)], "\uFFFD"))
}

// Streams returns how many streams are attached.
func (h *Hub) Streams() int { return int(h.streams.Load()) }

// Pending counts the kept events that the stream still has to get.
func (h *Hub) Pending(c *Conn, channels []string) int {
	return h.log.Pending(&eventlog.Cursor{Channels: channels, After: c.Position().Seq})
}

func (h *Hub) release() {
	if h.streams.Add(-1) == 0 && h.draining.Load() {
		h.signalIdle()
	}
}

func (h *Hub) signalIdle() {
	select {
	case h.idle <- struct{}{}:
	default:
	}
}

// Drain refuses new streams from now on and ends all others for the given reason. It
// returns when all have ended. If ctx ends first, it cuts the rest and returns ctx.Err().
func (h *Hub) Drain(ctx context.Context, why Reason) error {
	h.draining.Store(true)
	for _, s := range h.shards {
		s.post(func() { s.endAll(why) })
	}
	for h.streams.Load() > 0 {
		select {
		case <-h.idle:
		case <-ctx.Done():
			for _, s := range h.shards {
				s.post(s.cutAll)
			}
			return ctx.Err()
		}
	}
	h.signalIdle() // for other callers of Drain
	return nil
}

// Close cuts the streams that are left and stops the shards.
func (h *Hub) Close() {
	h.draining.Store(true)
	for _, s := range h.shards {
		s.post(func() { s.cutAll(); s.quit = true })
	}
	h.stop.Wait()
}
