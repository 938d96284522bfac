package gate

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gin-contrib/cors"
	"github.com/gin-gonic/gin"

	"rollcall/web/auth"
	"rollcall/web/reply"
)

// SecretHeader carries the secret of a stream. Pages that are closed can't set
// headers; they send the secret in the query.
const SecretHeader = "Stream-Secret"

// origins decides which other sites' pages may use this server. It never changes.
type origins struct {
	share gin.HandlerFunc             // answers preflights and sets CORS headers, or nil
	guard *http.CrossOriginProtection // nil if pages of all origins may change things
	exact map[string]bool             // origins as browsers send them
	ports map[string]bool             // origins without their port, whose pages may use any, with the colon
}

// anyPort is the end of an origin that stands for any port, such as http://localhost:*.
const anyPort = ":*"

// allows reports whether the pages of an origin may use this server.
func (o *origins) allows(origin string) bool {
	host := strings.TrimRight(origin, "0123456789")
	return o.exact[origin] || host != origin && o.ports[host] || o.ports[origin+":"]
}

var foreignOrigin = reply.NewFault(http.StatusForbidden, "foreign_origin", "Pages of this origin may not use this server; see --cors-origin.")

// allow admits pages of the given origins, "*" being all, and keeps all other sites' pages from changing anything
// (CSRF) and from opening streams: browsers send a request's origin; other clients send none and pass. who applies
// from then on.
func (k *Gate) allow(list []string, who *auth.Options) error {
	o := &origins{guard: http.NewCrossOriginProtection(), exact: make(map[string]bool), ports: make(map[string]bool)}
	all := false
	for _, origin := range list {
		host, ports := strings.CutSuffix(origin, anyPort)
		if origin == "*" {
			all = true
		} else if err := o.guard.AddTrustedOrigin(host); err != nil {
			return errors.New("cors-origin " + strings.TrimPrefix(err.Error(), "http: "))
		} else if u, _ := url.Parse(host); ports && u.Port() != "" {
			return errors.New("cors-origin " + strconv.Quote(origin) + " names a port and any port")
		} else if ports {
			o.ports[host+":"] = true
		} else {
			o.exact[origin] = true
		}
	}
	if all && who != nil && (who.TokenCookie != "" || who.Session != nil || who.Backend != nil) {
		return errors.New("cors-origin * would let every page use a visitor's cookies or session; list the origins")
	}
	if len(list) > 0 {
		conf := cors.Config{
			AllowMethods:     []string{"GET", "POST", "PUT", "QUERY", "DELETE", "OPTIONS"},
			AllowHeaders:     []string{"Authorization", "Last-Event-ID", "Cache-Control", "Content-Type", "X-API-Key", "Member-ID", "MemberId", "Device-Id", SecretHeader, "Traceparent", "Datastar-Request"},
			ExposeHeaders:    []string{"Last-Event-ID"},
			MaxAge:           time.Hour,
			AllowAllOrigins:  all,
			AllowCredentials: !all,
		}
		if !all {
			conf.AllowOriginWithContextFunc = func(c *gin.Context, origin string) bool {
				if !o.allows(origin) {
					k.refuseOrigin(c)
					return false
				}
				return true
			}
		}
		o.share = cors.New(conf)
	}
	if all {
		o.guard = nil
	}
	k.origins.Store(o)
	return nil
}

// opensStream reports whether a GET of the route opens a stream. It is then checked as a
// POST is: a stream shows its client in presence and moves a device's place, and an image
// of a foreign page opens one as well as an EventSource does.
func opensStream(route string) bool {
	switch strings.TrimSuffix(route, "/") {
	case "/subscribe", "/presence/stream", "/events", "/messages", "/sse/time":
		return true
	}
	return false
}

// CheckOrigin refuses pages of origins that are not allowed, except on exempt paths.
func (k *Gate) CheckOrigin(c *gin.Context) {
	if k.opts.Unguarded(c.Request.URL.Path) {
		return
	}
	o := k.origins.Load()
	if o.share != nil {
		if o.share(c); c.IsAborted() {
			return
		}
	}
	r := c.Request
	if o.guard == nil || o.allows(r.Header.Get("Origin")) {
		return
	}
	if r.Method == http.MethodGet && opensStream(c.FullPath()) {
		asPost := *r // the guard passes every GET
		asPost.Method = http.MethodPost
		r = &asPost
	}
	if o.guard.Check(r) != nil {
		k.refuseOrigin(c)
	}
}

// refuseOrigin refuses a request of a page that is not allowed. The log names the
// origin once, for the developer of the page.
func (k *Gate) refuseOrigin(c *gin.Context) {
	if origin := pageOrigin(c.Request); k.refused.firstRefusal(origin, time.Now()) {
		k.opts.Log.Warn("pages of another origin are refused; --cors-origin allows them", "origin", origin, "path", c.FullPath())
	}
	reply.Refuse(c, foreignOrigin)
}

// pageOrigin returns the origin of the page that made a request, if the browser sends it: images send no Origin, and
// some pages no Referer either.
func pageOrigin(r *http.Request) string {
	origin := r.Header.Get("Origin")
	if at, err := url.Parse(r.Header.Get("Referer")); origin == "" && err == nil && at.Host != "" {
		origin = at.Scheme + "://" + at.Host
	}
	return reply.Short(cmp.Or(origin, "unknown"), maxOriginBytes)
}

// refusedOrigins are the origins that the log has named in the hour that began.
type refusedOrigins struct {
	mu     sync.Mutex
	began  time.Time
	logged map[string]bool
}

// How many refused origins the log names in an hour, and how much of each.
const (
	maxLoggedOrigins = 100
	maxOriginBytes   = 256
)

// firstRefusal reports whether the log is to name the origin.
func (o *refusedOrigins) firstRefusal(origin string, now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.logged == nil || now.Sub(o.began) >= time.Hour {
		o.began, o.logged = now, make(map[string]bool)
	}
	if o.logged[origin] || len(o.logged) >= maxLoggedOrigins {
		return false
	}
	o.logged[strings.Clone(origin)] = true
	return true
}
