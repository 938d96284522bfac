package web

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"rollcall/hub"
	"rollcall/web/admin"
	"rollcall/web/api"
	"rollcall/web/apidocs"
	"rollcall/web/compat"
	"rollcall/web/gate"
	"rollcall/web/h2"
	"rollcall/web/hooks"
	"rollcall/web/metrics"
	"rollcall/web/node"
	"rollcall/web/publish"
	"rollcall/web/reply"
	"rollcall/web/stream"
)

// Server is Rollcall behind HTTP. Its methods are safe for concurrent use.
type Server struct {
	opts      Options
	hooks     *hooks.Hooks  // nil without webhooks
	presence  *presenceHook // nil without Options.Presence
	node      *node.Node
	gate      *gate.Gate
	pages     *reply.Pages
	api       *api.API
	publisher *publish.Publisher
	compat    *compat.Compat
	admin     *admin.Admin
	exporter  *metrics.Exporter
	docs      *apidocs.Docs

	engine *gin.Engine
	http   *http.Server
	h2     *h2.Server // nil if HTTP/2 is net/http's, or nobody's
	// adminHTTP is nil unless the admin UI is apart.
	adminHTTP *http.Server
}

// Limits on requests that are not configured.
const (
	maxHeaderBytes = 64 << 10
	headerTimeout  = 10 * time.Second
	requestTimeout = 60 * time.Second // to read a request's body; to write an answer that is no stream
	idleTimeout    = 2 * time.Minute
	pingAfter      = 15 * time.Second // of silence on an HTTP/2 connection
	pingTimeout    = 15 * time.Second
)

