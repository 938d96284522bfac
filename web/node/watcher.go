package node

import (
	"math"
	"strconv"
	"sync/atomic"
	"time"

	"rollcall/hub"
	"rollcall/hub/eventlog"
	"rollcall/presence"
)

// Watcher is one reader of the presence stream: a stream over the presence log that begins with a snapshot and repairs
// holes by another.
type Watcher struct {
	At         *Node
	Channels   []string
	Full       bool   // it sees everybody
	RemoteAddr string // without a port
	Admission
	conn   atomic.Pointer[hub.Conn]   // set once attached
	over   atomic.Bool                // it has ended
	expiry atomic.Pointer[time.Timer] // as a stream's
}

// Attached is called once the hub has the stream.
func (w *Watcher) Attached(conn *hub.Conn) {
	w.conn.Store(conn)
	w.At.watching.Store(w, nil)
	if w.over.Load() {
		w.At.watching.Delete(w)
	}
	if !w.Holds() { // a Reload since it was given may not have seen the stream
		w.end(hub.Expired)
	}
	if w.At.Blocks.refusesStream(w.GrantedTo(), w.RemoteAddr) {
		w.end(hub.Kicked)
	}
	if at := w.Expires(); !at.IsZero() {
		w.expiry.Store(time.AfterFunc(time.Until(at), func() { w.end(hub.Expired) }))
	}
}

func (w *Watcher) end(why hub.Reason) {
	if conn := w.conn.Load(); conn != nil {
		conn.End(why)
	}
}

// Ended implements [hub.Owner].
func (w *Watcher) Ended(*hub.Conn, hub.Reason) {
	if t := w.expiry.Load(); t != nil {
		t.Stop()
	}
	w.over.Store(true)
	w.At.watching.Delete(w)
	w.Release(0)
}

// maxSnapshot limits the snapshot of several channels in bytes. The members of one channel take at most the size of
// their info; those of many channels may repeat.
const maxSnapshot = 16 << 20

// members returns who is on the watched channels, by channel, and last of all everybody. It reports whether that is within
// maxSnapshot.
func (w *Watcher) members() (names []string, lists [][]presence.Member, version uint64, ok bool) {
	patterns, exact := eventlog.Split(w.Channels)
	most, match := maxSnapshot, patterns.Matches
	if len(patterns) == 0 {
		match = nil
		if len(exact) == 1 {
			most = math.MaxInt
		}
	}
	names, lists, version, ok = w.At.Registry.SnapshotMatching(most, append([]string{presence.Everyone}, exact...), match)
	if !ok {
		return nil, nil, 0, false
	}
	return names[1:], append(lists[1:], lists[0]), version, true
}

// Snapshot implements [hub.Snapshotter]: the present members, as one event.
func (w *Watcher) Snapshot() (frames []byte, at uint64, ok bool) {
	w.At.Feed.watched.Store(true) // first, so that later edges are in the log
	channels, lists, version, ok := w.members()
	if !ok {
		return nil, 0, false
	}
	everyone := lists[len(lists)-1]
	if w.Channels[0] != presence.Everyone {
		lists = lists[:len(lists)-1]
	} else {
		lists = lists[:1]
	}
	data := []byte(`{"clients":[`)
	first := true
	shown := make(map[string]bool)
	for i, members := range lists {
		for _, m := range members {
			if !first {
				data = append(data, ',')
			}
			first = false
			if !w.Full {
				shown[m.ClientID] = true
			}
			data = m.AppendJSON(data)
			data = data[:len(data)-1]
			if name := channels[i]; name != presence.Everyone {
				data = append(data, `,"channelName":`...)
				data = eventlog.AppendString(data, name)
			}
			data = append(data, `,"connectedAt":"`...)
			data = append(data, eventlog.Stamp(m.Since)...)
			data = append(data, `"}`...)
		}
	}
	data = append(data, `],"online":`...)
	online := len(everyone)
	if !w.Full {
		online = len(shown) // the number of other clients is hidden, too
	}
	data = strconv.AppendInt(data, int64(online), 10)
	id := eventlog.Position{Epoch: w.At.Edges.Head().Epoch, Seq: version}
	return eventlog.AppendBare([]byte(RetryLine), id, "snapshot", append(data, '}')), version, true
}
