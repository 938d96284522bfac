package web

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gin-contrib/cors"
	"github.com/gin-gonic/gin"

	"rollcall/hub"
	"rollcall/hub/eventlog"
	"rollcall/presence"
)

// Server is Rollcall behind HTTP. Its methods are safe for concurrent use.
type Server struct {
	opts     Options
	started  time.Time
	log      *eventlog.Memory
	hub      *hub.Hub
	edges    *eventlog.Memory // the presence log: sequence numbers are registry versions
	watchers *hub.Hub         // delivers it
	registry *presence.Registry
	feed     *feed
	blocks   blocks
	journal  journal
	meter    *meter
	drainer  drainer
	admin    *admin
	assets   *assets
	engine   *gin.Engine
	http     *http.Server
	draining atomic.Bool
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
	s := &Server{opts: opts, started: time.Now(), registry: presence.NewRegistry(opts.PresenceGrace), assets: newAssets()}
	s.log = eventlog.NewMemory(eventlog.Options{
		Events: opts.HistoryEvents, Bytes: opts.HistoryBytes, Age: opts.HistoryAge, Budget: opts.HistoryBudget,
	})
	s.edges = eventlog.NewMemory(eventlog.Options{Budget: presenceBudget})
	tuning := hub.Options{Shards: opts.Shards, Heartbeat: opts.Heartbeat, Stall: opts.StallTimeout}
	s.hub = hub.New(s.log, tuning)
	tuning.Shards = 1
	s.watchers = hub.New(s.edges, tuning)
	s.feed = newFeed(s)
	s.meter = newMeter(s)
	s.drainer.server = s
	var err error
	if s.admin, err = newAdmin(s); err != nil {
		s.Close()
		return nil, err
	}
	engine, err := s.routes()
	if err != nil {
		s.Close()
		return nil, err
	}
	s.engine = engine
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(opts.H2C)
	s.http = &http.Server{
		Protocols: &protocols,
		HTTP2: &http.HTTP2Config{
			SendPingTimeout:  pingAfter,
			PingTimeout:      pingTimeout,
			WriteByteTimeout: opts.StallTimeout,
		},
		Handler:           engine,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       requestTimeout,
		WriteTimeout:      requestTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ConnContext:       ConnContext,
		ErrorLog:          slog.NewLogLogger(opts.Log.Handler(), slog.LevelDebug),
	}
	return s, nil
}

func (s *Server) routes() (*gin.Engine, error) {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.RedirectTrailingSlash, e.HandleMethodNotAllowed = false, true
	e.UseEscapedPath, e.UnescapePathValues = true, false // see pathParam
	e.NoRoute(s.notFound)
	e.NoMethod(func(c *gin.Context) {
		refuse(c, &fault{http.StatusMethodNotAllowed, "method_not_allowed", "This path does not take the method " + c.Request.Method + ".", ""})
	})
	e.Use(recovery(s.opts.Log), s.checkURL, s.dropBody)
	if err := s.useOrigins(e); err != nil {
		return nil, err
	}
	reading := []string{http.MethodGet, http.MethodHead}
	for _, slash := range []string{"", "/"} {
		e.GET("/subscribe"+slash, s.subscribe)
		e.POST("/subscribe"+slash, s.subscribe)
		e.POST("/publish"+slash, s.publish)
		e.GET("/presence/stream"+slash, s.watch)
		e.Match(reading, "/lastEvent"+slash, s.lastEvent)
		e.Match(reading, "/history"+slash, s.history)
		e.Match(reading, "/presence/clients"+slash, s.listClients)
		e.Match(reading, "/presence/channels"+slash, s.listChannels)
	}
	e.Match(reading, "/presence/clients/:clientId", s.showClient)
	e.DELETE("/presence/clients/:clientId", s.kickClient)
	e.DELETE("/presence/connections/:connectionId", s.kickConnection)
	e.Match(reading, "/", s.start)
	e.Match(reading, "/healthz", s.healthz)
	e.Match(reading, "/readyz", s.readyz)
	e.Match(reading, "/assets/*path", gin.WrapH(s.assets))
	s.admin.routes(e)
	return e, nil
}

