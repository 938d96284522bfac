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
	gate    *gate.Gate
	pages   *reply.Pages
}

// New returns the description of this version.
func New(version string, g *gate.Gate, pages *reply.Pages) *Docs { return &Docs{version, g, pages} }

// Routes serves the description, as it is and, if asked for, as a page.
func (d *Docs) Routes(e *gin.Engine, page bool) {
	if page {
		e.Match(reply.ReadMethods, "/docs", d.docs)
	}
	e.Match(reply.ReadMethods, "/openapi.yaml", assets.Public(openapiFile()))
}
