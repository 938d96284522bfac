package node

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"time"

	"rollcall/hub"
	"rollcall/hub/eventlog"
)

// IDOf returns the id of the event with this number.
func (n *Node) IDOf(seq uint64) string {
	return eventlog.Position{Epoch: n.Log.Head().Epoch, Seq: seq}.String()
}

// Engine is the log that a server delivers, with its state for the pages: an [eventlog.Memory], as [MemoryEngine], or
// a jetlog.Log.
type Engine interface {
	eventlog.Log

	Stats() eventlog.Stats
	Kept(channels []string, span time.Duration, parts int) []eventlog.Kept
	Channels() []eventlog.Kept
	Busiest(span time.Duration, n int) []eventlog.Busy
	Newest(n int, seq uint64, want func(channel string) bool) ([]*eventlog.Record, uint64)
	Page(channel string, before uint64, n int) []*eventlog.Record

	// Limits returns what the channel keeps, by its rule.
	Limits(channel string) eventlog.Limits

	// Purge drops the channel's events and returns their number, as far as known.
	Purge(ctx context.Context, channel string) (int, error)
}

// EngineState is how an engine is.
type EngineState struct {
	Name   string // its name, in a few words
	Ready  bool
	Reason string       // why it is not ready
	Since  time.Time    // when that began
	Lag    uint64       // how many events of the store this node has not seen
	Bytes  int64        // of the store on this machine's disk, 0 without one
	Ingest *IngestState // nil without subjects to read
}

// IngestState counts the messages of other programs that become events, since the start.
type IngestState struct {
	Published  uint64 // became events
	Duplicates uint64 // were events already
	Refused    uint64 // can't be events
	Waiting    uint64 // unread messages, if this server reads
	Reading    bool   // this server of the cluster reads them
}

// healthReporter is an Engine that reports its health. Other engines are always ready.
type healthReporter interface{ State() EngineState }

// EngineState returns the health of the server's engine.
func (n *Node) EngineState() EngineState {
	if e, ok := n.Log.(healthReporter); ok {
		return e.State()
	}
	return EngineState{Name: "memory: ends with the process", Ready: true}
}

// Deeper is an Engine whose store keeps more than the server has in memory.
type Deeper interface {
	Older(ctx context.Context, channels []string, after uint64, limit eventlog.Limit) (eventlog.Batch, error)
	LastOlder(ctx context.Context, channels []string) ([]*eventlog.Record, error)
	// OlderBefore reads the newest events of a channel before a number, oldest first, whether the server has them in
	// memory or not. Its cost does not grow with what the channel keeps.
	OlderBefore(ctx context.Context, channel string, before uint64, limit eventlog.Limit) ([]*eventlog.Record, error)

	// Match returns the channels of the patterns that the store has events of.
	Match(ctx context.Context, patterns eventlog.Patterns) ([]string, error)

	// Floors returns, for each channel, the number through which its events may be missing in memory.
	Floors(channels []string) []uint64
}

// BackedUp is an Engine that can be copied while it is used.
type BackedUp interface {
	// Backup returns the files of the store, as they are at one instant, until release is called. ErrBusy means that
	// there is another backup.
	Backup(ctx context.Context) (files fs.FS, release func(), err error)
}

// The most that one resuming stream gets from the store. Older events are a gap.
const (
	olderEvents = 10_000
	olderBytes  = 8 << 20
)

// The most that all streams together hold of the store's events until they are sent, and the most of one read of the
// store. Streams beyond it are refused temporarily.
const (
	olderTotal = 64 << 20
	olderStep  = 1 << 20
	olderCost  = 128 // of an event beside its bytes
)

var ErrOlderBusy = errors.New("the limit of reads from the store is reached")

// OlderBusy ends a stream for errOlderBusy.
var OlderBusy = hub.Reason{Code: hub.Overloaded.Code, Text: "The server has reached its limit of reads from the store.", Reconnect: true}

