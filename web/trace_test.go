package web_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"rollcall/hub/eventlog"
	"rollcall/web"
	"rollcall/web/auth"
	"rollcall/web/webtest"
)

// traced starts a server that is traced in memory.
func traced(t *testing.T, opts web.Options) (*webtest.Server, *tracetest.SpanRecorder) {
	t.Helper()
	spans := tracetest.NewSpanRecorder()
	provider := sdk.NewTracerProvider(sdk.WithSpanProcessor(spans))
	t.Cleanup(func() {
		if err := provider.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	opts.Tracing = provider
	return webtest.Start(t, opts), spans
}

// called returns the spans of this name.
func called(spans *tracetest.SpanRecorder, name string) (list []sdk.ReadOnlySpan) {
	for _, s := range spans.Ended() {
		if s.Name() == name {
			list = append(list, s)
		}
	}
	return list
}

func value(s sdk.ReadOnlySpan, key string) attribute.Value {
	for _, a := range s.Attributes() {
		if string(a.Key) == key {
			return a.Value
		}
	}
	return attribute.Value{}
}

// One publish is one trace: the request below the caller's span, the append below it,
// and below that each event that a shard gave to streams.
func TestTrace(t *testing.T) {
	t.Parallel()
	srv, spans := traced(t, web.Options{Shards: 1})
	for range 3 {
		subscribed(t, srv, "", "a", "b")
	}
	body := `{"events":[{"channelName":"a","type":"m","payload":1},{"channelName":"nobody","type":"m","payload":1},{"channelName":"b","type":"m","payload":1}]}`
	srv.Post("/publish", body, "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").WantStatus(200)
	until(t, "the events have been given to the streams", func() bool { return len(called(spans, "fan-out")) == 2 })
	request, appended := called(spans, "publish"), called(spans, "append")
	if len(request) != 1 || len(appended) != 1 {
		t.Fatalf("%d spans of requests, %d of appends", len(request), len(appended))
	}
	if got := request[0].Parent().SpanID().String(); got != "00f067aa0ba902b7" || request[0].SpanKind() != trace.SpanKindServer {
		t.Errorf("the request is below %s", got)
	}
	if appended[0].Parent().SpanID() != request[0].SpanContext().SpanID() || value(appended[0], "messaging.batch.message_count").AsInt64() != 3 {
		t.Errorf("the append is below %v with %v", appended[0].Parent(), appended[0].Attributes())
	}
	var channels []string
	for _, s := range called(spans, "fan-out") {
		if s.Parent().SpanID() != appended[0].SpanContext().SpanID() || s.SpanContext().TraceID().String() != "4bf92f3577b34da6a3ce929d0e0e4736" {
			t.Errorf("a fan-out is below %v", s.Parent())
		}
		if s.StartTime().After(s.EndTime()) || s.EndTime().Before(appended[0].StartTime()) {
			t.Errorf("a fan-out from %v to %v, the append began at %v", s.StartTime(), s.EndTime(), appended[0].StartTime())
		}
		channels = append(channels, fmt.Sprint(value(s, "messaging.destination.name").AsString(), value(s, "rollcall.streams").AsInt64()))
	}
	if slices.Sort(channels); !slices.Equal(channels, []string{"a3", "b3"}) {
		t.Errorf("fan-outs of %v", channels)
	}
}

// What the caller does not trace is not traced, and a garbled parent is none.
func TestTraceParents(t *testing.T) {
	t.Parallel()
	srv, spans := traced(t, web.Options{})
	st := subscribed(t, srv, "", "a")
	body := `{"events":[{"channelName":"a","type":"m","payload":1}]}`
	for i, parent := range []string{
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
		"00-00000000000000000000000000000000-00f067aa0ba902b7-01",
		"01", strings.Repeat("x", 5000), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", "",
	} {
		srv.Post("/publish", body, "traceparent: "+parent).WantStatus(200)
		st.WantEvent("a", "m", "1")
		until(t, "the fan-out has ended", func() bool { return len(called(spans, "fan-out")) == i }) // of the first there is none
	}
	for _, s := range called(spans, "publish") {
		if s.Parent().IsValid() {
			t.Errorf("a request is below %v", s.Parent())
		}
	}
}

// A refused request has a span with the reason, unless the caller may not publish.
func TestTraceRefused(t *testing.T) {
	t.Parallel()
	srv, spans := traced(t, web.Options{Engine: brokenEngine{newDeepEngine(t).MemoryEngine, eventlog.ErrUnavailable}})
	srv.Post("/publish", `{"events":[{}]}`).WantStatus(400)
	srv.Post("/publish", `{"events":[{"channelName":"a","type":"m","payload":1}]}`).WantStatus(503)
	list := called(spans, "publish")
	if len(list) != 2 || value(list[0], "error.type").AsString() != "invalid_event" || list[0].Status().Code != codes.Unset ||
		value(list[1], "error.type").AsString() != "store_unavailable" || list[1].Status().Code != codes.Error {
		t.Errorf("the spans are %v", list)
	}
	if list := called(spans, "append"); len(list) != 1 || list[0].Status().Code != codes.Error {
		t.Errorf("the appends are %v", list)
	}
	closed, spans := traced(t, web.Options{Access: &auth.Options{}})
	closed.Post("/publish", `{}`).WantStatus(401)
	if list := spans.Started(); len(list) > 0 {
		t.Errorf("somebody unknown makes spans: %v", list)
	}
}
