package web

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"

	"rollcall/hub"
	"rollcall/hub/eventlog"
	"rollcall/presence"
	"rollcall/web/auth"
)

// Server is Rollcall behind HTTP. Its methods are safe for concurrent use.
type Server struct {
	opts     Options
	started  time.Time
	log      Engine
	hub      *hub.Hub
	edges    *eventlog.Memory // the presence log: sequence numbers are registry versions
	watchers *hub.Hub         // delivers it
	registry *presence.Registry
	access   *access
	origins  atomic.Pointer[origins]
	// unguarded are the paths that any page may use, and those with a guard of their own.
	unguarded func(path string) bool
	refused   refusedOrigins
	watching  sync.Map // *watcher, those that are attached
	feed      *feed
	cluster   *cluster // nil for a server alone
	blocks    blocks
	journal   journal
	meter     *meter
	tracer    *tracer // nil unless traced
	outcomes  publishes
	drainer   drainer
	taps      taps
	secrets   *streamSecrets
	devices   *devices
	clocks    *clocks
	limits    limits
	admin     *admin
	exporter  *exporter
	assets    *assets
	engine    *gin.Engine
	http      *http.Server
	// adminHTTP is nil unless the admin UI is apart.
	adminHTTP *http.Server
	ending    atomic.Pointer[hub.Reason] // why all streams are sent away; nil while they are not

	olderTotal int64        // static
	olderHeld  atomic.Int64 // bytes of the store's events that streams have yet to be given
}

// Limits on requests that are not configured.
const (
	maxHeaderBytes = 64 << 10
	maxURLBytes    = 32 << 10
	headerTimeout  = 10 * time.Second
	requestTimeout = 60 * time.Second // to read a request's body; to write an answer that is no stream
	idleTimeout    = 2 * time.Minute
	pingAfter      = 15 * time.Second // of silence on an HTTP/2 connection
	pingTimeout    = 15 * time.Second
)

// presenceBudget bounds the presence log in bytes. A watcher that comes back
// after more has happened gets a new snapshot.
const presenceBudget = 4 << 20

// New starts a server that listens nowhere yet. Shutdown or Close ends it.
func New(opts Options) (*Server, error) {
	opts = opts.withDefaults()
	s := &Server{opts: opts, started: time.Now(), registry: presence.NewRegistry(opts.PresenceGrace)}
	s.assets, s.secrets, s.clocks = newAssets(), newStreamSecrets(), newClocks()
	s.limits.set(&opts)
	s.limits.connections.taken = s.Streams
	s.unguarded = func(path string) bool { return isAdmin(path) || publicFiles[path] }
	s.olderTotal = olderTotal
	var err error
	if s.access, err = newAccess(&opts); err != nil {
		return nil, err
	}
	if err = s.allow(opts.CORSOrigins, opts.Access); err != nil {
		return nil, err
	}
	if s.log = opts.Engine; s.log == nil {
		s.log = MemoryEngine{eventlog.NewMemory(opts.History())}
	}
	s.edges = eventlog.NewMemory(eventlog.Options{Budget: presenceBudget})
	tuning := hub.Options{Shards: opts.Shards, Heartbeat: opts.Heartbeat, Stall: opts.StallTimeout}
	if s.tracer = newTracer(opts.Tracing, s.log.Head().Epoch); s.tracer != nil {
		tuning.Traced = s.tracer.fanOut
	}
	s.hub = hub.New(s.log, tuning)
	s.devices = newDevices(s)
	tuning.Shards = 1
	s.watchers = hub.New(s.edges, tuning)
	s.feed = newFeed(s)
	if opts.Roster != nil {
		s.cluster = newCluster(s, opts.Roster)
	}
	s.meter = newMeter(s)
	s.drainer.server = s
	if s.admin, err = newAdmin(s); err != nil {
		s.Close()
		return nil, err
	}
	s.exporter = newExporter(s, s.admin.feeds.count)
	s.engine = s.routes()
	s.http = s.newHTTP(s.engine)
	if opts.AdminApart {
		s.adminHTTP = s.newHTTP(s.adminRoutes())
	}
	return s, nil
}

// newHTTP returns a server within the limits that are not configured.
func (s *Server) newHTTP(handler http.Handler) *http.Server {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(s.opts.H2C)
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
		ConnState:         s.limits.connections.state,
		ErrorLog:          slog.NewLogLogger(s.opts.Log.Handler(), slog.LevelDebug),
	}
}

// publicFiles are the same for everybody, and without a secret: pages of every origin may load them. See public.
var publicFiles = map[string]bool{"/openapi.yaml": true, "/rollcall.js": true, "/rollcall.d.ts": true}

// readMethods are the methods of what is only read.
var readMethods = []string{http.MethodGet, http.MethodHead}

// newEngine returns an engine with what every request passes.
func (s *Server) newEngine(first ...gin.HandlerFunc) *gin.Engine {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.RedirectTrailingSlash, e.HandleMethodNotAllowed = false, true
	e.UseEscapedPath, e.UnescapePathValues = true, false // see pathParam
	e.NoRoute(s.notFound)
	e.NoMethod(func(c *gin.Context) {
		refuse(c, &fault{http.StatusMethodNotAllowed, "method_not_allowed", "This path does not take the method " + c.Request.Method + ".", ""})
	})
	e.Use(recovery(s.opts.Log), endChunked, s.checkURL)
	e.Use(first...)
	e.Use(s.dropBody, s.checkOrigin)
	e.Match(readMethods, "/healthz", s.healthz)
	e.Match(readMethods, "/readyz", s.readyz)
	e.Match(readMethods, "/assets/*path", gin.WrapH(s.assets))
	return e
}

