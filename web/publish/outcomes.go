package publish

import (
	"net/http"
	"sync/atomic"

	"github.com/gin-gonic/gin"

	"rollcall/web/gate"
	"rollcall/web/reply"
)

// Handler is [reply.Handler] for requests that next publishes: it reads their bodies, counts them, and ends their spans. The body is
// next's until it returns.
func (p *Publisher) Handler(next func(*gin.Context, gate.Caller, *reply.Body) *reply.Fault) gin.HandlerFunc {
	return reply.Handler(func(c *gin.Context) *reply.Fault {
		body := reply.NewBody(&p.gate.Limits.Publishing)
		defer body.Release()
		who, f := p.read(c, body)
		if f == nil {
			f = next(c, who, body)
		}
		p.Outcomes.count(f)
		p.endSpan(c, f)
		return f
	})
}

// Outcomes counts requests by result.
type Outcomes [len(PublishResults)]atomic.Uint64

// PublishResults are the values of that label of the metric.
var PublishResults = [...]string{"accepted", "denied", "invalid", "limited", "busy", "unavailable"}

// count notes a request that was answered with f, or as asked if f is nil.
func (p *Outcomes) count(f *reply.Fault) {
	result := 2 // invalid
	switch {
	case f == nil:
		result = 0
	case f.Status == http.StatusUnauthorized || f.Status == http.StatusForbidden:
		result = 1
	case f.Code == "busy":
		result = 4
	case f.Status == http.StatusTooManyRequests:
		result = 3
	case f.Status >= http.StatusInternalServerError:
		result = 5
	}
	p[result].Add(1)
}