// Resumes returns the position that a client gave, and whether it is one of this log.
func (n *Node) Resumes(id string) (eventlog.Position, bool) {
	at, err := eventlog.ParsePosition(id)
	head := n.Log.Head()
	return at, err == nil && at.Epoch == head.Epoch && at.Seq <= head.Seq
}

// positionWait is how long a request waits for a position that another server gave.
const positionWait = 2 * time.Second

// AwaitPosition waits until this server has the log through the position that a client gave.
// In a cluster the client may have it from a server that is ahead of this one. A position of
// another epoch, and one that no server gave, need no wait: they are not resumed.
//
// Errors: eventlog.ErrBehind; eventlog.ErrClosed.
func (n *Node) AwaitPosition(ctx context.Context, id string) error {
	at, err := eventlog.ParsePosition(id)
	if err != nil || at.Epoch != n.Log.Head().Epoch {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, positionWait)
	defer cancel()
	if err := n.Log.Await(ctx, at.Seq); !errors.Is(err, eventlog.ErrFuture) {
		return err
	}
	return nil
}

// Newest returns a channel's newest event, nil if there is none, and the head at that time. It reads the store if the
// memory no longer has the event.
func (n *Node) Newest(ctx context.Context, channel string) (eventlog.Position, *eventlog.Record, error) {
	names := []string{channel}
	at, last := n.Log.Last(names)
	if store, ok := n.Log.(Deeper); ok && last[0] == nil {
		var err error
		if last, err = store.LastOlder(ctx, names); err != nil {
			return at, nil, err
		}
		if last[0] == nil { // one may have come while the store was read
			at, last = n.Log.Last(names)
		}
	}
	return at, last[0], nil
}

// FillLast is a hub.Subscription's Last.
type FillLast func(at eventlog.Position, last []*eventlog.Record)

// ReadLast reads from the store the newest events that the server no longer has in
// memory, for a stream that starts afresh.
func (n *Node) ReadLast(ctx context.Context, channels []string) (FillLast, error) {
	store, ok := n.Log.(Deeper)
	if !ok {
		return nil, nil
	}
	at, last := n.Log.Last(channels)
	floors := store.Floors(channels)
	if !slices.Contains(last, nil) || slices.Max(floors) == 0 {
		return nil, nil
	}
	older, err := store.LastOlder(ctx, channels)
	if err != nil {
		return nil, err
	}
	read := at.Seq
	return func(at eventlog.Position, last []*eventlog.Record) {
		for i, floor := range store.Floors(channels) {
			// Nothing that came after the read began may have gone since, purged or for
			// want of room.
			if last[i] == nil && older[i] != nil && older[i].Seq <= at.Seq && (floor == floors[i] || floor < read) {
				last[i] = older[i]
			}
		}
	}, nil
}

// Older reads a resuming stream's missed events that the server no longer has in memory from the store; nil if there
// are none. held is their share of OlderRoom, to be returned to it.
func (n *Node) Older(ctx context.Context, channels []string, resume string) (all *eventlog.Batch, held int64, err error) {
	store, ok := n.Log.(Deeper)
	if !ok {
		return nil, 0, nil
	}
	at, ok := n.Resumes(resume)
	if !ok {
		return nil, 0, nil // it starts afresh
	}
	defer func() {
		if all == nil {
			n.OlderRoom.Give(held)
			held = 0
		}
	}()
	if channels, err = n.withMatching(ctx, store, channels, at.Seq); err != nil {
		return nil, 0, err
	}
	all = &eventlog.Batch{Through: at.Seq}
	for size := 0; ; {
		if !n.OlderRoom.Take(olderStep) {
			return nil, held, ErrOlderBusy
		}
		held += olderStep
		b, err := store.Older(ctx, channels, all.Through, eventlog.Limit{Bytes: olderStep})
		if err != nil {
			return nil, held, err
		}
		for _, g := range b.Gaps { // a later step may report the same hole again
			if !slices.ContainsFunc(all.Gaps, func(told eventlog.Gap) bool { return told.Channel == g.Channel }) {
				all.Gaps = append(all.Gaps, g)
			}
		}
		all.Records, all.Through = append(all.Records, b.Records...), b.Through
		for _, r := range b.Records {
			size += len(r.Frame().Chunk()) + olderCost
		}
		more := int64(size) - held
		if !n.OlderRoom.Take(more) {
			return nil, held, ErrOlderBusy
		}
		held += more
		// A read that reached the events in memory is repeated too: some of these may have gone meanwhile.
		if len(b.Records) == 0 || len(all.Records) >= olderEvents || size >= olderBytes {
			break
		}
	}
	if len(all.Records)+len(all.Gaps) == 0 {
		return nil, held, nil
	}
	return all, held, nil
}

