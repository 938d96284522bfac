package node

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"rollcall/hub"
	"rollcall/hub/eventlog"
	"rollcall/presence"
)

// onlineEvery is the least time between two online-presence events: a burst of changes is reported once, at its end.
const onlineEvery = time.Second

// restBetween is how long the feed rests after each turn: when many come or go at
// once, they are dealt with together.
const restBetween = 10 * time.Millisecond

// What a stream gets of its first notices in one step, one channel at least, and what the shards may have pending of
// such steps.
const (
	stepBytes = 64 << 10
	mostAhead = 16 << 20
)

// Feed delivers the registry's edges: one goroutine takes them in order, appends them to the presence log and notifies
// the streams that asked. The log keeps nothing until somebody watches, because nobody could read it. First notices go
// out from the same goroutine, so a stream's snapshots and the notices after them always add up. A stream gets the
// snapshots of its channels in steps, the next one when it has taken the last.
type Feed struct {
	node   *Node
	wake   chan struct{} // capacity one
	quit   chan struct{}
	done   chan struct{}
	once   sync.Once
	Counts edgeCounts

	mu      sync.Mutex
	waiting []newcomer // streams that want their first notices

	watched atomic.Bool  // a presence stream has had a snapshot
	ahead   atomic.Int64 // bytes of first notices that the shards have yet to write
	online  atomic.Int64 // streams with WantOnline
	members atomic.Int64 // streams with WantMembers

	// Owned by the goroutine.
	changed  uint64           // version of the last join or leave
	everyone *hub.Notice      // the newest list of everybody; nil before the first
	built    time.Time        // when it was made
	events   []eventlog.Event // reused
	text     []byte           // of the events; reused
}

// newcomer is a stream that waits for its first notices.
type newcomer struct {
	conn     *hub.Conn
	channels []string
	online   bool
}

func newFeed(s *Node) *Feed {
	f := &Feed{node: s, wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{})}
	go f.run()
	return f
}

// Count counts streams with notices: n is 1 for a new one, -1 for an ended one. Without any, no notices are made.
func (f *Feed) Count(wants hub.Wants, n int64) {
	if wants&hub.WantOnline != 0 {
		f.online.Add(n)
	}
	if wants&hub.WantMembers != 0 {
		f.members.Add(n)
	}
}

// startNotices starts a stream's notices. It never blocks.
func (f *Feed) startNotices(b newcomer) {
	f.mu.Lock()
	f.waiting = append(f.waiting, b)
	f.mu.Unlock()
	f.signal()
}

func (f *Feed) signal() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

func (f *Feed) close() {
	f.once.Do(func() { close(f.quit) })
	<-f.done
}

func (f *Feed) run() {
	defer close(f.done)
	r := f.node.Registry
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		r.Expire()
		f.mu.Lock()
		waiting := f.waiting
		f.waiting = nil
		f.mu.Unlock()
		f.passAll()
		f.firsts(waiting)
		f.notifyOnline()
		timer.Reset(restBetween)
		select {
		case <-timer.C:
		case <-f.quit:
			return
		}
		timer.Reset(f.pause())
		select {
		case <-r.Changed():
		case <-f.wake:
		case <-timer.C:
		case <-f.quit:
			return
		}
	}
}

// pause returns how long there is nothing to do if nothing happens.
func (f *Feed) pause() time.Duration {
	pause := time.Hour
	if at, ok := f.node.Registry.Next(); ok {
		pause = max(time.Until(at), 0)
	}
	if f.stale() {
		pause = min(pause, max(time.Until(f.built.Add(onlineEvery)), 0))
	}
	return pause
}

// passAll passes the edges that are queued now.
func (f *Feed) passAll() {
	_, _, _, last := f.node.Registry.Totals()
	for edges := f.node.Registry.Take(); len(edges) > 0; edges = f.node.Registry.Take() {
		if f.pass(edges); edges[len(edges)-1].Version >= last {
			return
		}
	}
}

// pass appends edges to the presence log and notifies the channels' streams.
func (f *Feed) pass(edges []presence.Edge) {
	if tell := f.node.opts.Edges; tell != nil {
		tell(edges)
	}
	f.record(edges)
	for i := range edges {
		e := &edges[i]
		f.Counts.add(e.Kind)
		if e.Channel != presence.Everyone {
			if f.members.Load() > 0 {
				f.notifyMembers(e)
			}
		} else if e.Kind != presence.Update {
			f.changed = e.Version
			f.node.Journal.Note(JournalEntry{Kind: string(e.Kind), ClientID: e.ClientID})
		}
	}
}

