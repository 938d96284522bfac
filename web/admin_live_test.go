package web_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"rollcall/web"
	"rollcall/web/login"
	"rollcall/web/webtest"
)

// livePages are all pages that are kept live.
var livePages = []string{
	"/admin", "/admin?range=24h", "/admin/wall", "/admin/clients", "/admin/clients?q=a&sort=-bytes&page=2", "/admin/clients/ada", "/admin/clients/ada/tap", "/admin/channels",
	"/admin/channels?q=n&sort=-rate", "/admin/channels/news", "/admin/tail", "/admin/tail?channels=n*&filter=x", "/admin/blocks", "/admin/audit", "/admin/audit?q=alice", "/admin/server", "/admin/alarms", "/admin/refused", "/admin/slow",
}

// fragments are the elements of a page that are kept live.
var fragments = map[string][]string{
	"/admin":                 {"busiest-rows", "chart-bytes", "chart-clients", "chart-delivered", "chart-lag", "chart-memory", "chart-published", "fig-behind", "fig-bytes", "fig-channels", "fig-clients", "fig-delivered", "fig-gaps", "fig-kicked", "fig-lag", "fig-memory", "fig-published", "fig-slow", "news", "warnings"},
	"/admin/wall":            {"alarms", "chart-bytes", "chart-clients", "chart-delivered", "chart-lag", "chart-memory", "chart-published", "fig-behind", "fig-bytes", "fig-channels", "fig-clients", "fig-delivered", "fig-gaps", "fig-kicked", "fig-lag", "fig-memory", "fig-published", "fig-slow"},
	"/admin/clients":         {"clients-pager", "clients-rows", "clients-total", "filter-note", "mark-total"},
	"/admin/clients/ada":     {"chart-pending", "chart-sent", "charts-since", "client-blocked", "client-facts", "client-state", "connections-rows", "fig-behind", "fig-bytes", "fig-channels", "fig-connections", "fig-events", "fig-returns", "lanes", "timeline"},
	"/admin/clients/ada/tap": {"tap-silent", "tap-state"},
	"/admin/channels":        {"channels-pager", "channels-rows"},
	"/admin/channels/news":   {"channel-ended", "chart-rate", "fig-clients", "fig-kept", "fig-last", "fig-rate", "fig-size", "members", "members-more"},
	"/admin/alarms":          {"alarms-rows", "alarms-silent", "past-alarms-pager", "past-alarms-rows"},
	"/admin/blocks":          {"blocks-rows"},
	"/admin/audit":           {"audit-pager", "audit-rows"},
	"/admin/refused":         {"refused-pager", "refused-rows", "refused-silent"},
	"/admin/slow":            {"flapping-rows", "slow-notes", "slow-rows"},
	"/admin/server":          {"drain-state", "facts-access", "facts-log", "facts-server", "facts-streams", "limits"},
}

// The first patch of a page is all of it that changes, and what it replaces is
// there.
func TestAdminLive(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	newVictim(t, srv)
	vera := viewer(t, srv)
	for _, target := range livePages {
		page := vera.get(target)
		if live := liveOf(page.doc()); !strings.HasPrefix(strings.ReplaceAll(live, "%2A", "*"), target) {
			t.Errorf("%s is followed at %q", target, live)
		}
		path, query, _ := strings.Cut(target, "?")
		if path == "/admin/tail" {
			continue // it has no fragments, only new events
		}
		live := vera.watch(target)
		ops := slices.DeleteFunc(live.patch(), func(o op) bool {
			return o.ID == "notice" || o.ID == "alarm-count" || o.ID == "past" || o.ID == "clients-matching"
		}) // all pages have it; searches
		_ = live.body.Close() // a user may have so many
		if want := fragments[path]; !slices.Equal(idsOf(ops), want) && !(query != "" && len(ops) == len(want)) {
			t.Errorf("%s: the first patch is of %q, want %q", target, idsOf(ops), want)
		}
		for _, o := range ops {
			if page.one(o.ID) == nil {
				t.Errorf("%s: there is no %s to be kept live", target, o.ID)
			}
			var markup string
			decode(t, string(o.HTML), &markup)
			if root := element(parsed(t, markup), o.ID); root == nil {
				t.Errorf("%s: the element of %s has another id: %.200s", target, o.ID, markup)
			}
		}
	}
}

// liveOf returns the path of a page's live stream.
func liveOf(doc *html.Node) string {
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == "body" {
			return attr(n, "data-live")
		}
	}
	return ""
}