// NewestBefore returns the newest events of a channel before a number, oldest first, from the store if the memory no
// longer has them.
func (n *Node) NewestBefore(ctx context.Context, channel string, before uint64, limit eventlog.Limit) ([]*eventlog.Record, error) {
	recs := n.Log.Page(channel, before, limit.Events)
	slices.Reverse(recs)
	missing := limit.Events - len(recs)
	store, ok := n.Log.(Deeper)
	if !ok || missing == 0 || store.Floors([]string{channel})[0] == 0 {
		return newestWithin(recs, limit), nil
	}
	if len(recs) > 0 {
		before = recs[0].Seq
	}
	older, err := store.OlderBefore(ctx, channel, before, eventlog.Limit{Events: missing, Bytes: limit.Bytes})
	if err != nil {
		return nil, err
	}
	return newestWithin(append(older, recs...), limit), nil
}

// newestWithin returns the last records within the limit of bytes, one at least.
func newestWithin(recs []*eventlog.Record, limit eventlog.Limit) []*eventlog.Record {
	size := 0
	for i, r := range slices.Backward(recs) {
		if size += len(r.Frame().Chunk()); size > limit.Bytes && i < len(recs)-1 {
			return recs[i+1:]
		}
	}
	return recs
}

// Oldest reads from the store what the server no longer has in memory, for a stream that
// begins with the oldest event. What the store does not have either is no gap.
func (n *Node) Oldest(ctx context.Context, channels []string) (all *eventlog.Batch, held int64, err error) {
	if _, ok := n.Log.(Deeper); !ok {
		return nil, 0, nil
	}
	beginning := eventlog.Position{Epoch: n.Log.Head().Epoch}
	if all, held, err = n.Older(ctx, channels, beginning.String()); all == nil {
		all = new(eventlog.Batch)
	}
	all.Gaps = nil
	return all, held, err
}

// withMatching adds to names the channels of the patterns among them of which the store may have events after a position that
// the server no longer has in memory.
func (n *Node) withMatching(ctx context.Context, store Deeper, names []string, after uint64) ([]string, error) {
	patterns, channels := eventlog.Split(names)
	patterns = slices.DeleteFunc(patterns, func(p eventlog.Pattern) bool { return store.Floors([]string{p.String()})[0] <= after })
	if len(patterns) == 0 {
		return names, nil
	}
	more, err := store.Match(ctx, patterns)
	if err != nil {
		return nil, err
	}
	named := make(map[string]bool, len(channels))
	for _, name := range channels {
		named[name] = true
	}
	for _, p := range patterns {
		channels = append(channels, p.String()) // a gap of which may have to be announced
	}
	for _, name := range more {
		if !named[name] {
			named[name] = true
			channels = append(channels, name)
		}
	}
	return channels, nil
}

// MemoryEngine is a log in memory as an Engine.
type MemoryEngine struct{ *eventlog.Memory }

var _ Engine = MemoryEngine{}

// Purge implements [Engine]. It does not fail.
func (m MemoryEngine) Purge(_ context.Context, channel string) (int, error) {
	return m.Memory.Purge(channel), nil
}