// New starts a server that listens nowhere yet. Shutdown or Close ends it.
func New(opts Options) (*Server, error) {
	opts = opts.withDefaults()
	told, err := opts.hooks()
	if err != nil {
		return nil, err
	}
	watcher := newPresenceHook(opts.Presence)
	s := &Server{opts: opts, hooks: told, presence: watcher, node: node.New(opts.node(told, watcher)), pages: reply.NewPages(opts.Log)}
	if told != nil {
		told.Start(s.node.Registry.Has)
	}
	if s.gate, err = gate.New(s.node, opts.gate()); err == nil {
		streams := stream.New(s.node, s.gate, opts.streams())
		s.publisher = publish.New(s.node, s.gate, opts.publisher())
		s.api = api.New(s.node, s.gate, streams, s.publisher, opts.api())
		s.compat = compat.New(s.node, s.gate, streams, s.publisher, s.pages, opts.compat())
		s.docs = apidocs.New(opts.Version, s.hasAdmin, s.gate, s.pages)
		if s.admin, err = admin.New(s.node, s.gate, streams, s.publisher, s.pages, opts.admin(s.totals, told)); err == nil {
			s.exporter = metrics.New(s.node, s.gate, streams, s.publisher, s.admin.Pages, opts.metrics(s.totals, told, &s.admin.Alarms))
		}
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	s.engine = s.routes()
	s.http = s.newHTTP(s.engine)
	if !opts.NoHTTP2 && !opts.NetHTTP2 {
		s.h2 = h2.New(h2.Options{Hub: s.node.Hub, Handler: s.engine, Log: opts.Log, Clear: opts.H2C,
			Tune: func(conn net.Conn) { stream.Tune(conn) }, State: s.gate.Limits.Connections.State, Streams: s.gate.Limits.Connections.Carry})
	}
	if opts.AdminApart {
		s.adminHTTP = s.newHTTP(s.adminRoutes())
	}
	return s, nil
}

// newHTTP returns a server within the limits that are not configured.
func (s *Server) newHTTP(handler http.Handler) *http.Server {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(!s.opts.NoHTTP2)
	protocols.SetUnencryptedHTTP2(s.opts.H2C && !s.opts.NoHTTP2)
	return &http.Server{
		Protocols: &protocols,
		HTTP2: &http.HTTP2Config{
			SendPingTimeout:  pingAfter,
			PingTimeout:      pingTimeout,
			WriteByteTimeout: s.opts.StallTimeout,
		},
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       requestTimeout,
		WriteTimeout:      requestTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ConnContext:       ConnContext,
		ConnState:         s.gate.Limits.Connections.State,
		ErrorLog:          slog.NewLogLogger(s.opts.Log.Handler(), slog.LevelDebug),
	}
}

// ConnContext stores a request's connection in its context, so that streams can be hijacked. An http.Server that
// mounts Handler sets it as its ConnContext; otherwise every stream costs a goroutine.
func ConnContext(ctx context.Context, conn net.Conn) context.Context {
	return stream.ConnContext(ctx, conn)
}

// TLSListener is [tls.NewListener] for streams that cost little: on Linux, a stream over HTTP/1.1 keeps its TLS connection and
// no goroutine. Without it streams over TLS are written through net/http.
func TLSListener(l net.Listener, config *tls.Config) net.Listener { return hub.TLSListener(l, config) }

// Handler returns the server's handler, to be mounted at the root of a server, or below a path
// with [http.StripPrefix], without a write timeout for streams shorter than they are to live.
func (s *Server) Handler() http.Handler { return s.engine }

// Serve accepts connections on l until Shutdown or Close. It then returns nil;
// any other error means that l failed.
func (s *Server) Serve(l net.Listener) error {
	stream.Tune(l)
	if s.h2 != nil {
		l = s.h2.Listener(l)
	}
	return unlessClosed(s.http.Serve(l))
}

// ServeAdmin is Serve for the admin UI, if Options.AdminApart is set.
func (s *Server) ServeAdmin(l net.Listener) error { return unlessClosed(s.adminHTTP.Serve(l)) }

func unlessClosed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Shutdown ends the server in order: it reports not ready, sends every stream a goodbye with a jittered retry, refuses
// new ones, waits for running requests and closes the listener. If ctx ends first, the rest is cut and ctx's error
// returned.
func (s *Server) Shutdown(ctx context.Context) error {
	s.publisher.Close()
	s.admin.Close()
	err := errors.Join(s.node.Drain(ctx), s.http.Shutdown(ctx))
	if s.h2 != nil {
		err = errors.Join(err, s.h2.Shutdown(ctx))
	}
	if s.adminHTTP != nil {
		err = errors.Join(err, s.adminHTTP.Shutdown(ctx))
	}
	s.Close()
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// StoreLost makes the following Shutdown name the loss of the event store as its reason in the goodbye.
func (s *Server) StoreLost() { s.node.StoreLost() }

// Close ends the server at once.
func (s *Server) Close() error {
	if s.admin != nil {
		s.admin.Close()
	}
	if s.publisher != nil {
		s.publisher.Close()
	}
	if s.h2 != nil {
		s.h2.Close() // its connections are the hub's
	}
	s.node.EndStreams()
	if s.compat != nil {
		s.compat.Close()
	}
	var err error
	if s.http != nil {
		err = s.http.Close()
	}
	if s.adminHTTP != nil {
		err = errors.Join(err, s.adminHTTP.Close())
	}
	s.node.Close()
	s.presence.close()
	if s.hooks != nil {
		err = errors.Join(err, s.hooks.Close(context.Background()))
	}
	return err
}

// Streams returns how many streams there are. Clocks don't count.
func (s *Server) Streams() int { return s.node.Streams() }

// Alarms counts the alarms of this server that an operator should look at.
func (s *Server) Alarms() int { return s.admin.Alarms.Pressing(time.Now()) }

// Draining reports whether streams are sent away.
func (s *Server) Draining() bool {
	_, leaving := s.node.Leaving()
	return leaving
}

// Connections returns how many connections are open. A stream that was taken over
// from net/http is one of its own.
func (s *Server) Connections() int64 { return s.gate.Limits.Connections.Open() }