// Only what has changed is sent.
func TestAdminLiveChanges(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	subscribed(t, srv, "clientId=ada", "news")
	alice := operator(t, srv)
	screens := map[string]*screen{}
	for _, page := range []string{"/admin/clients", "/admin/blocks", "/admin/audit"} {
		screens[page] = alice.watch(page)
		screens[page].patch()
	}
	// The overview changes all the time: while it changes three times, the others are rendered, too, and have no
	// changes.
	clock := alice.watch("/admin")
	for range 3 {
		clock.patch()
	}
	subscribed(t, srv, "clientId=bob", "news")
	clients := screens["/admin/clients"]
	ops := clients.patch()
	for !slices.Contains(idsOf(ops), "clients-rows") { // a comment that ada got on a slow machine changes her row
		if ids := idsOf(ops); len(ids) != 1 || !strings.HasPrefix(ids[0], "client-") {
			t.Fatalf("a join changes %q", ids)
		}
		ops = clients.patch()
	}
	if ids := idsOf(ops); strings.Contains(strings.Join(ids, " "), "client-") {
		t.Errorf("a join changes %q", ids)
	}
	for _, o := range ops {
		switch o.ID {
		case "clients-rows":
			var rows map[string]string
			decode(t, string(o.HTML), &rows)
			if len(o.Keys) != 2 || len(rows) != 1 || !strings.Contains(rows[o.Keys[1]], "bob") {
				t.Errorf("a join is sent as %+v", o)
			}
		case "clients-total":
			if !strings.Contains(o.markup(), "2 online") {
				t.Errorf("the total is sent as %s", o.HTML)
			}
		}
	}
	alice.act("ok", "Blocked eve for 1 h. No client with this id was online.", "/admin/blocks", "clientId", "eve", "for", "1h")
	if ops := screens["/admin/blocks"].patch(); len(ops) != 1 || ops[0].ID != "blocks-rows" || !strings.Contains(ops[0].markup(), "eve") {
		t.Errorf("a block is sent as %+v", ops)
	}
	for _, o := range screens["/admin/audit"].patch() {
		if o.ID == "audit-rows" && (len(o.Keys) != 2 || !strings.Contains(o.markup(), "eve") || strings.Contains(o.markup(), "login")) {
			t.Errorf("a deed is sent as %+v", o)
		}
	}
	// One row changes alone, in its place.
	srv.Publish("news", `1`)
	for told := false; !told; {
		for _, o := range clients.patch() {
			one := strings.HasPrefix(o.ID, "client-")
			if told = told || one; o.ID == "clients-rows" || one && o.Keys != nil {
				t.Errorf("an event is told as %+v", o)
			}
		}
	}
}

func TestAdminLiveRefusals(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	nobody, vera := stranger(t, srv), viewer(t, srv)
	nobody.do("GET", "/admin/stream?page=/admin", "").wantCode(401, "login_required")
	nobody.do("GET", "/admin/stream?page=/admin", "", "Accept: text/event-stream").wantCode(401, "login_required")
	for page, status := range map[string]int{
		"": 404, "/": 404, "/subscribe": 404, "/admin/none": 404, "/admin/stream": 404, "/admin/login": 404, "/admin/clients/ada/tap/x": 404, "/adminx": 404, "//admin": 400,
		"/admin/clients/nobody": 404, "/admin/channels/a%2Cb": 404, "https://evil.example/admin": 400, "//evil.example/admin": 400, "http:admin": 400, "%zz": 400, "/admin/clients/%zz": 400, "\x00": 400,
		"/admin/../admin": 404, "/admin/audit.jsonl": 404, strings.Repeat("/admin", 1000): 404,
	} {
		r := vera.do("GET", "/admin/stream?page="+queryEscape(page), "").want(status)
		if !strings.HasPrefix(r.header.Get("Content-Type"), "application/json") {
			t.Errorf("%.100q is refused as %s", page, r.header.Get("Content-Type"))
		}
	}
	vera.do("GET", "/admin/stream", "").want(404)
	if r := vera.do("GET", "/admin/stream?page=%zz", ""); r.status != 404 && r.status != 400 {
		t.Errorf("a query that is not well-formed: %d", r.status)
	}
}

