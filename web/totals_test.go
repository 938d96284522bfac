package web_test

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"rollcall/web"
	"rollcall/web/auth"
	"rollcall/web/webtest"
)

// limitsOn returns the rows of the Server page's limits by their first cell.
func limitsOn(r *reply) map[string][]string {
	rows := map[string][]string{}
	for n := range r.one("limits").Descendants() {
		if n.Type != html.ElementNode || n.Data != "tr" {
			continue
		}
		var cells []string
		for cell := range n.ChildNodes() {
			if cell.Type == html.ElementNode && cell.Data == "td" {
				cells = append(cells, strings.TrimSpace(textOf(cell)))
			}
		}
		if len(cells) > 0 {
			rows[cells[0]] = cells[1:]
		}
	}
	return rows
}

// What is held of each kind, and what may be, is in the metrics and on the Server page.
func TestTotalsAreShown(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, withAdmins(web.Options{
		MaxStreams: 10, MaxConnections: 100, SubscriptionBudget: 1 << 20, HistoryBudget: 2 << 20, AddressLimits: auth.Limits{Connections: 5},
	}))
	srv.SetBodyLimits(4<<20, 1<<20)
	srv.Open("GET", "/presence/stream", "").Next()
	srv.Subscribe("channels=a,b").WantRegistered()
	srv.Subscribe("channels=c").WantRegistered()
	srv.Publish("a", `"`+strings.Repeat("x", 50_000)+`"`)
	srv.FillBlocks(time.Now().Add(time.Hour))
	body := srv.Dial()
	body.Send("POST /subscribe HTTP/1.1\nHost: x\nContent-Length: 1048576\nExpect: 100-continue\n\n")
	body.WantLine("HTTP/1.1 100 ")
	if _, err := io.WriteString(body.Conn, strings.Repeat(" ", 900<<10)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the body has arrived", func() bool { _, held := srv.BodyBytes(); return held == 900<<10 })
	alice := operator(t, srv)
	alice.watch("/admin/blocks").patch()

	got := numbers(t, srv.Get("/metrics").WantStatus(200).Body)
	for name, want := range map[string]string{
		`held{kind="streams"}`: "3", `held_limit{kind="streams"}`: "10", `held_limit{kind="connections"}`: "100",
		`held{kind="address_streams"}`: "3", `held_limit{kind="address_streams"}`: "5", `held{kind="identity_streams"}`: "0", `held_limit{kind="identity_streams"}`: "+Inf",
		`held{kind="admin_pages"}`: "1", `held_limit{kind="admin_pages"}`: "64", `held{kind="clocks"}`: "0", `held_limit{kind="clocks"}`: "256",
		`held{kind="blocks"}`: "100000", `held_limit{kind="blocks"}`: "100000",
		`held_bytes{kind="subscriptions"}`: strconv.Itoa(3<<10 + 4<<10 + 3 + len("$online")), `held_limit_bytes{kind="subscriptions"}`: "1.048576e+06",
		`held_limit_bytes{kind="address_subscriptions"}`: "524288", `held_limit_bytes{kind="identity_subscriptions"}`: "524288", `held_bytes{kind="identity_subscriptions"}`: "0",
		`held_limit_bytes{kind="events"}`: "2.097152e+06", `held_limit_bytes{kind="presence_events"}`: "1.048576e+06",
		`held_bytes{kind="subscribe_bodies"}`: "921600", `held_limit_bytes{kind="subscribe_bodies"}`: "1.048576e+06",
		`held_bytes{kind="publish_bodies"}`: "0", `held_limit_bytes{kind="publish_bodies"}`: "4.194304e+06",
		`held_bytes{kind="store_events"}`: "0", `held_limit_bytes{kind="store_events"}`: "6.7108864e+07", `held_limit_bytes{kind="snapshots"}`: "6.7108864e+07",
		`held_bytes{kind="admin_forms"}`: "0", `held_limit_bytes{kind="presence_snapshots"}`: "6.7108864e+07",
	} {
		if got["rollcall_"+name] != want {
			t.Errorf("%s is %s, want %s", name, got["rollcall_"+name], want)
		}
	}
	for _, name := range []string{`held{kind="connections"}`, `held_bytes{kind="events"}`, `held_bytes{kind="presence_events"}`} {
		if n, err := strconv.ParseFloat(got["rollcall_"+name], 64); err != nil || n < 3 {
			t.Errorf("%s is %s", name, got["rollcall_"+name])
		}
	}
	if a, b := got[`rollcall_held_bytes{kind="address_subscriptions"}`], got[`rollcall_held_bytes{kind="subscriptions"}`]; a != b {
		t.Errorf("the one address holds %s of %s", a, b)
	}
	page := limitsOn(alice.get("/admin/server"))
	for what, want := range map[string][]string{
		"Streams": {"3", "10", "30 %", "--max-streams"}, "Streams of the busiest address": {"3", "5", "60 %", "--address-connections"},
		"Streams of the busiest key or subject": {"not counted", "none", "", "--identity-connections"}, "Live admin pages": {"1", "64", "1 %", "fixed"},
		"Bodies of subscribers": {"900 KiB", "1.0 MiB", "87 %", "--max-body"}, "Blocks": {"100,000", "100,000", "100 %", "fixed"},
	} {
		if !slices.Equal(page[what], want) {
			t.Errorf("%s: %q, want %q", what, page[what], want)
		}
	}
	if kinds := len(kindsOf(got)); len(page) != kinds {
		t.Errorf("%d limits are shown of %d", len(page), kinds)
	}
	body.Cut()
}

