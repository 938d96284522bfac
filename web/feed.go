package web

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"rollcall/hub"
	"rollcall/hub/eventlog"
	"rollcall/presence"
)

// onlineEvery is the least time between two online-presence events: a burst of
// changes is told once, at its end.
const onlineEvery = time.Second

// restBetween is how long the feed rests after each turn: when many come or go at
// once, they are dealt with together.
const restBetween = 10 * time.Millisecond

// feed carries the registry's edges to those who watch: one goroutine takes them
// in order, appends them to the presence log and notifies the streams that asked.
// Because first notices go out from the same goroutine, a stream's snapshot and
// the notices after it always add up.
type feed struct {
	server *Server
	wake   chan struct{} // capacity one
	quit   chan struct{}
	done   chan struct{}
	once   sync.Once
	counts edgeCounts

	mu      sync.Mutex
	waiting []beginner // streams that want their first notices

	// Owned by the goroutine.
	changed uint64      // version at which somebody last came or went
	online  *hub.Notice // the newest list of everybody; nil before the first
	built   time.Time   // when it was made
	wanted  bool        // a stream waits for a newer list than online
	members bool        // a stream has asked for member notices
}

type beginner struct {
	st   *stream
	conn *hub.Conn
}

func newFeed(s *Server) *feed {
	f := &feed{server: s, wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{})}
	go f.run()
	return f
}

// begin has a stream given what it asked for from now on. It never blocks.
func (f *feed) begin(st *stream, conn *hub.Conn) {
	f.mu.Lock()
	f.waiting = append(f.waiting, beginner{st, conn})
	f.mu.Unlock()
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

func (f *feed) close() {
	f.once.Do(func() { close(f.quit) })
	<-f.done
}

func (f *feed) run() {
	defer close(f.done)
	r := f.server.registry
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		r.Expire()
		f.mu.Lock()
		waiting := f.waiting
		f.waiting = nil
		f.mu.Unlock()
		f.pass(r.Take())
		for _, b := range waiting {
			f.first(b)
		}
		f.tellOnline()
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
func (f *feed) pause() time.Duration {
	pause := time.Hour
	if at, ok := f.server.registry.Next(); ok {
		pause = max(time.Until(at), 0)
	}
	if f.stale() {
		pause = min(pause, max(time.Until(f.built.Add(onlineEvery)), 0))
	}
	return pause
}

// pass appends edges to the presence log and notifies the channels' streams.
func (f *feed) pass(edges []presence.Edge) {
	for part := range slices.Chunk(edges, 256) {
		events := make([]eventlog.Event, len(part))
		for i := range part {
			e := &part[i]
			f.counts.add(e.Kind)
			events[i] = eventlog.Event{Channel: e.Channel, Type: string(e.Kind), Payload: e.AppendJSON(make([]byte, 0, 128+len(e.ClientID)+len(e.Info)+len(e.Channel))), Bare: true}
			if e.Channel != presence.Everyone {
				if f.members {
					f.tellMembers(e)
				}
			} else if e.Kind != presence.Update {
				f.changed = e.Version
				f.server.journal.note(happening{kind: string(e.Kind), clientID: e.ClientID})
			}
		}
		for {
			_, err := f.server.edges.Append(context.Background(), events)
			if !errors.Is(err, eventlog.ErrBusy) {
				break // done, or closed with the server
			}
		}
	}
}

func (f *feed) tellMembers(e *presence.Edge) {
	payload := append([]byte(`{"action":"`), e.Kind...)
	payload = append(payload, `","member":`...)
	payload = presence.Member{ClientID: e.ClientID, Info: e.Info}.AppendJSON(payload)
	f.server.hub.Notify(&hub.Notice{Channel: e.Channel, Type: "presence", Payload: append(payload, '}'), Version: e.Version})
}

// first gives a stream its first notices, or notes that the next list of
// everybody is for it too.
func (f *feed) first(b beginner) {
	var notices []*hub.Notice
	if b.st.wants&hub.WantMembers != 0 {
		f.members = true
		names := f.server.registry.On(&b.st.Connection)
		lists, version := f.server.registry.Snapshot(names...)
		for i, members := range lists {
			payload := []byte(`{"action":"snapshot","members":[`)
			for j, m := range members {
				if j > 0 {
					payload = append(payload, ',')
				}
				payload = m.AppendJSON(payload)
			}
			notices = append(notices, &hub.Notice{Channel: names[i], Type: "presence", Payload: append(payload, "]}"...), Version: version})
		}
	}
	if b.st.wants&hub.WantOnline != 0 {
		if f.wanted = true; !f.stale() {
			notices = append(notices, f.online)
		}
	}
	if len(notices) > 0 {
		b.conn.Begin(notices)
	}
}

// stale reports whether the list of everybody is not what was last told, and
// somebody wants it.
func (f *feed) stale() bool {
	return f.wanted && (f.online == nil || f.online.Version < f.changed)
}

// tellOnline tells who is online, if that is due.
func (f *feed) tellOnline() {
	if !f.stale() || time.Since(f.built) < onlineEvery {
		return
	}
	lists, version := f.server.registry.Snapshot(presence.Everyone)
	members := lists[0]
	slices.SortFunc(members, func(a, b presence.Member) int { return strings.Compare(a.ClientID, b.ClientID) })
	payload := []byte{'['}
	for i, m := range members {
		if i > 0 {
			payload = append(payload, ',')
		}
		payload = eventlog.AppendString(payload, m.ClientID)
	}
	f.online = &hub.Notice{Type: "online-presence", Payload: append(payload, ']'), Version: max(version, f.changed)}
	f.built = time.Now()
	f.server.hub.Notify(f.online)
}
