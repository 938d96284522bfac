package node

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"rollcall/hub"
	"rollcall/hub/eventlog"
)

// Tracer follows published events by OpenTelemetry: a span for a request to publish,
// below it one for the append, and below that one for each event, server and shard that
// gave it to streams. An event carries the trace through the log, so the spans of all
// servers join. Nil traces nothing.
type Tracer struct {
	trace.Tracer
	epoch string
}

// newTracer returns the tracer of a server whose log has the epoch.
func newTracer(provider trace.TracerProvider, epoch string) *Tracer {
	if provider == nil {
		return nil
	}
	return &Tracer{provider.Tracer("rollcall"), epoch}
}

// traceparent is the header of a request, of a message in the store, and of an event
// (W3C Trace Context).
const traceparent = "traceparent"

// append appends events to the hub's log within a span, whose trace they carry.
func (t *Tracer) append(ctx context.Context, h *hub.Hub, events []eventlog.Event) ([]eventlog.Result, error) {
	if t == nil {
		return h.Publish(ctx, events)
	}
	ctx, span := t.Start(ctx, "append", trace.WithSpanKind(trace.SpanKindProducer))
	defer span.End()
	if span.SpanContext().IsSampled() { // otherwise its deliverers have nothing to record
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
func (t *Tracer) fanOut(f hub.FanOut) {
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

func (t *Tracer) position(seq uint64) string {
	return eventlog.Position{Epoch: t.epoch, Seq: seq}.String()
}