// kindsOf returns the kinds of which the metrics have a total.
func kindsOf(numbers map[string]string) (kinds []string) {
	for name := range numbers {
		if m := regexp.MustCompile(`^rollcall_held_limit(?:_bytes)?\{kind="(\w+)"\}$`).FindStringSubmatch(name); m != nil {
			kinds = append(kinds, m[1])
		}
	}
	slices.Sort(kinds)
	return kinds
}

// docs/operations.md lists every kind that has a total, and for each a test that there is.
func TestTotalsAreDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "## What is bounded\n")
	section, _, _ = strings.Cut(section, "\n## ")
	tests := testNames(t)
	var documented []string
	for _, row := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\|(?:[^|]+\\|){3} `(\\w+)` \\|$").FindAllStringSubmatch(section, -1) {
		documented = append(documented, row[1])
		if !tests[row[2]] {
			t.Errorf("%s: there is no test %s", row[1], row[2])
		}
	}
	slices.Sort(documented)
	kinds := kindsOf(numbers(t, webtest.Start(t, web.Options{}).Get("/metrics").WantStatus(200).Body))
	if !slices.Equal(documented, kinds) {
		t.Errorf("documented are\n%q, bounded are\n%q", documented, kinds)
	}
}

// testNames returns the names of all tests of the module.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, _ os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(string(source), -1) {
			names[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// The forms of the admin UI have a total, and count until they are answered.
func TestFormsInAll(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	srv.SetFormLimit(20 << 10)
	send := func() *webtest.Wire {
		w := srv.Dial()
		w.Send("POST /admin/login HTTP/1.1\nHost: x\nContent-Type: application/x-www-form-urlencoded\nContent-Length: 16000\nExpect: 100-continue\n\n")
		w.WantLine("HTTP/1.1 100 ")
		if _, err := io.WriteString(w.Conn, "pad="+strings.Repeat("A", 12<<10-4)); err != nil {
			t.Fatal(err)
		}
		return w
	}
	held := func() string { return numbers(t, srv.Get("/metrics").Body)[`rollcall_held_bytes{kind="admin_forms"}`] }
	first := send()
	eventually(t, "the first form has arrived", func() bool { return held() == "12288" })
	r := stranger(t, srv).do("POST", "/admin/login", "pad="+strings.Repeat("A", 12<<10)).want(429)
	if r.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	first.Cut()
	eventually(t, "the room is given back", func() bool { return held() == "0" })
	operator(t, srv)
	if held() != "0" {
		t.Errorf("%s bytes are held for nobody", held())
	}
}
