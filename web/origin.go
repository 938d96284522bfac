package web

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/gin-contrib/cors"
	"github.com/gin-gonic/gin"

	"rollcall/web/auth"
)

// origins says which other sites' pages may use this server. It never changes.
type origins struct {
	share gin.HandlerFunc             // answers preflights and sets CORS headers; nil for none
	guard *http.CrossOriginProtection // nil where every page may change things
}

var foreignOrigin = &fault{http.StatusForbidden, "foreign_origin", "Pages of this origin may not use this server; see --cors-origin.", ""}

// allow lets the pages of the given origins in, "*" being all, and keeps all other
// sites' pages from changing anything (CSRF): browsers say where a request comes
// from, other clients say nothing and pass. who is in effect from then on.
func (s *Server) allow(list []string, who *auth.Options) error {
	o := &origins{guard: http.NewCrossOriginProtection()}
	all := false
	allowed := make(map[string]bool)
	for _, origin := range list {
		if origin == "*" {
			all = true
		} else if err := o.guard.AddTrustedOrigin(origin); err != nil {
			return errors.New("cors-origin " + strings.TrimPrefix(err.Error(), "http: "))
		}
		allowed[origin] = true
	}
	if all && who != nil && (who.TokenCookie != "" || who.Session != nil) {
		return errors.New("cors-origin * would let every page use a visitor's cookie with a token, or session; name the origins")
	}
	if len(allowed) > 0 {
		conf := cors.Config{
			AllowMethods:     []string{"GET", "POST", "DELETE", "OPTIONS"},
			AllowHeaders:     []string{"Authorization", "Last-Event-ID", "Cache-Control", "Content-Type", "X-API-Key", "Member-ID", "MemberId", "Device-Id", secretHeader, "Traceparent"},
			ExposeHeaders:    []string{"Last-Event-ID"},
			MaxAge:           time.Hour,
			AllowAllOrigins:  all,
			AllowCredentials: !all,
		}
		if !all {
			conf.AllowOriginWithContextFunc = func(c *gin.Context, origin string) bool {
				if !allowed[origin] {
					refuse(c, foreignOrigin)
				}
				return allowed[origin]
			}
		}
		o.share = cors.New(conf)
	}
	if all {
		o.guard = nil
	}
	s.origins.Store(o)
	return nil
}

// publicFiles are files that pages of every origin may load: the same for everybody,
// and without a secret. See public.
var publicFiles = map[string]bool{"/openapi.yaml": true, "/rollcall.js": true, "/rollcall.d.ts": true}

// public sends such a file.
func public(f *asset) gin.HandlerFunc {
	return func(c *gin.Context) {
		c.Header("Access-Control-Allow-Origin", "*")
		c.Header("Cross-Origin-Resource-Policy", "cross-origin")
		f.ServeHTTP(c.Writer, c.Request)
	}
}

// checkOrigin keeps pages out that are not allowed. The admin UI has a guard of its
// own and is shared with nobody.
func (s *Server) checkOrigin(c *gin.Context) {
	if path := c.Request.URL.Path; isAdmin(path) || publicFiles[path] {
		return
	}
	o := s.origins.Load()
	if o.share != nil {
		if o.share(c); c.IsAborted() {
			return
		}
	}
	if o.guard != nil && o.guard.Check(c.Request) != nil {
		refuse(c, foreignOrigin)
	}
}
