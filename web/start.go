package web

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"rollcall/templates"
	"rollcall/web/reply"
)

// start answers GET /: a page that demonstrates Rollcall.
func (s *Server) start(c *gin.Context) {
	view := templates.StartView{Version: s.opts.Version, BaseURL: s.gate.BaseURL(c.Request), Demos: !s.opts.NoCompat}
	s.pages.Send(c, http.StatusOK, templates.Start(view))
}

// notFound answers an unknown path, with a page if the client accepts one.
func (s *Server) notFound(c *gin.Context) {
	const text = "Nothing is served at this path."
	if s.opts.NoPages || !strings.Contains(c.GetHeader("Accept"), "text/html") {
		reply.Refuse(c, reply.NewFault(http.StatusNotFound, "not_found", text))
		return
	}
	s.pages.Send(c, http.StatusNotFound, templates.Error(templates.ErrorView{
		Version: s.opts.Version, Status: http.StatusNotFound, Title: "Not found", Text: text,
	}))
}