// adminRoutes is what the admin UI's own listener serves. It asks everybody to log
// in, so it may have any name.
func (s *Server) adminRoutes() *gin.Engine {
	e := s.newEngine(s.insistOnTLS)
	e.Match(readMethods, "/metrics", s.exporter.serve)
	e.GET("/", func(c *gin.Context) { c.Redirect(http.StatusSeeOther, adminPath) })
	s.admin.routes(e)
	return e
}

func (s *Server) routes() *gin.Engine {
	e := s.newEngine(s.checkHost)
	for _, slash := range []string{"", "/"} {
		e.GET("/subscribe"+slash, s.subscribe)
		e.POST("/subscribe"+slash, s.subscribe)
		e.POST("/publish"+slash, s.publishing(s.publish))
		e.GET("/presence/stream"+slash, s.watch)
		e.Match(readMethods, "/lastEvent"+slash, s.lastEvent)
		e.Match(readMethods, "/history"+slash, s.history)
		e.Match(readMethods, "/presence/clients"+slash, s.listClients)
		e.Match(readMethods, "/presence/channels"+slash, s.listChannels)
	}
	e.Match(readMethods, "/presence/clients/:clientId", s.showClient)
	e.DELETE("/presence/clients/:clientId", s.kickClient)
	e.DELETE("/presence/connections/:connectionId", s.kickConnection)
	e.POST("/presence/connections/:connectionId/leave", s.leave)
	for path, file := range clientFiles() {
		e.Match(readMethods, path, public(file))
	}
	e.Match(readMethods, "/", s.start)
	e.Match(readMethods, "/docs", s.docs)
	e.Match(readMethods, "/openapi.yaml", public(openapiFile()))
	if !s.opts.NoCompat {
		s.compatRoutes(e)
		s.demoRoutes(e)
	}
	if !s.opts.AdminApart {
		e.Match(readMethods, "/metrics", s.exporter.serve)
		s.admin.routes(e)
	}
	return e
}

// endChunked ends the connection behind a request whose body comes in chunks. A
// Content-Length beside them is a sign of smuggling, which RFC 9112 (section 6.1)
// wants ended so; net/http has taken it away by now, and serves what follows.
func endChunked(c *gin.Context) {
	if c.Request.ContentLength < 0 && c.Request.ProtoMajor == 1 {
		c.Header("Connection", "close")
	}
}

// checkURL refuses what is too long to be looked at.
func (s *Server) checkURL(c *gin.Context) {
	if n := len(c.Request.RequestURI); n > maxURLBytes {
		refuse(c, &fault{http.StatusRequestURITooLong, "url_too_long",
			"The URL is too long. It may have 32768 bytes; POST /subscribe takes a longer list of channels as JSON.", ""})
	}
}

// checkHost refuses who reached an open server by a name that is not its own, and
// has browsers that came by TLS insist on it.
func (s *Server) checkHost(c *gin.Context) {
	if s.opts.LoopbackOnly && s.access.auth.Open() && !auth.LoopbackHost(c.Request.Host) {
		refuse(c, &fault{http.StatusForbidden, "foreign_host",
			"This server is open to everybody on its own machine, and therefore answers only as localhost. Configure credentials to serve others.", ""})
		return
	}
	s.insistOnTLS(c)
}

// insistOnTLS tells browsers that came by TLS to come by nothing else.
func (s *Server) insistOnTLS(c *gin.Context) {
	if s.opts.HSTS > 0 && s.from(c.Request).Scheme == "https" {
		c.Header("Strict-Transport-Security", "max-age="+strconv.Itoa(int(s.opts.HSTS.Seconds())))
	}
}

// Handler returns the server's handler, to be mounted at the root of a server
// without a write timeout for streams shorter than they are to live.
func (s *Server) Handler() http.Handler { return s.engine }

// Serve accepts connections on l until Shutdown or Close. It then returns nil;
// any other error means that l failed.
func (s *Server) Serve(l net.Listener) error {
	tune(l)
	return served(s.http.Serve(l))
}

// ServeAdmin is Serve for the admin UI alone, where Options.AdminApart is set.
func (s *Server) ServeAdmin(l net.Listener) error { return served(s.adminHTTP.Serve(l)) }

func served(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Shutdown ends the server in order: it reports not ready, tells every stream
// goodbye with a jittered retry, refuses new ones, lets requests under way finish
// and closes the listener. When ctx ends first, what is left is cut and ctx's
// error returned.
func (s *Server) Shutdown(ctx context.Context) error {
	why := s.end()
	s.admin.close()
	err := errors.Join(s.hub.Drain(ctx, why), s.watchers.Drain(ctx, why))
	err = errors.Join(err, s.http.Shutdown(ctx))
	if s.adminHTTP != nil {
		err = errors.Join(err, s.adminHTTP.Shutdown(ctx))
	}
	s.Close()
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// Close ends the server at once.
func (s *Server) Close() error {
	s.end()
	if s.admin != nil {
		s.admin.close()
	}
	s.drainer.stop()
	s.meter.close()
	s.hub.Close()
	s.watchers.Close()
	s.devices.close()
	var err error
	if s.http != nil {
		err = s.http.Close()
	}
	if s.adminHTTP != nil {
		err = errors.Join(err, s.adminHTTP.Close())
	}
	s.feed.close()
	s.edges.Close()
	if s.opts.Engine == nil {
		s.log.Close()
	}
	return err
}

// Streams returns how many streams there are. Clocks don't count.
func (s *Server) Streams() int { return s.hub.Streams() + s.watchers.Streams() }

// Connections returns how many connections are open. A stream that was taken over
// from net/http is one of its own.
func (s *Server) Connections() int64 { return s.limits.connections.open() }
