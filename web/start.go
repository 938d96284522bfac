package web

import (
	"bytes"
	"net/http"

	"github.com/gin-gonic/gin"

	"rollcall/templates"
)

// pagePolicy lets pages use nothing but what this server sends.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// start answers GET /: a page that shows what Rollcall does.
func (s *Server) start(c *gin.Context) {
	scheme := "http"
	if c.Request.TLS != nil {
		scheme = "https"
	}
	var page bytes.Buffer
	view := templates.StartView{Version: s.opts.Version, BaseURL: scheme + "://" + c.Request.Host, Channels: "channel1,channel2"}
	if err := templates.Start(view).Render(c.Request.Context(), &page); err != nil {
		refuse(c, &fault{http.StatusInternalServerError, "internal", "The page could not be made.", ""})
		return
	}
	h := c.Writer.Header()
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-cache")
	c.Data(http.StatusOK, "text/html; charset=utf-8", page.Bytes())
}
