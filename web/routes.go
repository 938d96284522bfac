package web

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"rollcall/web/admin"
	"rollcall/web/assets"
	"rollcall/web/client"
	"rollcall/web/reply"
)

// newEngine returns an engine with the middlewares of every request.
func (s *Server) newEngine(first ...gin.HandlerFunc) *gin.Engine {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.RedirectTrailingSlash, e.HandleMethodNotAllowed = false, true
	e.UseEscapedPath, e.UnescapePathValues = true, false // see reply.PathParam
	e.NoRoute(s.notFound)
	e.NoMethod(func(c *gin.Context) {
		reply.Refuse(c, reply.NewFault(http.StatusMethodNotAllowed, "method_not_allowed", "This path does not accept the method "+c.Request.Method+"."))
	})
	e.Use(reply.Recovery(s.opts.Log), endChunked, checkURL)
	e.Use(first...)
	e.Use(s.gate.DropBody, s.gate.CheckOrigin)
	s.api.HealthRoutes(e)
	e.Match(reply.ReadMethods, "/assets/*path", gin.WrapH(assets.Handler()))
	return e
}

// adminRoutes serves the admin UI's own listener. It requires a login, so any Host is accepted.
func (s *Server) adminRoutes() *gin.Engine {
	e := s.newEngine(s.gate.InsistOnTLS)
	e.GET("/", func(c *gin.Context) { reply.Redirect(c, admin.Path) })
	s.operatorRoutes(e)
	return e
}

// operatorRoutes serves the operators' routes, on any listener.
func (s *Server) operatorRoutes(e *gin.Engine) {
	e.Match(reply.ReadMethods, "/metrics", reply.Handler(s.exporter.Serve))
	s.admin.Routes(e)
}

func (s *Server) routes() *gin.Engine {
	e := s.newEngine(s.gate.CheckHost)
	s.api.Routes(e)
	for path, file := range client.Files() {
		e.Match(reply.ReadMethods, path, assets.Public(file))
	}
	if !s.opts.NoPages {
		e.Match(reply.ReadMethods, "/", s.start)
	}
	s.docs.Routes(e, !s.opts.NoPages)
	if !s.opts.NoCompat {
		s.compat.Routes(e)
	}
	if !s.opts.AdminApart {
		s.operatorRoutes(e)
	}
	return e
}

// publicFiles are the same for everybody, and without a secret: pages of every origin may load them.
var publicFiles = map[string]bool{"/openapi.yaml": true, "/rollcall.js": true, "/rollcall.d.ts": true}

// unguarded reports whether a path is for pages of every origin, or has a guard of its own.
func unguarded(path string) bool { return admin.IsPath(path) || publicFiles[path] }

// maxURLBytes bounds a request's URL.
const maxURLBytes = 32 << 10

// endChunked ends the connection after a request with a chunked body. A Content-Length beside it is a sign of
// smuggling, after which RFC 9112 (section 6.1) requires the connection's end; net/http removes the header and would
// serve the next request.
func endChunked(c *gin.Context) {
	if c.Request.ContentLength < 0 && c.Request.ProtoMajor == 1 {
		c.Header("Connection", "close")
	}
}

// checkURL refuses a URL that is too long.
func checkURL(c *gin.Context) {
	if n := len(c.Request.RequestURI); n > maxURLBytes {
		reply.Refuse(c, reply.NewFault(http.StatusRequestURITooLong, "url_too_long",
			"The URL is too long. It may have 32768 bytes; POST /subscribe accepts a longer list of channels as JSON."))
	}
}
