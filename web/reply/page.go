package reply

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"net/http"
	"strings"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"rollcall/templates"
)

// pagePolicy restricts pages to content of this server, and scripts and styles to elements with the page's nonce (CSP
// Level 3). A module's imports inherit its nonce.
func pagePolicy(nonce string) string {
	return "default-src 'none'; script-src 'nonce-" + nonce + "'; style-src 'nonce-" + nonce + "'; img-src 'self' data:; " +
		"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}

// Send sends a page whole or not at all.
func (p *Pages) Send(c *gin.Context, status int, page templ.Component) {
	var text bytes.Buffer
	nonce := rand.Text()
	ctx := templates.WithRoot(templ.WithNonce(c.Request.Context(), nonce), c.Request.URL.EscapedPath())
	err := templates.Render(ctx, &text, page)
	if c.Request.Context().Err() != nil {
		c.Abort() // the visitor has left meanwhile
		return
	}
	if err != nil {
		p.log.Error("a page could not be rendered", "path", c.FullPath(), "error", err)
		Refuse(c, NewFault(http.StatusInternalServerError, "internal", "The page could not be rendered."))
		return
	}
	h := c.Writer.Header()
	h.Set("Content-Security-Policy", pagePolicy(nonce))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	c.Data(status, "text/html; charset=utf-8", text.Bytes())
}

// Redirect leads the browser to one of the server's paths, below any prefix that stands before the server.
func Redirect(c *gin.Context, path string) {
	root := strings.Repeat("../", max(0, strings.Count(c.Request.URL.EscapedPath(), "/")-1))
	c.Header("Location", cmp.Or(root, "./")+strings.TrimPrefix(path, "/"))
	c.Status(http.StatusSeeOther)
}
