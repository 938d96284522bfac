package apidocs

import (
	"github.com/gin-gonic/gin"

	"rollcall/web/assets"
	"rollcall/web/gate"
	"rollcall/web/reply"
)

// Docs shows the API's description.
type Docs struct {
	version string
	admin   func() bool
	gate    *gate.Gate
	pages   *reply.Pages
}

// New returns the description of this version. admin reports whether the server has an admin UI.
func New(version string, admin func() bool, g *gate.Gate, pages *reply.Pages) *Docs {
	return &Docs{version, admin, g, pages}
}

// Routes serves the description, as it is and, if asked for, as a page.
func (d *Docs) Routes(e *gin.Engine, page bool) {
	if page {
		e.Match(reply.ReadMethods, "/docs", d.docs)
	}
	e.Match(reply.ReadMethods, "/openapi.yaml", assets.Public(openapiFile()))
}
