package web

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"rollcall/templates"
	"rollcall/web/admin"
	"rollcall/web/reply"
)

// start answers GET /: a page that demonstrates Rollcall.
func (s *Server) start(c *gin.Context) {
	view := templates.StartView{Version: s.opts.Version, BaseURL: s.gate.BaseURL(c.Request), Demos: !s.opts.NoCompat, Admin: s.hasAdmin()}
	s.pages.Send(c, http.StatusOK, templates.Start(view))
}

// hasAdmin reports whether the admin UI is on this listener, and somebody may log in.
func (s *Server) hasAdmin() bool { return !s.opts.AdminApart && !s.admin.Accounts.Empty() }

// notFound answers an unknown path, with a page if the client accepts one.
func (s *Server) notFound(c *gin.Context) {
	const text = "Nothing is served at this path."
	if s.opts.NoPages || !strings.Contains(c.GetHeader("Accept"), "text/html") {
		reply.Refuse(c, reply.NewFault(http.StatusNotFound, "not_found", text))
		return
	}
	if admin.IsPath(c.Request.URL.Path) {
		s.admin.NotFound(c)
		return
	}
	s.pages.Send(c, http.StatusNotFound, templates.Error(templates.ErrorView{
		Version: s.opts.Version, Status: http.StatusNotFound, Title: "Not found", Text: text,
	}))
}
