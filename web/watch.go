package web

import (
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"

	"rollcall/hub"
	"rollcall/hub/eventlog"
	"rollcall/presence"
	"rollcall/web/auth"
)

// watcher is one reader of the presence stream: a stream over the presence log
// that begins with a snapshot and mends holes by another.
type watcher struct {
	server   *Server
	channels []string
	full     bool // it sees everybody
	admission
	conn   atomic.Pointer[hub.Conn]   // set once attached
	over   atomic.Bool                // it has ended
	expiry atomic.Pointer[time.Timer] // as a stream's
}

// watch answers GET /presence/stream.
func (s *Server) watch(c *gin.Context) {
	w := &watcher{server: s}
	for _, list := range append(c.QueryArray("channels"), c.QueryArray("channel")...) {
		for name := range strings.SplitSeq(list, ",") {
			if name == "" {
				continue
			}
			if err := eventlog.CheckChannel(name); err != nil {
				refuse(c, invalid("invalid_channel", "channels", "has a name that %v", err))
				return
			}
			w.channels = append(w.channels, strings.Clone(name)) // not the whole URL
		}
	}
	w.channels = unrepeated(w.channels)
	if len(w.channels) > s.opts.MaxChannels {
		refuse(c, invalid("too_many_channels", "channels", "has %d names; a stream may have %d", len(w.channels), s.opts.MaxChannels))
		return
	}
	if len(w.channels) == 0 {
		w.channels = []string{presence.Everyone}
	}
	resume := resumeID(c.GetHeader("Last-Event-ID"), append(c.QueryArray("lastEventId"), c.QueryArray("last_event_id")...))
	g, f := s.grant(c)
	if f == nil {
		f = w.allowed(c, g)
	}
	if f != nil {
		s.refuseStream(c, resume, f)
		return
	}
	why, leaving := s.leaving()
	switch {
	case leaving:
		s.turnAway(c, resume, why)
	case s.Streams() >= s.opts.MaxStreams:
		s.turnAway(c, resume, hub.Overloaded)
	default:
		if w.admission, f = s.lend(c, g, w.channels); f != nil {
			s.refuseStream(c, resume, f)
			return
		}
		s.attach(c, s.watchers, hub.Subscription{
			Channels: w.channels,
			Resume:   resume,
			Owner:    w,
			Greet:    func(eventlog.Position, bool) []byte { return []byte(retryLine + "\n") },
		}, w.attached, func() { w.Ended(nil, hub.Gone) })
	}
}

// allowed checks what is asked for against the grant.
func (w *watcher) allowed(c *gin.Context, g *auth.Grant) *fault {
	w.full = g.FullPresence()
	if w.channels[0] == presence.Everyone {
		if !w.full {
			return w.server.forbidden(c, g, "channels", "Seeing everybody who is online")
		}
		return nil
	}
	for _, name := range w.channels {
		if !g.MaySeePresence(name) {
			return w.server.forbidden(c, g, "channels", "Seeing who is on "+strconv.Quote(name))
		}
	}
	return nil
}

// attached is called once the hub has the stream.
func (w *watcher) attached(conn *hub.Conn) {
	w.conn.Store(conn)
	w.server.watching.Store(w, nil)
	if w.over.Load() {
		w.server.watching.Delete(w)
	}
	if !w.Holds() { // a Reload since it was given may not have seen the stream
		w.end(hub.Expired)
	}
	if _, blocked := w.server.blocks.of(w.GrantedTo()); blocked { // since it was asked for
		w.end(hub.Kicked)
	}
	if at := w.Expires(); !at.IsZero() {
		w.expiry.Store(time.AfterFunc(time.Until(at), func() { w.end(hub.Expired) }))
	}
}

func (w *watcher) end(why hub.Reason) {
	if conn := w.conn.Load(); conn != nil {
		conn.End(why)
	}
}

// unrepeated returns names without repetitions, in order.
func unrepeated(names []string) []string {
	if len(names) < 2 {
		return names
	}
	seen := make(map[string]bool, len(names))
	kept := names[:0]
	for _, name := range names {
		if !seen[name] {
			seen[name] = true
			kept = append(kept, name)
		}
	}
	return kept
}

// Ended implements [hub.Owner].
func (w *watcher) Ended(*hub.Conn, hub.Reason) {
	if t := w.expiry.Load(); t != nil {
		t.Stop()
	}
	w.over.Store(true)
	w.server.watching.Delete(w)
	w.Release(0)
}

// maxSnapshot bounds the snapshot of several channels in bytes. The members of one channel
// take no more than what they said of themselves; those of many may be the same again and
// again.
const maxSnapshot = 16 << 20

// Snapshot implements [hub.Snapshotter]: who is there now, as one event.
func (w *watcher) Snapshot() (frames []byte, at uint64, ok bool) {
	if len(w.channels) > 1 && w.server.registry.Weight(maxSnapshot, w.channels...) > maxSnapshot {
		return nil, 0, false
	}
	lists, version := w.server.registry.Snapshot(append(w.channels, presence.Everyone)...)
	everyone := lists[len(lists)-1]
	if w.channels[0] != presence.Everyone {
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
			if !w.full {
				shown[m.ClientID] = true
			}
			data = m.AppendJSON(data)
			data = data[:len(data)-1]
			if name := w.channels[i]; name != presence.Everyone {
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
	if !w.full {
		online = len(shown) // how many are elsewhere is not told either
	}
	data = strconv.AppendInt(data, int64(online), 10)
	id := eventlog.Position{Epoch: w.server.edges.Head().Epoch, Seq: version}
	return eventlog.AppendBare([]byte(retryLine), id, "snapshot", append(data, '}')), version, true
}
