package web

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
	"unique"

	"github.com/gin-gonic/gin"

	"rollcall/hub"
	"rollcall/hub/eventlog"
	"rollcall/presence"
)

// stream is one subscriber's stream. It owns the hub's Conn.
type stream struct {
	presence.Connection
	server *Server
	wants  hub.Wants
	atOnce atomic.Bool // its client leaves without the grace
	admission
	place place // nil where it is not kept
	// waiting counts the bytes that net/http has taken and not written; nil where the connection is taken over. It is set before the
	// stream is attached.
	waiting func() int
	conn    atomic.Pointer[hub.Conn]   // set once attached
	ending  atomic.Pointer[hub.Reason] // why it was told to end
	expiry  atomic.Pointer[time.Timer] // ends it with its grant; nil where that does not end
}

// place keeps where a stream stands, for a client that comes back without saying it. Its methods are safe for concurrent use.
type place interface {
	Last(ctx context.Context) (string, error) // where it stood; "" for nowhere
	Starts(at uint64)                         // called first
	// Began is told a way to ask how many bytes of what the stream was given are not written
	// yet, Ended how many that were. Neither blocks. Ended is called again where more was
	// written since.
	Began(conn *hub.Conn, unsent func() int)
	Ended(conn *hub.Conn, unsent int)
}

// connOf returns the hub's side of a connection, nil before it is attached and for
// one of another node.
func connOf(c *presence.Connection) *hub.Conn {
	if st, ok := c.Handle.(*stream); ok {
		return st.conn.Load()
	}
	return nil
}

// closing is a Connection header, shared and never changed.
var closing = []string{"close"}

// retryLine tells clients how long to wait before they come back.
const retryLine = "retry: 3000\n"

// stream answers a good request with a stream and returns when it has ended.
func (s *Server) stream(c *gin.Context, r *request, admitted admission) {
	id := strings.Clone(r.clientID)
	if id == "" {
		id = newID()
	}
	st := &stream{
		server:    s,
		wants:     r.wants,
		admission: admitted,
		place:     r.place,
		Connection: presence.Connection{
			ID:          newID(),
			ClientID:    id,
			DeviceID:    strings.Clone(r.deviceID),
			Anonymous:   r.clientID == "",
			Node:        s.opts.Node,
			RemoteAddr:  s.remoteHost(c.Request),
			UserAgent:   shortAgent(c.Request.UserAgent()),
			Protocol:    protocol(c.Request),
			ConnectedAt: time.Now(),
		},
	}
	st.Handle = st
	s.feed.count(st.wants, 1)
	for i, name := range r.channels {
		r.channels[i] = strings.Clone(name) // hub and presence share it; the rest of the request goes
	}
	kind := "open"
	if s.registry.Join(&st.Connection, r.channels, r.info) {
		kind = "return"
	}
	if s.cluster != nil {
		s.cluster.put(&st.Connection, r.channels)
	}
	s.journal.note(happening{kind: kind, clientID: st.ClientID, connID: st.ID, addr: st.RemoteAddr})
	held := r.olderHeld
	given := func() { s.releaseOlder(held) }
	s.attach(c, s.hub, hub.Subscription{
		Channels:  r.channels,
		Resume:    r.resume,
		Wants:     r.wants,
		Owner:     st,
		Tap:       s.taps.of(&st.Connection),
		Older:     r.older,
		OlderDone: given,
		Last:      r.last,
		Dialect:   r.dialect,
		Greet: func(at eventlog.Position, resumed bool) []byte {
			if st.place != nil {
				st.place.Starts(at.Seq)
			}
			if r.dialect != nil {
				return fmt.Appendf(nil, "%sid: %s\n\n", retryLine, at)
			}
			out := append(make([]byte, 0, 320+len(st.ClientID)), retryLine...)
			return eventlog.AppendNotice(out, at, "", "registered", st.hello(resumed))
		},
	}, st.attached, func() { given(); st.Ended(nil, hub.Gone) })
	if st.place != nil && st.waiting != nil {
		st.place.Ended(st.conn.Load(), st.unsent())
	}
}

// unsent returns how many bytes of what the stream was given are not written yet.
func (st *stream) unsent() int {
	if st.waiting == nil {
		return 0
	}
	return st.waiting()
}

// attached is called once the hub has the stream.
func (st *stream) attached(conn *hub.Conn) {
	st.conn.Store(conn)
	if why := st.ending.Load(); why != nil {
		conn.End(*why)
	}
	if st.place != nil {
		st.place.Began(conn, st.unsent)
	}
	if !st.Holds() { // a Reload since it was given may not have seen the stream
		st.end(hub.Expired)
	}
	if _, blocked := st.server.blocks.of(st.ClientID); blocked { // since it was asked for
		st.end(hub.Kicked)
	}
	if at := st.Expires(); !at.IsZero() {
		st.expiry.Store(time.AfterFunc(time.Until(at), func() { st.end(hub.Expired) }))
	}
}

