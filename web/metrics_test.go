package web_test

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"rollcall/hub/eventlog"
	"rollcall/web"
	"rollcall/web/auth"
	"rollcall/web/webtest"
)

// numbers returns Rollcall's own metrics by name and labels.
func numbers(t *testing.T, text string) map[string]string {
	t.Helper()
	values := map[string]string{}
	for _, line := range regexp.MustCompile(`(?m)^(rollcall_\S+) (\S+)$`).FindAllStringSubmatch(text, -1) {
		values[line[1]] = line[2]
	}
	return values
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, web.Options{Version: "v1.2.3", PresenceGrace: 0})
	st := subscribed(t, srv, "clientId=ada", "a", "b")
	srv.Publish("a", `1`, `2`)
	st.WantEvent("a", "message", `1`)
	st.WantEvent("a", "message", `2`)
	srv.Delete("/presence/clients/ada")
	st.WantGoodbye("kicked", false)
	var got map[string]string
	until(t, "the end is counted", func() bool {
		got = numbers(t, srv.Get("/metrics").WantStatus(200).Body)
		return got[`rollcall_streams_ended_total{reason="kicked"}`] == "1" && got[`rollcall_presence_edges_total{kind="leave"}`] == "3"
	})
	for name, want := range map[string]string{
		`rollcall_build_info{version="v1.2.3"}`: "1", "rollcall_ready": "1", `rollcall_streams{kind="events"}`: "0",
		"rollcall_events_published_total": "2", "rollcall_events_delivered_total": "2", `rollcall_streams_opened_total{resumed="false"}`: "1",
		"rollcall_log_events": "2", "rollcall_log_channels": "1", "rollcall_gaps_total": "0", "rollcall_clients": "0",
		`rollcall_presence_edges_total{kind="join"}`: "3", `rollcall_presence_edges_total{kind="update"}`: "0",
		`rollcall_publish_requests_total{result="accepted"}`: "1", "rollcall_stream_behind_events_count": "0",
		`rollcall_delivery_lag_seconds_bucket{le="+Inf"}`: got["rollcall_delivery_lag_seconds_count"],
	} {
		if got[name] != want {
			t.Errorf("%s is %s, want %s", name, got[name], want)
		}
	}
}

// Patterns, pieces, ended channels and bodies that arrive are counted.
func TestMetricsOfAnswers(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, web.Options{Shards: 1})
	st := srv.Subscribe("channels=answer.*,answer.>")
	st.WantRegistered()
	other := srv.Subscribe("channels=answer.>,answer.7")
	other.WantRegistered()
	body := publishing(t, srv, "channel=answer.8&type=text&append=k", "text/plain")
	body.write(t, "Once")
	st.WantEvent("answer.8", "text", `"Once"`)
	until(t, "the body is counted", func() bool { return numbers(t, srv.Get("/metrics").Body)["rollcall_publish_bodies"] == "1" })
	piece := `{"channelName":"answer.7","type":"text","append":"k","idempotencyKey":"%d","payload":"x","end":%t}`
	srv.PublishBody(fmt.Sprintf(`{"events":[`+piece+`,`+piece+`,{"channelName":"log","type":"t","payload":1,"end":true}]}`, 1, false, 2, true))
	srv.PublishBody(fmt.Sprintf(`{"events":[`+piece+`]}`, 2, true)) // a repetition
	complete := srv.Subscribe("channels=answer.7")
	complete.WantRegistered()
	complete.WantOwn("lastEvent", "answer.7")
	complete.WantGoodbye("complete", false)
	var got map[string]string
	until(t, "all pieces are counted", func() bool { // after they are published
		got = numbers(t, srv.Get("/metrics").Body)
		return got["rollcall_pieces_published_total"] == "3"
	})
	for name, want := range map[string]string{"rollcall_stream_patterns": "2",
		"rollcall_log_ended_channels": "2", `rollcall_streams_ended_total{reason="complete"}`: "1"} {
		if got[name] != want {
			t.Errorf("%s is %s, want %s", name, got[name], want)
		}
	}
	if err := body.Close(); err != nil {
		t.Fatal(err)
	}
	(<-body.answer).WantStatus(200)
	st.Close()
	other.Close()
	until(t, "the patterns are gone", func() bool { return numbers(t, srv.Get("/metrics").Body)["rollcall_stream_patterns"] == "0" })
}

// The names and helps satisfy Prometheus' linter.
func TestMetricsLint(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, web.Options{})
	problems, err := promlint.New(strings.NewReader(srv.Get("/metrics").WantStatus(200).Body)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "rollcall_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}

// No label grows with what clients do.
func TestMetricsAreBounded(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, web.Options{})
	before := len(numbers(t, srv.Get("/metrics").Body))
	for i := range 20 {
		subscribed(t, srv, fmt.Sprint("clientId=c", i), fmt.Sprint("channel", i))
		srv.Publish(fmt.Sprint("channel", i), `1`)
	}
	if after := len(numbers(t, srv.Get("/metrics").Body)); after != before {
		t.Errorf("%d numbers became %d", before, after)
	}
}