// record appends edges to the presence log. Edges from before the first snapshot are in that snapshot: the log notes
// only that they are missing.
func (f *Feed) record(edges []presence.Edge) {
	if !f.watched.Load() {
		f.node.Edges.LoseAll(edges[len(edges)-1].Version)
		return
	}
	f.events, f.text = f.events[:0], f.text[:0]
	for i := range edges {
		e := &edges[i]
		begin := len(f.text)
		f.text = e.AppendJSON(f.text)
		f.events = append(f.events, eventlog.Event{Channel: e.Channel, Type: string(e.Kind), Payload: f.text[begin:], Bare: true})
	}
	for {
		_, err := f.node.Edges.Append(context.Background(), f.events)
		if !errors.Is(err, eventlog.ErrBusy) {
			return // done, or closed with the server
		}
	}
}

func (f *Feed) notifyMembers(e *presence.Edge) {
	payload := append([]byte(`{"action":"`), e.Kind...)
	payload = append(payload, `","member":`...)
	payload = presence.Member{ClientID: e.ClientID, Info: e.Info}.AppendJSON(payload)
	f.node.Hub.Notify(&hub.Notice{Channel: e.Channel, Type: "presence", Payload: append(payload, '}'), Version: e.Version})
}

// firsts sends waiting streams a step of their first notices each. Those that exceed the shards' limit wait for the
// next turn.
func (f *Feed) firsts(waiting []newcomer) {
	made := make(map[string]*hub.Notice)
	for i, b := range waiting {
		if f.ahead.Load() > mostAhead {
			f.mu.Lock()
			f.waiting = append(waiting[i:], f.waiting...)
			f.mu.Unlock()
			return // the shards' answer wakes the feed
		}
		f.sendInitial(b, made)
	}
}

// sendInitial sends a stream a step of its first notices. If the list of all clients is stale, the stream gets the
// next one. Notices made for others in this turn are shared: they are as new as what the others received.
func (f *Feed) sendInitial(b newcomer, made map[string]*hub.Notice) {
	var notices []*hub.Notice
	size := int64(0)
	for _, name := range b.channels {
		n := made[name]
		if n == nil {
			n = f.snapshot(name)
			made[name] = n
		}
		notices = append(notices, n)
		if size += int64(len(n.Payload)); size >= stepBytes {
			break
		}
	}
	if b.online && f.everyone != nil && !f.stale() {
		notices = append(notices, f.everyone)
	}
	f.ahead.Add(size)
	b.conn.StartNotices(notices, func() {
		if f.ahead.Add(-size); size > 0 {
			f.signal()
		}
	})
}

// snapshot returns the members of a channel as a notice.
func (f *Feed) snapshot(channel string) *hub.Notice {
	lists, version := f.node.Registry.Snapshot(channel)
	payload := []byte(`{"action":"snapshot","members":[`)
	for i, m := range lists[0] {
		if i > 0 {
			payload = append(payload, ',')
		}
		payload = m.AppendJSON(payload)
	}
	return &hub.Notice{Channel: channel, Type: "presence", Payload: append(payload, "]}"...), Version: version}
}

// stale reports whether the list of all clients has changed since it was last sent, and a stream wants it.
func (f *Feed) stale() bool {
	return f.online.Load() > 0 && (f.everyone == nil || f.everyone.Version < f.changed)
}

// notifyOnline sends the list of all clients, if that is due.
func (f *Feed) notifyOnline() {
	if !f.stale() || time.Since(f.built) < onlineEvery {
		return
	}
	lists, version := f.node.Registry.Snapshot(presence.Everyone)
	members := lists[0]
	slices.SortFunc(members, func(a, b presence.Member) int { return strings.Compare(a.ClientID, b.ClientID) })
	payload := []byte{'['}
	for i, m := range members {
		if i > 0 {
			payload = append(payload, ',')
		}
		payload = eventlog.AppendString(payload, m.ClientID)
	}
	f.everyone = &hub.Notice{Type: "online-presence", Payload: append(payload, ']'), Version: max(version, f.changed)}
	f.built = time.Now()
	f.node.Hub.Notify(f.everyone)
}

// EdgeKinds are the kinds of edges, and edgeCounts how many there were of each.
var EdgeKinds = [...]presence.Kind{presence.Join, presence.Leave, presence.Update}

type edgeCounts [len(EdgeKinds)]atomic.Uint64

func (c *edgeCounts) add(kind presence.Kind) { c[slices.Index(EdgeKinds[:], kind)].Add(1) }
