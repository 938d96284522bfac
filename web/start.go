package web

import (
	"bytes"
	"crypto/rand"
	"net/http"
	"strings"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"rollcall/templates"
)

// pagePolicy lets pages use nothing but what this server sends, and run and show
// nothing but what carries the page's nonce (CSP Level 3). What a module imports
// has the nonce of the module.
func pagePolicy(nonce string) string {
	return "default-src 'none'; script-src 'nonce-" + nonce + "'; style-src 'nonce-" + nonce + "'; img-src 'self' data:; " +
		"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}

// start answers GET /: a page that shows what Rollcall does.
func (s *Server) start(c *gin.Context) {
	view := templates.StartView{Version: s.opts.Version, BaseURL: s.baseURL(c.Request), Demos: !s.opts.NoCompat}
	s.page(c, http.StatusOK, templates.Start(view))
}

// notFound answers a path that there is not: with a page where one is asked for.
func (s *Server) notFound(c *gin.Context) {
	const text = "There is nothing at this path."
	if !strings.Contains(c.GetHeader("Accept"), "text/html") {
		refuse(c, &fault{http.StatusNotFound, "not_found", text, ""})
		return
	}
	s.page(c, http.StatusNotFound, templates.Error(templates.ErrorView{
		Version: s.opts.Version, Status: http.StatusNotFound, Title: "Not found", Text: text,
	}))
}

// page sends a page whole or not at all.
func (s *Server) page(c *gin.Context, status int, page templ.Component) {
	var text bytes.Buffer
	nonce := rand.Text()
	if err := page.Render(templ.WithNonce(c.Request.Context(), nonce), &text); err != nil {
		s.opts.Log.Error("a page could not be made", "path", c.FullPath(), "error", err)
		refuse(c, &fault{http.StatusInternalServerError, "internal", "The page could not be made.", ""})
		return
	}
	h := c.Writer.Header()
	h.Set("Content-Security-Policy", pagePolicy(nonce))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	c.Data(status, "text/html; charset=utf-8", text.Bytes())
}
