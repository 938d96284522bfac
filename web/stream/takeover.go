package stream

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"rollcall/hub"
	"rollcall/web/node"
)

// closing is a Connection header, shared and never changed.
var closing = []string{"close"}

// Attach hands the connection of a request to a hub. A connection that can be
// taken over is: the request then ends here and the hub's shard writes the rest.
// Any other is written through net/http, by this goroutine, until the stream has
// ended.
func (s *Streams) Attach(c *gin.Context, to *hub.Hub, sub hub.Subscription, attached func(*hub.Conn), failed func()) {
	Head(c)
	if conn, ok := hijack(c, to); ok {
		chunked := c.Request.ProtoAtLeast(1, 1)
		t, err := hub.TakeOver(conn, chunked)
		if err != nil {
			failed()
			s.opts.Log.Warn("a connection could not be taken over", "error", err)
			return
		}
		sub.Transport = t
		// The connection ends with the stream: a proxy's pool or a client must not reuse it.
		if chunked {
			c.Writer.Header()["Connection"] = closing
		}
		sub.Head = appendHead(make([]byte, 0, 512), c.Writer.Header(), chunked)
		attached(to.Attach(sub))
		return
	}
	w := Unwrapped(c)
	if own, ok := w.(taker); ok {
		if t, ok := own.Take(to); ok {
			sub.Transport = t
			attached(to.Attach(sub))
			return
		}
	}
	rc := http.NewResponseController(w)
	_ = rc.SetReadDeadline(time.Time{})
	t := newHandlerTransport(w, rc, s.opts.StallTimeout)
	sub.Transport = t
	if st, ok := sub.Owner.(*node.Stream); ok {
		st.Waiting = t.pending
	}
	t.conn = to.Attach(sub)
	attached(t.conn)
	c.Writer.WriteHeaderNow()
	s.gate.Limits.Connections.Serve(func() { t.run(c.Request.Context()) })
}

// taker is a ResponseWriter of HTTP/2 whose answer a hub can write.
type taker interface {
	Take(to *hub.Hub) (hub.Transport, bool)
}

// hijack takes the request's connection from net/http if the hub can have it.
func hijack(c *gin.Context, to *hub.Hub) (net.Conn, bool) {
	r := c.Request
	below, _ := r.Context().Value(connKey{}).(net.Conn)
	if r.ProtoMajor != 1 || below == nil || !to.CanTakeOver(below) {
		return nil, false
	}
	if _, can := Unwrapped(c).(http.Hijacker); !can {
		return nil, false // another server's writer; Gin would panic
	}
	conn, _, err := c.Writer.Hijack() // Gin's own, so that it adds no head of its own
	return conn, err == nil
}

type connKey struct{}

// ConnContext stores a request's connection in its context, so that streams can be hijacked. An http.Server that
// mounts Handler sets it as its ConnContext; otherwise every stream costs a goroutine.
func ConnContext(ctx context.Context, conn net.Conn) context.Context {
	Tune(conn) // the listener may be another server's, or was set up after this one came
	return context.WithValue(ctx, connKey{}, conn)
}

// appendHead writes the head of a 200 response, as net/http would.
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

// Unwrapped returns net/http's own writer, whose Flush reports errors.
func Unwrapped(c *gin.Context) http.ResponseWriter {
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

// Head sets the head of a stream's answer.
func Head(c *gin.Context) {
	h := c.Writer.Header()
	h["Content-Type"] = eventStream
	h["Cache-Control"] = noCache
	h["X-Accel-Buffering"] = noBuffering
	c.Status(http.StatusOK)
}

// Header values of every stream, shared and never changed.
var (
	eventStream = []string{"text/event-stream"}
	noCache     = []string{"no-cache, no-transform"}
	noBuffering = []string{"no"}
)
