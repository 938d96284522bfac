package web_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"rollcall/web"
	"rollcall/web/webtest"
)

// The charts show what operators did and when servers started, also what was before a restart.
func TestAdminChartsHaveMarks(t *testing.T) {
	t.Parallel()
	opts := withAdmins(web.Options{Node: "node-7", Version: "v1", AdminHistory: t.TempDir()})
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

// A time has its charts, what was done then, whose connections had trouble, and what happened to clients; nothing of before
// and after.
func TestAdminPeriod(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	alice := operator(t, srv)
	st := subscribed(t, srv, "clientId=ada", "news")
	alice.post("/admin/clients/ada/disconnect").want(303)
	st.WantGoodbye("kicked", false)
	until(t, "the end is noted", func() bool { return strings.Contains(alice.get("/admin/period").says("troubled"), "ada kicked") })

	page := alice.get("/admin/period")
	page.wantText("done", "ada kicked by alice").wantText("done", "node-7 started").wantText("happened", "ada connections were ended by alice")
	page.wantText("fig-kicked", "1").wantText("fig-slow", "0").wantText("main", "What happened to clients is remembered since")
	for _, id := range []string{"chart-clients", "chart-lag", "fig-published", "fig-clients", "busiest-then"} {
		if page.one(id) == nil {
			t.Errorf("there is no %s", id)
		}
	}
	if live := liveOf(page.doc()); live != "" {
		t.Errorf("what is past is followed at %q", live)
	}
	hrefs := attrsOf(page.one("troubled"), "href")
	if len(hrefs) != 1 || !strings.HasPrefix(hrefs[0], "/admin/clients/ada/between?from=") {
		t.Fatalf("ada leads to %q", hrefs)
	}
	alice.get(hrefs[0]).wantText("main", "What was there?")

	// A time before has none of it, and says so.
	day := time.Now().Add(-26 * time.Hour).UTC().Format(time.RFC3339)
	before := alice.get("/admin/period?from=" + queryEscape(day) + "&to=" + queryEscape(time.Now().Add(-25*time.Hour).UTC().Format(time.RFC3339)))
	before.wantText("done", "No operator").wantText("troubled", "No client was slow").wantText("fig-clients", "–")
	for n := range before.one("chart-lag").Descendants() {
		if values := attr(n, "data-values"); strings.Trim(values, "– ") != "" {
			t.Errorf("the lag of before the start is %q", values)
		}
	}
	if step := attr(before.one("chart-lag"), "data-step"); step != "600000" {
		t.Errorf("of a day ago there are values for each %s ms", step)
	}

	// The links go on from there.
	for _, rel := range []string{"prev", "next"} {
		for n := range before.one("main").Descendants() {
			if attr(n, "rel") == rel {
				alice.get(attr(n, "href")).wantText("main", "What happened?")
			}
		}
	}
	for query, wrong := range map[string]string{
		"from=soon": "A time is such as", "to=x": "A time is such as", "from=12:00:01&to=12:00:01": "must be before",
		"from=2026-01-01&to=2026-01-31": "There may be 192 hours",
	} {
		alice.get("/admin/period?"+query).wantText("between-error", wrong)
	}
}

// The overview leads to the page of a time, also without a script.
func TestAdminOverviewLeadsToPeriods(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	alice := operator(t, srv)
	page := alice.get("/admin")
	if zoom := attr(page.one("chart-lag"), "data-zoom"); zoom != "/admin/period" {
		t.Errorf("a part of the chart's time leads to %q", zoom)
	}
	if !slices.Contains(attrsOf(page.one("main"), "href"), "/admin/period") {
		t.Error("there is no link")
	}
	alice.get("/admin/find?q=spike").wantText("find-results", "What happened?")
}

// The wall display has the overview's figures, charts and warnings, and nothing that is clicked.
func TestAdminWall(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	page := viewer(t, srv).get("/admin/wall?range=1h")
	for _, id := range []string{"fig-clients", "chart-lag", "alarms", "live-state"} {
		if page.one(id) == nil {
			t.Errorf("there is no %s", id)
		}
	}
	for n := range page.doc().Descendants() {
		if n.Data == "nav" || n.Data == "form" || n.Data == "a" && attr(n, "href") != "/admin/nodes" {
			t.Errorf("there is a %s to %s", n.Data, attr(n, "href"))
		}
	}
	if step := attr(page.one("chart-lag"), "data-step"); step != "60000" {
		t.Errorf("the range is of steps of %s ms", step)
	}
	stranger(t, srv).do("GET", "/admin/wall", "").wantLogin()
}

// A channel's chart is of the time that is chosen, and the choice keeps the page's filter. Roles that are limited to channels
// have it, without the way to the page of a time, which they do not have.
func TestAdminChannelChartRanges(t *testing.T) {
	t.Parallel()
	srv, lena, _ := startLimited(t)
	srv.Publish("room.a", "1", "2", "3")
	alice := operator(t, srv)
	for query, step := range map[string]string{"": "5000", "?range=5m": "1666", "?range=7d": "3360000"} {
		page := alice.get("/admin/channels/room.a" + query)
		if got := attr(page.one("chart-rate"), "data-step"); got != step {
			t.Errorf("%q: values of %s ms, want %s", query, got, step)
		}
		events := 0.0
		for n := range page.one("chart-rate").Descendants() {
			for _, v := range strings.Fields(attr(n, "data-values")) {
				if rate, err := strconv.ParseFloat(v, 64); err == nil {
					events += rate
				}
			}
		}
		if events == 0 {
			t.Errorf("%q: the events are not on the chart", query)
		}
	}
	page := alice.get("/admin/channels/room.a?filter=x&range=1h")
	if !slices.Contains(attrsOf(page.one("main"), "href"), "/admin/channels/room.a?filter=x&range=24h") {
		t.Errorf("the ranges lead to %q", attrsOf(page.one("main"), "href"))
	}
	if zoom := attr(lena.get("/admin/channels/room.a").one("chart-rate"), "data-zoom"); zoom != "" {
		t.Errorf("the chart leads to %q", zoom)
	}
}
