package web_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rollcall/web"
	"rollcall/web/webtest"
)

// The charts show what operators did and when servers started, also what was before a restart.
func TestAdminChartsHaveMarks(t *testing.T) {
	t.Parallel()
	opts := withAdmins(web.Options{Node: "node-7", Version: "v1", Readings: filepath.Join(t.TempDir(), "readings")})
	srv := webtest.Start(t, opts)
	alice := operator(t, srv)
	newVictim(t, srv)
	alice.post("/admin/clients/ada/disconnect").want(303)
	alice.post("/admin/clients/nobody/disconnect").want(303) // fails, and is no mark
	want := []string{"ada kicked by alice", "node-7 started"}
	for _, target := range []string{"/admin", "/admin?range=7d"} {
		for _, chart := range []string{"chart-lag", "chart-memory"} {
			if got := marksOf(alice.get(target), chart); !slices.Equal(got, want) {
				t.Errorf("%s: %s has the marks %q, want %q", target, chart, got, want)
			}
		}
	}
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	opts.Node = "node-8"
	again := operator(t, webtest.Start(t, opts))
	until(t, "the readings are loaded", func() bool { return len(marksOf(again.get("/admin?range=24h"), "chart-clients")) == 3 })
	if got, want := marksOf(again.get("/admin?range=24h"), "chart-clients"), []string{"ada kicked by alice", "node-7 started", "node-8 started"}; !slices.Equal(got, want) {
		t.Errorf("after the restart there are the marks %q, want %q", got, want)
	}
}

// marksOf returns what is marked on a chart, sorted.
func marksOf(page *reply, chart string) []string {
	var list []string
	for n := range page.one(chart).Descendants() {
		if text := attr(n, "data-mark"); text != "" {
			list = append(list, strings.Split(text, ", ")...)
		}
	}
	slices.Sort(list)
	return list
}

// The delivery lag has its median, two percentiles and the longest, on an axis of powers of ten.
func TestAdminLagChart(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	alice := operator(t, srv)
	subscribed(t, srv, "clientId=ada", "news")
	srv.Publish("news", "1", "2")
	lags := func() map[string]string {
		newest := make(map[string]string)
		for n := range alice.get("/admin?range=5m").one("chart-lag").Descendants() {
			if name := attr(n, "data-series"); name != "" {
				for _, v := range strings.Fields(attr(n, "data-values")) {
					if v != "–" {
						newest[name] = v
					}
				}
			}
		}
		return newest
	}
	until(t, "the delivery is read", func() bool { return len(lags()) > 0 })
	got := lags()
	for _, name := range []string{"p50", "p95", "p99", "max"} {
		if got[name] == "" || got[name] == "0" {
			t.Errorf("%s is %q", name, got[name])
		}
	}
}
