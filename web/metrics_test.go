package web_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

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
		return got[`rollcall_streams_ended_total{reason="kicked"}`] == "1" && got["rollcall_clients"] == "0"
	})
	for name, want := range map[string]string{
		`rollcall_build_info{version="v1.2.3"}`: "1", "rollcall_ready": "1", `rollcall_streams{kind="events"}`: "0",
		"rollcall_events_published_total": "2", "rollcall_events_delivered_total": "2", `rollcall_streams_opened_total{resumed="false"}`: "1",
		"rollcall_log_events": "2", "rollcall_log_channels": "1", "rollcall_presence_edges_total": "6", "rollcall_gaps_total": "0",
		`rollcall_delivery_lag_seconds_bucket{le="+Inf"}`: got["rollcall_delivery_lag_seconds_count"],
	} {
		if got[name] != want {
			t.Errorf("%s is %s, want %s", name, got[name], want)
		}
	}
}

// The names and helps are as Prometheus' linter wants them.
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
