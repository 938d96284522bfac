package main

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// span is one that came to a collector.
type span struct {
	*trace.Span
	node string
}

// spans is a collector that takes traces by OTLP over HTTP.
type spans struct {
	t   *testing.T
	url string

	mu   sync.Mutex
	list []span
}

func newSpans(t *testing.T) *spans {
	t.Helper()
	s := &spans{t: t}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func (s *spans) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var batch collector.ExportTraceServiceRequest
	if err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("X-Tenant") != "tests" || proto.Unmarshal(body, &batch) != nil {
		s.t.Errorf("the collector got %s %v: %q, %v", r.URL, r.Header, body, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, from := range batch.ResourceSpans {
		node := ""
		for _, a := range from.Resource.Attributes {
			if a.Key == "service.instance.id" {
				node = a.Value.GetStringValue()
			}
		}
		for _, scope := range from.ScopeSpans {
			for _, one := range scope.Spans {
				s.list = append(s.list, span{one, node})
			}
		}
	}
}

// of returns the spans of a trace, by name.
func (s *spans) of(traceID string) map[string][]span {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := map[string][]span{}
	for _, one := range s.list {
		if hex.EncodeToString(one.TraceId) == traceID {
			found[one.Name] = append(found[one.Name], one)
		}
	}
	return found
}

// collecting is the environment of a server that sends its spans soon.
var collecting = []string{"OTEL_EXPORTER_OTLP_HEADERS=x-tenant=tests", "OTEL_BSP_SCHEDULE_DELAY=50"}

const (
	callersTrace = "4bf92f3577b34da6a3ce929d0e0e4736"
	callersSpan  = "00f067aa0ba902b7"
)

// publishTraced publishes one event as a caller that traces it.
func publishTraced(t *testing.T, client *http.Client, base string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, base+"/publish", strings.NewReader(`{"events":[{"channelName":"a","type":"m","payload":1}]}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Traceparent", "00-"+callersTrace+"-"+callersSpan+"-01")
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if text, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", res.Status, text)
	}
}

// wantLinked checks that the caller's trace has a request, below it an append, and below that fan-outs of these nodes.
func (s *spans) wantLinked(nodes ...string) {
	s.t.Helper()
	var got map[string][]span
	until(s.t, fmt.Sprintf("the spans of %v have come", nodes), func() bool {
		got = s.of(callersTrace)
		return len(got["publish"]) == 1 && len(got["append"]) == 1 && len(got["fan-out"]) == len(nodes)
	})
	request, appended := got["publish"][0], got["append"][0]
	if hex.EncodeToString(request.ParentSpanId) != callersSpan || string(appended.ParentSpanId) != string(request.SpanId) {
		s.t.Errorf("the request is below %x, the append below %x; the request is %x", request.ParentSpanId, appended.ParentSpanId, request.SpanId)
	}
	var from []string
	for _, f := range got["fan-out"] {
		from = append(from, f.node)
		if string(f.ParentSpanId) != string(appended.SpanId) {
			s.t.Errorf("a fan-out is below %x, the append is %x", f.ParentSpanId, appended.SpanId)
		}
		attributes := map[string]string{}
		for _, a := range f.Attributes {
			attributes[a.Key] = fmt.Sprint(a.Value.GetStringValue(), a.Value.GetIntValue())
		}
		if attributes["messaging.destination.name"] != "a0" || attributes["rollcall.streams"] != "1" {
			s.t.Errorf("a fan-out has %v", attributes)
		}
	}
	if slices.Sort(from); !slices.Equal(from, nodes) {
		s.t.Errorf("fan-outs of %v, want %v", from, nodes)
	}
}

func TestTracing(t *testing.T) {
	t.Parallel()
	s := newSpans(t)
	p := serve(t, collecting, "--node=n1", "--otlp-endpoint="+s.url)
	client := patient(t)
	events := follow(t, client, p.url+"/subscribe?channels=a")
	publishTraced(t, client, p.url)
	events.want("m")
	s.wantLinked("n1")
}

// An event that another server delivers has the same trace there.
func TestTracingOverTwoServers(t *testing.T) {
	t.Parallel()
	s := newSpans(t)
	f := newFleet(t, 1)
	client := patient(t)
	var bases []string
	for i := range 2 {
		p := serve(t, collecting, "--nats="+f.url(0), fmt.Sprint("--node=n", i+1), "--otlp-endpoint="+s.url)
		bases = append(bases, p.url)
		follow(t, client, p.url+"/subscribe?channels=a")
	}
	publishTraced(t, client, bases[0])
	s.wantLinked("n1", "n2")
}

// What was traced just before the end is sent, and a collector that is away holds up nothing but that, for a while.
func TestTracingEnds(t *testing.T) {
	t.Parallel()
	s := newSpans(t)
	p := serve(t, collecting[:1], "--otlp-endpoint="+s.url+"/v1/traces")
	publishTraced(t, patient(t), p.url)
	p.signal(syscall.SIGTERM)
	p.wantExit(0)
	if got := s.of(callersTrace); len(got["publish"]) != 1 || len(got["append"]) != 1 {
		t.Errorf("the collector has %v", got)
	}
	p = serve(t, collecting, "--otlp-endpoint=http://"+fmt.Sprint("127.0.0.1:", lastingPort(t)))
	publishTraced(t, patient(t), p.url)
	p.signal(syscall.SIGTERM)
	p.wantExit(0)
}

func TestTracingEndpoints(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"", "http://localhost:4318", "https://otel.example.org/some/v1/traces"} {
		if _, _, err := parse(t, "", nil, "--otlp-endpoint="+good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"localhost:4318", "grpc://localhost:4317", "http://", "http://user:word@host", "http://host?a=b", "http://[", "/v1"} {
		if _, _, err := parse(t, "", nil, "--otlp-endpoint="+bad); err == nil || !strings.Contains(err.Error(), "otlp-endpoint") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
