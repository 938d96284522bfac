package publish

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"rollcall/web/reply"
)

// requestSpan is the key of a request's span in its context.
const requestSpan = "span"

// beginSpan begins the span of a request to publish.
func (p *Publisher) beginSpan(c *gin.Context) {
	t := p.node.Tracer
	if t == nil {
		return
	}
	r := c.Request
	ctx := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	ctx, span := t.Start(ctx, "publish", trace.WithSpanKind(trace.SpanKindServer))
	c.Request = r.WithContext(ctx)
	c.Set(requestSpan, span)
}

// endSpan ends the span, if one was begun, of a request that was answered with f, or as
// asked if f is nil.
func (p *Publisher) endSpan(c *gin.Context, f *reply.Fault) {
	v, ok := c.Get(requestSpan)
	if !ok {
		return
	}
	span := v.(trace.Span)
	if f != nil {
		span.SetAttributes(attribute.String("error.type", f.Code))
		if f.Status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, f.Code)
		}
	}
	span.End()
}