func TestMetricsWantAdmins(t *testing.T) {
	t.Parallel()
	all, err := auth.ParsePatterns(">")
	if err != nil {
		t.Fatal(err)
	}
	admin, adminKey, err := auth.NewKey("ops", auth.Admin, all)
	if err != nil {
		t.Fatal(err)
	}
	reader, readerKey, err := auth.NewKey("reader", auth.History|auth.Presence, all)
	if err != nil {
		t.Fatal(err)
	}
	srv := webtest.Start(t, web.Options{Access: &auth.Options{Keys: []auth.Key{adminKey, readerKey}}})
	srv.Get("/metrics").WantFault(401, "unauthorized", "")
	srv.Get("/metrics", "X-API-Key: "+reader).WantFault(403, "forbidden", "")
	srv.Get("/metrics", "Authorization: Bearer "+admin).WantStatus(200)
}

// Every request to publish is counted once, by what became of it.
func TestMetricsOfPublishes(t *testing.T) {
	t.Parallel()
	event := `{"events":[{"channelName":"a","type":"m","payload":1}]}`
	counted := func(srv *webtest.Server, header ...string) (texts []string) {
		got := numbers(t, srv.Get("/metrics", header...).WantStatus(200).Body)
		for _, result := range []string{"accepted", "denied", "invalid", "limited", "busy", "unavailable"} {
			texts = append(texts, got[`rollcall_publish_requests_total{result="`+result+`"}`])
		}
		return texts
	}
	memory := eventlog.NewMemory(eventlog.Options{})
	t.Cleanup(func() { memory.Close() })
	engine := &moody{MemoryEngine: web.MemoryEngine{Memory: memory}}
	srv := webtest.Start(t, web.Options{Engine: engine})
	srv.Post("/publish", event).WantStatus(200)
	srv.Post("/publish", `{"events":7}`).WantStatus(400)
	srv.Post("/publish", `{"events":[{"channelName":"a","type":"m","payload":"`+strings.Repeat("x", 100_000)+`"}]}`).WantStatus(413)
	for _, err := range []error{eventlog.ErrBusy, eventlog.ErrUnknown, eventlog.ErrFull} {
		engine.err.Store(&err)
		srv.Post("/publish", event)
	}
	if got := counted(srv); !slices.Equal(got, []string{"1", "0", "2", "0", "1", "2"}) {
		t.Errorf("%v are counted", got)
	}
	admin, key, err := auth.NewKey("ops", auth.Admin, all(t))
	if err != nil {
		t.Fatal(err)
	}
	guarded := webtest.Start(t, web.Options{Access: &auth.Options{Keys: []auth.Key{key}}, AddressLimits: auth.Limits{PublishesPerSecond: 0.001}})
	guarded.Post("/publish", event).WantStatus(401)
	guarded.Post("/publish", event, "X-API-Key: "+admin).WantStatus(403)
	guarded.Post("/publish", event, "X-API-Key: "+admin).WantStatus(429)
	if got := counted(guarded, "X-API-Key: "+admin); !slices.Equal(got, []string{"0", "2", "0", "1", "0", "0"}) {
		t.Errorf("%v are counted", got)
	}
}

// all is every channel.
func all(t *testing.T) auth.Patterns {
	t.Helper()
	patterns, err := auth.ParsePatterns(">")
	if err != nil {
		t.Fatal(err)
	}
	return patterns
}

// moody is an engine that refuses appends with a given error.
type moody struct {
	web.MemoryEngine
	err atomic.Pointer[error]
}

func (m *moody) Append(ctx context.Context, events []eventlog.Event) ([]eventlog.Result, error) {
	if err := m.err.Load(); err != nil {
		return nil, *err
	}
	return m.MemoryEngine.Append(ctx, events)
}

// The metrics show how far a stream that reads nothing is behind.
func TestMetricsOfStreamsBehind(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, web.Options{MaxPayloadBytes: 1 << 20, MaxBodyBytes: 2 << 20, HistoryBytes: 64 << 20})
	reader := srv.Open("GET", "/subscribe?channels=a", "")
	reader.WantRegistered()
	payload := `"` + strings.Repeat("x", 900_000) + `"`
	var got map[string]string
	until(t, "the stream is behind", func() bool {
		srv.Publish("a", payload)
		got = numbers(t, srv.Get("/metrics").WantStatus(200).Body)
		return got["rollcall_stream_behind_events_count"] != "0" && got[`rollcall_stream_behind_events_bucket{le="3"}`] != got["rollcall_stream_behind_events_count"]
	})
	if got["rollcall_streams_behind"] != "1" || got["rollcall_streams_blocked"] != "1" {
		t.Errorf("%s are behind, %s blocked", got["rollcall_streams_behind"], got["rollcall_streams_blocked"])
	}
}

// docs/metrics.md lists every metric of the server's own as it is, and no other.
func TestMetricsAreDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(rollcall_\\w+)(?:\\{(\\w+)\\})?` \\| (\\w+) \\| \\S.* \\|$").FindAllStringSubmatch(string(text), -1) {
		documented[row[1]] = row[3] + " by " + row[2]
	}
	output := webtest.Start(t, web.Options{}).Get("/metrics").WantStatus(200).Body
	exported := map[string]string{}
	for _, line := range regexp.MustCompile(`(?m)^# TYPE (rollcall_\w+) (\w+)$`).FindAllStringSubmatch(output, -1) {
		label := regexp.MustCompile(`(?m)^` + line[1] + `\{(\w+)=`).FindStringSubmatch(output)
		exported[line[1]] = line[2] + " by " + strings.Join(label[min(1, len(label)):], "")
	}
	if diff := cmp.Diff(exported, documented); diff != "" {
		t.Errorf("-exported +documented\n%s", diff)
	}
	if !strings.Contains(output, "\ngo_goroutines ") {
		t.Error("there is nothing of the Go runtime")
	}
}