// One user has a share of the live pages, and others have theirs; a browser learns of it
// by HEAD.
func TestAdminLiveLimit(t *testing.T) {
	t.Parallel()
	var accounts []login.Account
	for i := range 5 {
		accounts = append(accounts, login.Account{Name: fmt.Sprint("user", i), Role: login.Viewer, Hash: hashOf(veraPassword)})
	}
	srv := webtest.Start(t, web.Options{Admins: accounts})
	refused := func(v *visitor, status int, says string) {
		t.Helper()
		r := v.do("GET", "/admin/stream?page=/admin/blocks", "")
		r.wantCode(status, "too_many_pages")
		if r.header.Get("Retry-After") == "" || !strings.Contains(r.text, says) {
			t.Errorf("%s, Retry-After %q; want %q", r.text, r.header.Get("Retry-After"), says)
		}
		v.do("HEAD", "/admin/stream?page=/admin/blocks", "").want(status)
	}
	var last *screen
	var users []*visitor
	for i := range accounts {
		v := stranger(t, srv)
		v.login(accounts[i].Name, veraPassword, "").wantLocation("/admin")
		users = append(users, v)
	}
	for _, v := range users[:4] {
		for range 15 {
			v.watch("/admin/blocks")
		}
		v.do("HEAD", "/admin/stream?page=/admin/blocks", "").want(200)
		last = v.watch("/admin/blocks")
		refused(v, 429, "You have 16 live pages open")
	}
	refused(users[4], 503, "All users together have 64 live pages open")
	_ = last.body.Close()
	until(t, "the place of a page that was closed is free", func() bool {
		return strings.Contains(users[4].get("/admin/server").says("limits"), "Live admin pages 63 64")
	})
	users[4].watch("/admin/blocks").patch()
}

func TestAdminLiveEndsWithTheServer(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	newVictim(t, srv)
	alice, vera := operator(t, srv), viewer(t, srv)
	var open []*screen
	for i, page := range livePages { // one user may not have all of them
		open = append(open, []*visitor{alice, vera}[i%2].watch(page))
	}
	alice.act("ok", "Draining: 5 streams a second.", "/admin/server/drain", "rate", "5")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	for _, s := range open {
		s.wantEnd()
	}
}

// downloads are the paths that are no pages.
var downloads = []string{"/admin/audit.jsonl", "/admin/clients.csv", "/admin/clients.json"}

// Every page carries the rules for a browser, and allows itself nothing but its
// nonce.
func TestAdminPagePolicy(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	v := newVictim(t, srv)
	alice, vera := operator(t, srv), viewer(t, srv)
	var pages []*reply
	for _, route := range routesOf(srv, "GET") {
		if route != "/admin/stream" && !slices.Contains(downloads, route) && !slices.Contains(entrances, route) && !leadsBack(route) {
			pages = append(pages, alice.get(v.path(route)), alice.get(v.path(route)))
		}
	}
	pages = append(pages, stranger(t, srv).get("/admin/login"), stranger(t, srv).do("POST", "/admin/server/drain", "").want(401), stranger(t, srv).login("x", "y", "").want(401),
		vera.post("/admin/server/drain").want(403), alice.do("GET", "/admin/clients/none", "").want(404), alice.do("GET", "/admin/none", "").want(404),
		alice.do("POST", "/admin/blocks", "", "Origin: "+foreign).want(403), alice.do("POST", "/admin/blocks", "x", "Content-Type: text/plain").want(415))
	seen := map[string]bool{}
	for _, page := range pages {
		policy := page.header.Get("Content-Security-Policy")
		_, nonce, _ := strings.Cut(policy, "script-src 'nonce-")
		nonce, _, _ = strings.Cut(nonce, "'")
		if len(nonce) < 20 || seen[nonce] {
			t.Errorf("%s: nonce %q", page.what, nonce)
		}
		seen[nonce] = true
		for _, part := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
			if !strings.Contains(policy, part) {
				t.Errorf("%s: the policy %s lacks %s", page.what, policy, part)
			}
		}
		if strings.Contains(policy, "unsafe") || page.header.Get("Cache-Control") != "no-store" || page.header.Get("X-Content-Type-Options") != "nosniff" || page.header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: %v", page.what, page.header)
		}
		wantPlain(t, page.what, page.doc(), nonce)
	}
	for _, live := range downloads {
		if got := alice.get(live).header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("%s: Cache-Control %q", live, got)
		}
	}
}

// wantPlain wants no script except the page's, no style within an element and no link that runs a script.
func wantPlain(t testing.TB, what string, doc *html.Node, nonce string) {
	t.Helper()
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if (n.Data == "script" || n.Data == "style") && (nonce == "" || attr(n, "nonce") != nonce || n.FirstChild != nil) {
			t.Errorf("%s has <%s> %v", what, n.Data, n.Attr)
		}
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "srcdoc" {
				t.Errorf("%s has %s=%q", what, a.Key, a.Val)
			}
			if link := a.Key == "href" || a.Key == "src" || a.Key == "action" || a.Key == "formaction"; link && !strings.HasPrefix(a.Val, "/") && !strings.HasPrefix(a.Val, "./") && !strings.HasPrefix(a.Val, "../") && !strings.HasPrefix(a.Val, "#") || link && strings.HasPrefix(a.Val, "//") {
				t.Errorf("%s has %s", what, fmt.Sprintf("%s=%q", a.Key, a.Val))
			}
		}
	}
}
