package web

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"rollcall/hub"
	"rollcall/hub/eventlog"
)

// tracer follows published events by OpenTelemetry: a span for a request to publish,
// below it one for the append, and below that one for each event, server and shard that
// gave it to streams. An event carries the trace through the log, so the spans of all
// servers join. Nil traces nothing.
type tracer struct {
	trace.Tracer
	epoch string
}

// newTracer returns the tracer of a server whose log has the epoch.
func newTracer(provider trace.TracerProvider, epoch string) *tracer {
	if provider == nil {
		return nil
	}
	return &tracer{provider.Tracer("rollcall"), epoch}
}

// traceparent is the header of a request, of a message in the store, and of an event
// (W3C Trace Context).
const traceparent = "traceparent"

// requestSpan is where the context of a request keeps its span.
const requestSpan = "span"

// beginSpan begins the span of a request to publish.
func (s *Server) beginSpan(c *gin.Context) {
	t := s.tracer
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
func (s *Server) endSpan(c *gin.Context, f *fault) {
	v, ok := c.Get(requestSpan)
	if !ok {
		return
	}
	span := v.(trace.Span)
	if f != nil {
		span.SetAttributes(attribute.String("error.type", f.Code))
		if f.status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, f.Code)
		}
	}
	span.End()
}

// append appends events to the hub's log within a span, whose trace they carry.
func (t *tracer) append(ctx context.Context, h *hub.Hub, events []eventlog.Event) ([]eventlog.Result, error) {
	if t == nil {
		return h.Publish(ctx, events)
	}
	ctx, span := t.Start(ctx, "append", trace.WithSpanKind(trace.SpanKindProducer))
	defer span.End()
	if span.SpanContext().IsSampled() { // who delivers it has nothing to tell otherwise
		carrier := propagation.MapCarrier{}
		propagation.TraceContext{}.Inject(ctx, carrier)
		for i := range events {
			events[i].Trace = carrier[traceparent]
		}
	}
	results, err := h.Publish(ctx, events)
	span.SetAttributes(attribute.Int("messaging.batch.message_count", len(events)))
	if err != nil {
		span.SetStatus(codes.Error, err.Error())
	} else if len(results) > 0 {
		span.SetAttributes(attribute.String("rollcall.position", t.position(results[len(results)-1].Seq)))
	}
	return results, err
}

// fanOut makes the span of an event that was given to a shard's streams. It does not
// block.
func (t *tracer) fanOut(f hub.FanOut) {
	now := time.Now()
	ctx := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{traceparent: f.Record.Trace()})
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return
	}
	_, span := t.Start(ctx, "fan-out", trace.WithSpanKind(trace.SpanKindConsumer), trace.WithTimestamp(now.Add(-f.Took)), trace.WithAttributes(
		attribute.String("messaging.destination.name", f.Record.Channel()),
		attribute.String("rollcall.position", t.position(f.Record.Seq)),
		attribute.Int("rollcall.streams", f.Streams),
	))
	span.End(trace.WithTimestamp(now))
}

func (t *tracer) position(seq uint64) string {
	return eventlog.Position{Epoch: t.epoch, Seq: seq}.String()
}
