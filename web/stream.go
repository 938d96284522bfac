package web

import (
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
	conn   atomic.Pointer[hub.Conn]   // set once attached
	ending atomic.Pointer[hub.Reason] // why it was told to end
}

// retryLine tells clients how long to wait before they come back.
const retryLine = "retry: 3000\n"

// stream answers a good request with a stream and returns when it has ended.
func (s *Server) stream(c *gin.Context, r *request) {
	st := &stream{server: s, wants: r.wants}
	st.Connection = presence.Connection{
		ID:          newID(),
		ClientID:    r.clientID,
		Node:        s.opts.Node,
		RemoteAddr:  remoteHost(c.Request),
		UserAgent:   shortAgent(c.Request.UserAgent()),
		Protocol:    c.Request.Proto,
		ConnectedAt: time.Now(),
		Handle:      st,
	}
	if st.ClientID == "" {
		st.ClientID = newID()
		st.Anonymous = true
	} else {
		st.ClientID = strings.Clone(st.ClientID)
	}
	s.registry.Join(&st.Connection, r.channels, r.info)
	s.attach(c, hub.Subscription{
		Channels: r.channels,
		Resume:   r.resume,
		Wants:    r.wants,
		Owner:    st,
		Greet: func(at eventlog.Position, resumed bool) []byte {
			return eventlog.AppendNotice([]byte(retryLine), at, "", "registered", hello(st.ClientID, st.ID, resumed))
		},
	}, s.hub, func(conn *hub.Conn) {
		st.conn.Store(conn)
		if why := st.ending.Load(); why != nil {
			conn.End(*why)
		}
		st.Refresh(conn)
	}, func() { s.registry.Leave(&st.Connection) })
}

// Ended implements [hub.Owner].
func (st *stream) Ended(_ *hub.Conn, why hub.Reason) {
	st.server.registry.Leave(&st.Connection)
	st.server.opts.Log.Debug("stream ended", "clientId", st.ClientID, "connectionId", st.ID, "reason", why.Code)
}

// Refresh implements [hub.Refresher].
func (st *stream) Refresh(conn *hub.Conn) {
	if st.wants != 0 {
		st.server.feed.begin(st, conn)
	}
}

// end ends the stream wherever it is in its life.
func (st *stream) end(why hub.Reason) {
	st.ending.Store(&why)
	if conn := st.conn.Load(); conn != nil {
		conn.End(why)
	}
}

// attach sends the head of the answer, hands the connection to the hub and
// returns when the stream has ended. attached is called once the hub has it,
// failed if the hub refused it.
func (s *Server) attach(c *gin.Context, sub hub.Subscription, to *hub.Hub, attached func(*hub.Conn), failed func()) {
	rc := http.NewResponseController(unwrapped(c))
	_ = rc.SetReadDeadline(time.Time{})
	streamHead(c)
	t := newHandlerTransport(unwrapped(c), rc, s.opts.StallTimeout)
	sub.Transport = t
	conn, err := to.Attach(sub)
	if err != nil {
		failed()
		s.turnAway(c, sub.Resume, hub.Draining)
		return
	}
	attached(conn)
	c.Writer.WriteHeaderNow()
	t.run(c.Request.Context())
}

// unwrapped returns net/http's own writer, whose Flush reports errors.
func unwrapped(c *gin.Context) http.ResponseWriter {
	if u, ok := c.Writer.(interface{ Unwrap() http.ResponseWriter }); ok {
		return u.Unwrap()
	}
	return c.Writer
}

// remoteHost returns the peer's address without its port.
func remoteHost(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return strings.Clone(host)
}

// shortAgent returns at most 256 bytes of a User-Agent, one copy for all that
// send the same.
func shortAgent(agent string) string {
	agent = strings.ToValidUTF8(agent[:min(len(agent), 256)], "")
	return unique.Make(strings.Clone(agent)).Value()
}