// Ended implements [hub.Owner].
func (st *stream) Ended(conn *hub.Conn, why hub.Reason) {
	if t := st.expiry.Load(); t != nil {
		t.Stop() // one that is set later finds the stream ended
	}
	if st.place != nil && conn != nil {
		st.place.Ended(conn, st.unsent())
	}
	st.server.feed.count(st.wants, -1)
	st.server.registry.Leave(&st.Connection)
	grace := st.server.opts.PresenceGrace
	if st.atOnce.Load() {
		st.server.registry.EndGrace(st.ID)
		grace = 0
	}
	st.Release(grace)
	if st.server.cluster != nil {
		st.server.cluster.gone(&st.Connection)
	}
	st.server.journal.note(happening{kind: "end", code: why.Code, clientID: st.ClientID, connID: st.ID, addr: st.RemoteAddr})
	st.server.opts.Log.Debug("stream ended", "clientId", st.ClientID, "connectionId", st.ID, "reason", why.Code)
}

// Refresh implements [hub.Refresher].
func (st *stream) Refresh(conn *hub.Conn, channels []string, online bool) {
	st.server.feed.begin(beginner{conn, channels, online})
}

// end ends the stream wherever it is in its life.
func (st *stream) end(why hub.Reason) {
	st.ending.Store(&why)
	if conn := st.conn.Load(); conn != nil {
		conn.End(why)
	}
}

// attach hands the connection of a request to a hub. A connection that can be
// taken over is: the request then ends here and the hub's shard writes the rest.
// Any other is written through net/http, by this goroutine, until the stream has
// ended.
func (s *Server) attach(c *gin.Context, to *hub.Hub, sub hub.Subscription, attached func(*hub.Conn), failed func()) {
	streamHead(c)
	if conn, ok := hijack(c, to); ok {
		chunked := c.Request.ProtoAtLeast(1, 1)
		t, err := hub.TakeOver(conn, chunked)
		if err != nil {
			failed()
			s.opts.Log.Warn("a connection could not be taken over", "error", err)
			return
		}
		sub.Transport = t
		// The connection ends with the stream: who would use it again, a proxy's pool or
		// a client's, is to know.
		if chunked {
			c.Writer.Header()["Connection"] = closing
		}
		sub.Head = appendHead(make([]byte, 0, 512), c.Writer.Header(), chunked)
		attached(to.Attach(sub))
		return
	}
	w := unwrapped(c)
	rc := http.NewResponseController(w)
	_ = rc.SetReadDeadline(time.Time{})
	t := newHandlerTransport(w, rc, s.opts.StallTimeout)
	sub.Transport = t
	if st, ok := sub.Owner.(*stream); ok {
		st.waiting = t.pending
	}
	t.conn = to.Attach(sub)
	attached(t.conn)
	c.Writer.WriteHeaderNow()
	s.limits.connections.written.Add(1)
	defer s.limits.connections.written.Add(-1)
	t.run(c.Request.Context())
}

// hijack takes the request's connection from net/http if the hub can have it.
func hijack(c *gin.Context, to *hub.Hub) (net.Conn, bool) {
	r := c.Request
	below, _ := r.Context().Value(connKey{}).(net.Conn)
	if r.ProtoMajor != 1 || below == nil || !to.CanTakeOver(below) {
		return nil, false
	}
	if _, can := unwrapped(c).(http.Hijacker); !can {
		return nil, false // another server's writer; Gin would panic
	}
	conn, _, err := c.Writer.Hijack() // Gin's own, so that it adds no head of its own
	return conn, err == nil
}

type connKey struct{}

// ConnContext tells the server's handlers which connection a request came on, so
// that streams can take it over. A http.Server that mounts Handler sets it as its
// ConnContext; without, every stream costs a goroutine.
func ConnContext(ctx context.Context, conn net.Conn) context.Context {
	if wrapped, ok := conn.(interface{ NetConn() net.Conn }); ok {
		tune(wrapped.NetConn())
	} else {
		tune(conn) // the listener may be another server's, or was set up after this one came
	}
	return context.WithValue(ctx, connKey{}, conn)
}

// appendHead writes the head of a 200 response: what net/http would have sent.
func appendHead(dst []byte, h http.Header, chunked bool) []byte {
	version, body := "HTTP/1.1", "Transfer-Encoding: chunked\r\n\r\n"
	if !chunked {
		version, body = "HTTP/1.0", "Connection: close\r\n\r\n"
	}
	buf := bytes.NewBuffer(append(append(dst, version...), " 200 OK\r\nDate: "...))
	buf.Write(time.Now().UTC().AppendFormat(buf.AvailableBuffer(), http.TimeFormat))
	buf.WriteString("\r\n")
	_ = h.Write(buf) // to memory; it also keeps line ends out of values
	buf.WriteString(body)
	return buf.Bytes()
}

// unwrapped returns net/http's own writer, whose Flush reports errors.
func unwrapped(c *gin.Context) http.ResponseWriter {
	if u, ok := c.Writer.(interface{ Unwrap() http.ResponseWriter }); ok {
		return u.Unwrap()
	}
	return c.Writer
}

// protocol returns the request's protocol without keeping the request's memory.
func protocol(r *http.Request) string {
	switch {
	case r.ProtoMajor == 2:
		return "HTTP/2.0"
	case r.ProtoAtLeast(1, 1):
		return "HTTP/1.1"
	}
	return "HTTP/1.0"
}

// shortAgent returns at most 256 bytes of a User-Agent, one copy for all that
// send the same.
func shortAgent(agent string) string {
	agent = strings.ToValidUTF8(agent[:min(len(agent), 256)], "")
	return unique.Make(strings.Clone(agent)).Value()
}
