package reply

import (
	"bytes"
	"crypto/rand"
	"net/http"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"
)

// pagePolicy lets pages use nothing but what this server sends, and run and show
// nothing but what carries the page's nonce (CSP Level 3). What a module imports
// has the nonce of the module.
func pagePolicy(nonce string) string {
	return "default-src 'none'; script-src 'nonce-" + nonce + "'; style-src 'nonce-" + nonce + "'; img-src 'self' data:; " +
		"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}

// Send sends a page whole or not at all.
func (p *Pages) Send(c *gin.Context, status int, page templ.Component) {
	var text bytes.Buffer
	nonce := rand.Text()
	if err := page.Render(templ.WithNonce(c.Request.Context(), nonce), &text); err != nil {
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
