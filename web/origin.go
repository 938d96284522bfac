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
	if all && who != nil && who.TokenCookie != "" {
		return errors.New("cors-origin * would let every page use a visitor's cookie with a token; name the origins")
	}
	if len(allowed) > 0 {
		conf := cors.Config{
			AllowMethods:     []string{"GET", "POST", "DELETE", "OPTIONS"},
			AllowHeaders:     []string{"Authorization", "Last-Event-ID", "Cache-Control", "Content-Type", "X-API-Key"},
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

// checkOrigin keeps pages out that are not allowed. The admin UI has a guard of its
// own and is shared with nobody.
func (s *Server) checkOrigin(c *gin.Context) {
	if isAdmin(c.Request.URL.Path) {
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
