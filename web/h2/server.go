package h2

import (
	"context"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"sync"

	"golang.org/x/net/http2"

	"rollcall/hub"
)

// Options are a server's. All are required.
type Options struct {
	Hub     *hub.Hub     // whose shards read and write the connections
	Handler http.Handler // of all requests; it finds a [Taker] in the ResponseWriter
	Log     *slog.Logger

	Clear bool // take connections in clear, too, of clients that begin with HTTP/2's preface

	// Tune is called with each connection that may be HTTP/2.
	Tune func(net.Conn)

	// State is called when a connection comes (http.StateNew) and goes (http.StateClosed). It may close the connection.
	State func(net.Conn, http.ConnState)

	// Streams is called with 1 and -1 when a stream of events begins and ends. It must not block.
	Streams func(n int)
}

// Taker is a ResponseWriter whose answer can become a stream of events.
type Taker interface {
	// Take returns the stream, whose header is the ResponseWriter's. It reports false if that can't be.
	Take(to *hub.Hub) (hub.Transport, bool)
}

// Server serves HTTP/2 connections. Its methods are safe for concurrent use.
type Server struct {
	opts     Options
	timeouts timeouts
	context  context.Context // of all requests
	cancel   context.CancelFunc

	mu     sync.Mutex
	conns  map[*conn]struct{}
	open   int // connections that have begun, also those that are not in conns yet
	closed bool
	gone   chan struct{} // closed when the server is, and has no connections
}

// New returns a server. It is closed before its hub.
func New(opts Options) *Server {
	srv := &Server{opts: opts, timeouts: usual, conns: make(map[*conn]struct{}), gone: make(chan struct{})}
	srv.context, srv.cancel = context.WithCancel(context.Background())
	return srv
}

// link serves a connection that has begun.
func (srv *Server) link(over net.Conn) {
	srv.mu.Lock()
	closed := srv.closed
	if !closed {
		srv.open++
	}
	srv.mu.Unlock()
	if closed {
		over.Close()
		srv.opts.State(over, http.StateClosed)
		return
	}
	remote := over.RemoteAddr().String()
	err := srv.opts.Hub.Link(over, func(l *hub.Link) hub.LinkUser { return srv.begin(l, remote) })
	if err != nil {
		srv.opts.Log.Warn("a connection could not be taken over", "error", err)
		srv.forget(nil)
	}
}

// begin begins a connection. It is the shard's.
func (srv *Server) begin(l *hub.Link, remote string) *conn {
	c := newConn(srv, l, remote)
	srv.mu.Lock()
	defer srv.mu.Unlock()
	srv.conns[c] = struct{}{}
	if srv.closed {
		l.Post(func() { l.Close(true) })
	}
	return c
}

// forget removes a connection that is closed.
func (srv *Server) forget(c *conn) {
	srv.opts.State(nil, http.StateClosed)
	srv.mu.Lock()
	defer srv.mu.Unlock()
	delete(srv.conns, c)
	srv.open--
	srv.settle()
}

// settle notes the end. The caller holds the mutex.
func (srv *Server) settle() {
	if srv.closed && srv.open == 0 {
		select {
		case <-srv.gone:
		default:
			close(srv.gone)
		}
	}
}

// each has f run for every connection, by its shard.
func (srv *Server) each(f func(*conn)) {
	srv.mu.Lock()
	conns := slices.Collect(maps.Keys(srv.conns))
	srv.mu.Unlock()
	for _, c := range conns {
		c.link.Post(func() { f(c) })
	}
}

// Shutdown ends every connection once its requests are answered. If ctx ends first, the rest is closed at once.
func (srv *Server) Shutdown(ctx context.Context) error {
	srv.stop()
	srv.each((*conn).leave)
	select {
	case <-srv.gone:
		return nil
	case <-ctx.Done():
		srv.Close()
		return ctx.Err()
	}
}

// Close closes every connection.
func (srv *Server) Close() {
	srv.stop()
	srv.cancel()
	srv.each(func(c *conn) { c.link.Close(true) })
	<-srv.gone
}

func (srv *Server) stop() {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	srv.closed = true
	srv.settle()
}

// serve has a request handled.
func (srv *Server) serve(w *response, r *http.Request) {
	s := w.s
	defer s.c.link.Post(s.handled)
	defer func() {
		if v := recover(); v != nil {
			if v != http.ErrAbortHandler {
				srv.opts.Log.Error("a handler panicked", "error", v, "stack", string(debug.Stack()))
			}
			s.c.link.Post(func() { s.abort(http2.ErrCodeInternal) })
		}
	}()
	srv.opts.Handler.ServeHTTP(w, r)
	w.finish()
}
