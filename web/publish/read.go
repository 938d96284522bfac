package publish

import (
	"github.com/gin-gonic/gin"

	"rollcall/web/auth"
	"rollcall/web/reply"
)

// Read reads the body of somebody who may publish, to some channels.
func (p *Publisher) Read(c *gin.Context, body *reply.Body) (*auth.Grant, *reply.Fault) {
	g, f := p.gate.Grant(c)
	if f == nil && g.Kind == auth.Anonymous {
		f = p.gate.Forbidden(c, g, "", "Publishing") // before its body is read
	}
	if f == nil {
		f = p.gate.MayPublish(c, g)
	}
	if f == nil {
		p.beginSpan(c)
		f = body.Fill(c, p.opts.MaxBodyBytes)
	}
	if f == nil {
		f = p.gate.MayPublishBytes(c, g, body.Len())
	}
	return g, f
}