// checkURL refuses what is too long to be looked at.
func (s *Server) checkURL(c *gin.Context) {
	if n := len(c.Request.RequestURI); n > maxURLBytes {
		refuse(c, &fault{http.StatusRequestURITooLong, "url_too_long",
			"The URL is too long. It may have 32768 bytes; POST /subscribe takes a longer list of channels as JSON.", ""})
	}
}

// dropBody reads the body of a request that should have none. Otherwise net/http
// waits for it in the midst of the answer, when no time is set for it any more.
func (s *Server) dropBody(c *gin.Context) {
	if c.Request.ContentLength == 0 || c.Request.Method == http.MethodPost {
		return
	}
	body := bodies.Get().(*bytes.Buffer)
	defer bodies.Put(body)
	if f := readBody(c, body, s.opts.MaxBodyBytes); f != nil {
		refuse(c, f)
	}
}

// useOrigins lets the pages of the configured origins in and keeps all other
// sites' pages from changing anything (CSRF): browsers say where a request comes
// from, other clients say nothing and pass.
func (s *Server) useOrigins(e *gin.Engine) error {
	foreign := &fault{http.StatusForbidden, "foreign_origin", "Pages of this origin may not use this server; see --cors-origin.", ""}
	guard := http.NewCrossOriginProtection()
	all := false
	allowed := make(map[string]bool)
	for _, origin := range s.opts.CORSOrigins {
		if origin == "*" {
			all = true
		} else if err := guard.AddTrustedOrigin(origin); err != nil {
			return errors.New("cors-origin " + strings.TrimPrefix(err.Error(), "http: "))
		}
		allowed[origin] = true
	}
	if len(allowed) > 0 {
		conf := cors.Config{
			AllowMethods:     []string{"GET", "POST", "DELETE", "OPTIONS"},
			AllowHeaders:     []string{"Authorization", "Last-Event-ID", "Cache-Control", "Content-Type"},
			MaxAge:           time.Hour,
			AllowAllOrigins:  all,
			AllowCredentials: !all,
		}
		if !all {
			conf.AllowOriginWithContextFunc = func(c *gin.Context, origin string) bool {
				if !allowed[origin] {
					refuse(c, foreign)
				}
				return allowed[origin]
			}
		}
		share := cors.New(conf)
		e.Use(func(c *gin.Context) {
			if !isAdmin(c.Request.URL.Path) { // which is shared with nobody
				share(c)
			}
		})
	}
	if !all {
		e.Use(func(c *gin.Context) {
			if guard.Check(c.Request) != nil {
				refuse(c, foreign)
			}
		})
	}
	return nil
}

// Handler returns the server's handler, to be mounted at the root of a server
// without a write timeout for streams shorter than they are to live.
func (s *Server) Handler() http.Handler { return s.engine }

// Serve accepts connections on l until Shutdown or Close. It then returns nil;
// any other error means that l failed.
func (s *Server) Serve(l net.Listener) error {
	tune(l)
	if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Shutdown ends the server in order: it reports not ready, tells every stream
// goodbye with a jittered retry, refuses new ones, lets requests under way finish
// and closes the listener. When ctx ends first, what is left is cut and ctx's
// error returned.
func (s *Server) Shutdown(ctx context.Context) error {
	s.draining.Store(true)
	s.admin.close()
	err := errors.Join(s.hub.Drain(ctx, hub.Draining), s.watchers.Drain(ctx, hub.Draining))
	err = errors.Join(err, s.http.Shutdown(ctx))
	s.Close()
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// Close ends the server at once.
func (s *Server) Close() error {
	s.draining.Store(true)
	if s.admin != nil {
		s.admin.close()
	}
	s.drainer.stop()
	s.meter.close()
	s.hub.Close()
	s.watchers.Close()
	var err error
	if s.http != nil {
		err = s.http.Close()
	}
	s.feed.close()
	s.edges.Close()
	s.log.Close()
	return err
}

// Streams returns how many streams there are.
func (s *Server) Streams() int { return s.hub.Streams() + s.watchers.Streams() }
