package admin

import (
	"net/http"
	"net/http/pprof"
	"strings"

	"github.com/gin-gonic/gin"

	"rollcall/web/reply"
)

// profile serves the Go runtime's profiles below /admin/debug/pprof/, to operators, and only on the admin UI's own
// listener.
func (a *Admin) profile(c *gin.Context) {
	a.audited(c, "server.profile", "", "ok", c.Param("profile"))
	var h http.Handler
	switch name := strings.Trim(c.Param("profile"), "/"); name {
	case "":
		h = http.HandlerFunc(pprof.Index)
	case "cmdline": // it may have secrets
		reply.Refuse(c, reply.NewFault(http.StatusNotFound, "not_found", "The command line is not shown."))
		return
	case "profile":
		h = http.HandlerFunc(pprof.Profile)
	case "symbol":
		h = http.HandlerFunc(pprof.Symbol)
	case "trace":
		h = http.HandlerFunc(pprof.Trace)
	default:
		h = pprof.Handler(name)
	}
	h.ServeHTTP(c.Writer, c.Request)
}
