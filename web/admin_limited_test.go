package web_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"rollcall/web"
	"rollcall/web/auth"
	"rollcall/web/login"
	"rollcall/web/webtest"
)

// startLimited runs a server on which lena operates, and lou looks at, the channels room.> and chat.
func startLimited(t *testing.T) (srv *webtest.Server, lena, lou *visitor) {
	t.Helper()
	channels, err := auth.ParsePatterns("room.>,chat")
	if err != nil {
		t.Fatal(err)
	}
	opts := withAdmins(web.Options{})
	opts.Admins = append(slices.Clone(opts.Admins),
		login.Account{Name: "lena", Role: login.Operator, Title: "support", Channels: channels, Hash: hashOf(veraPassword)},
		login.Account{Name: "lou", Role: login.Viewer, Title: "audience", Channels: channels, Hash: hashOf(veraPassword)})
	srv = webtest.Start(t, opts)
	lena, lou = stranger(t, srv), stranger(t, srv)
	lena.login("lena", veraPassword, "").wantLocation("/admin")
	lou.login("lou", veraPassword, "").wantLocation("/admin")
	return srv, lena, lou
}

// A role that is limited to channels has the pages of these channels, and no other page or action: new ones too.
func TestAdminLimitedRoleReachesNothingElse(t *testing.T) {
	t.Parallel()
	srv, lena, lou := startLimited(t)
	v := newVictim(t, srv)
	mine := []string{"/admin/channels", "/admin/tail", "/admin/events", "/admin/find", "/admin/sessions", "/admin/sessions/end", "/admin/stream"}
	for _, who := range []*visitor{lena, lou} {
		who.do("GET", "/admin", "").wantLocation("/admin/channels")
		for _, route := range routesOf(srv, "GET") {
			if slices.Contains(entrances, route) || slices.Contains(mine, route) || route == "/admin" || route == "/admin/" {
				continue
			}
			page := who.do("GET", v.path(route), "").want(403)
			if !strings.Contains(page.text, "limited to the channels room.&gt;,chat") {
				t.Errorf("%s: %s", route, page.text)
			}
			who.do("GET", v.path(route), "", "Accept: application/json").wantCode(403, "limited_role")
		}
		for _, route := range deeds {
			who.do("POST", v.path(route), everything).want(403)
			v.wantUnharmed(t)
		}
		for _, page := range []string{"/admin", "/admin/", "/admin/clients", "/admin/audit", v.path("/admin/channels/:channel"), v.path("/admin/clients/:clientId/tap"), "/admin/channels/_?name=other"} {
			who.do("GET", "/admin/stream?page="+queryEscape(page), "").wantCode(404, "not_found")
		}
		for _, page := range mine[:4] {
			for n := range who.get(page).one("main").Parent.Parent.Descendants() {
				if href := attr(n, "href"); attr(n, "class") == "rail-link" && href != "/admin/channels" && href != "/admin/tail" {
					t.Errorf("%s leads to %s", page, href)
				}
			}
		}
	}
	operator(t, srv).get("/admin/audit").wantText("audit-rows", "the role support is limited to channels")
}

// Lists, tails, traces and live pages show the role's channels alone.
func TestAdminLimitedRoleSeesItsChannels(t *testing.T) {
	t.Parallel()
	srv, lena, lou := startLimited(t)
	subscribed(t, srv, "clientId=ada", "room.a", "orders")
	for _, channel := range []string{"room.a", "orders", "chat", "chatroom"} {
		srv.Publish(channel, `"of `+channel+`"`)
	}
	id := func(channel string) string {
		for n := range operator(t, srv).get("/admin/channels/" + channel).one("tail-rows").Descendants() {
			if to := attr(n, "href"); strings.HasPrefix(to, "/admin/events?") {
				return to
			}
		}
		t.Fatalf("no event of %s", channel)
		return ""
	}
	for _, who := range []*visitor{lena, lou} {
		for _, page := range []string{"/admin/channels", "/admin/channels?q=o", "/admin/tail", "/admin/tail?channels=%3E", "/admin/tail?channels=orders,room.a", "/admin/channels/room.a", "/admin/find?q=o"} {
			text := who.get(page).says("main")
			for _, hidden := range []string{"orders", "chatroom"} {
				if strings.Contains(strings.ReplaceAll(text, "orders,room.a", ""), hidden) && !strings.Contains(page, "channels=orders") || strings.Contains(text, "of "+hidden) {
					t.Errorf("%s shows %s: %s", page, hidden, text)
				}
			}
			if !strings.Contains(text, "room.a") {
				t.Errorf("%s does not show room.a: %s", page, text)
			}
		}
		page := who.get("/admin/channels/room.a")
		for n := range page.one("main").Descendants() {
			if strings.HasPrefix(attr(n, "href"), "/admin/clients") {
				t.Errorf("the channel leads to %s", attr(n, "href"))
			}
		}
		if page := who.get(id("orders")); strings.Contains(page.text, "of orders") || !strings.Contains(page.text, "No kept event has this id") {
			t.Errorf("an event of another channel: %s", page.says("main"))
		}
		if page := who.get(id("room.a")); !strings.Contains(page.text, "of room.a") || !strings.Contains(page.says("main"), "ada") {
			t.Errorf("an event of its channel: %s", page.says("main"))
		}
	}
	open := lou.watch("/admin/tail")
	open.patch()
	srv.Publish("orders", `"unseen"`)
	srv.Publish("room.a", `"seen"`)
	open.until("tail-rows", "the event of room.a", func(o op) bool {
		if strings.Contains(o.markup(), "unseen") {
			t.Errorf("the live tail shows %s", o.markup())
		}
		return strings.Contains(o.markup(), "seen")
	})

	// lena acts on them, and on no other, even by a batch.
	lena.act("ok", "Published 1 event.", "/admin/channels/room.b/publish", "mode", "one", "type", "message", "payload", "1")
	lou.post("/admin/channels/room.b/publish", "mode", "one", "type", "message", "payload", "1").want(403)
	batch := `{"events":[{"channelName":"room.b","type":"m","payload":1},{"channelName":"orders","type":"m","payload":"smuggled"}]}`
	lena.post("/admin/channels/room.b/publish", "mode", "batch", "batch", batch).want(http.StatusForbidden)
	if text := operator(t, srv).get("/admin/tail").text; strings.Contains(text, "smuggled") {
		t.Error("a batch reached another channel")
	}
	lena.act("ok", "Purged 1 event. Streams that resume there get a gap.", "/admin/channels/room.b/purge")
	lena.get("/admin/sessions").wantText("sessions-total", "1 logged in")
}
