package web_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"rollcall/web"
	"rollcall/web/webtest"
)

func TestAdminOverview(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	alice := operator(t, srv)
	alice.get("/admin").wantText("news", "Nothing yet, as far as the server remembers.").wantText("busiest-rows", "No channel has had an event yet.")
	st := subscribed(t, srv, "clientId=ada", "news")
	subscribed(t, srv, "clientId=bob", "news", "chat")
	srv.Publish("news", `1`, `2`, `3`)
	until(t, "the feed has written the joins", func() bool { return strings.Contains(alice.get("/admin").says("news"), "ada came online") })
	page := alice.get("/admin").wantText("fig-clients", "Clients 2").wantText("fig-clients", "2 connections").wantText("fig-channels", "2").
		wantText("news", "ada came online").wantText("busiest-rows", "news")
	for _, id := range []string{"chart-clients", "chart-published", "chart-delivered", "chart-lag", "chart-bytes", "chart-memory", "fig-lag", "fig-bytes", "fig-memory", "fig-behind", "fig-slow", "fig-gaps"} {
		page.says(id)
	}
	srv.Delete("/presence/clients/ada")
	st.Close()
	until(t, "the meter has counted", func() bool {
		page := alice.get("/admin?range=24h")
		return strings.Contains(page.says("fig-kicked"), "Kicked 1") && strings.Contains(page.says("fig-delivered"), "6 in total") && strings.Contains(page.says("fig-published"), "3 in total")
	})
	alice.get("/admin?range=nonsense")
}

func TestAdminWarnings(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, withAdmins(web.Options{HistoryBudget: 64 << 10, MaxStreams: 10}))
	alice := operator(t, srv)
	if got := alice.get("/admin").says("warnings"); !strings.Contains(got, "No credentials are configured") || strings.Contains(got, "Drain") {
		t.Errorf("the warnings of a new server: %s", got)
	}
	for range 5 {
		srv.Subscribe("channels=a&clientId=tabs").WantRegistered()
	}
	if got := alice.get("/admin").says("warnings"); strings.Contains(got, "Six") || strings.Contains(got, "full") {
		t.Errorf("of five streams: %s", got)
	}
	srv.Subscribe("channels=a&clientId=tabs").WantRegistered()
	for i := range 4 {
		w := srv.Dial()
		w.Send(fmt.Sprintf("GET /subscribe?channels=b&clientId=old%d HTTP/1.0\n\n", i))
		w.WantLine("event: registered")
	}
	until(t, "events are dropped for want of room", func() bool {
		srv.Publish("large", `"`+strings.Repeat("x", 30<<10)+`"`)
		return strings.Contains(alice.get("/admin").says("warnings"), "Retention budget reached")
	})
	until(t, "the limit is found near", func() bool {
		return strings.Contains(alice.get("/admin").says("warnings"), "Nearly full 10 of 10 streams")
	})
	page := alice.get("/admin").wantText("warnings", "Six HTTP/1.1 streams: tabs").wantText("warnings", "4 over HTTP/1.0").wantText("warnings", "Nearly full 10 of 10 streams").
		wantText("warnings", "to stay within 64 KiB")
	for _, href := range attrsOf(page.one("warnings"), "href") {
		alice.get(href)
	}
	alice.act("ok", "Draining: 1 streams a second.", "/admin/server/drain", "rate", "1")
	until(t, "the drain is found", func() bool { return strings.Contains(alice.get("/admin").says("warnings"), "Draining") })
}

func TestAdminServerPage(t *testing.T) {
	t.Parallel()
	opts := withAdmins(web.Options{Version: "v1.2.3", Node: "node-7", AdminHint: "It is on the terminal.", Settings: []web.Setting{
		{Name: "listen", Value: "127.0.0.1:9090", Source: "flag"}, {Name: "admin-password", Value: "••••", Source: "ROLLCALL_ADMIN_PASSWORD"}, {Name: "cors-origin", Source: "default"},
	}})
	srv := webtest.Start(t, opts)
	stranger(t, srv).get("/admin/login").wantText("login-hint", "It is on the terminal.")
	vera := viewer(t, srv)
	page := vera.get("/admin/server").wantText("facts-server", "v1.2.3").wantText("facts-server", "node-7").wantText("facts-server", "ready").
		wantText("facts-streams", "Open 0").wantText("facts-log", "memory")
	for _, part := range []string{"127.0.0.1:9090", "••••", "ROLLCALL_ADMIN_PASSWORD", "not set"} {
		if !strings.Contains(textOf(page.one("main")), part) {
			t.Errorf("the page does not show %q", part)
		}
	}
	for _, target := range []string{"/admin", "/admin/server", "/admin/audit", "/admin/audit.jsonl"} {
		text := vera.get(target).text
		for _, account := range opts.Admins {
			if strings.Contains(text, account.Hash) || strings.Contains(text, "argon2") || strings.Contains(text, alicePassword) || strings.Contains(text, veraPassword) {
				t.Errorf("%s shows a secret", target)
			}
		}
	}
}

func TestAdminDrain(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	alice := operator(t, srv)
	var streams []*webtest.Stream
	for i := range 30 {
		streams = append(streams, subscribed(t, srv, fmt.Sprint("clientId=c", i), "a"))
	}
	watch := srv.Watch("")
	for _, wrong := range []string{"", "0", "-1", "1.5", "100001", "x"} {
		alice.act("bad", "The rate must be a whole number from 1 to 100,000.", "/admin/server/drain", "rate", wrong)
	}
	alice.act("bad", "The server is not being drained.", "/admin/server/drain/stop")
	srv.Get("/readyz").WantStatus(200)
	live := alice.watch("/admin/server")
	live.patch()
	alice.act("ok", "Draining: 1 streams a second.", "/admin/server/drain", "rate", "1").wantText("drain-state", "at 1 a second").wantText("facts-server", "not ready: draining")
	page := alice.act("ok", "Draining: 100 streams a second.", "/admin/server/drain", "rate", "100").wantText("drain-state", "draining")
	if attr(page.one("drain-rate"), "value") != "100" {
		t.Errorf("the form says %q", attr(page.one("drain-rate"), "value"))
	}
	live.until("drain-state", "draining", func(o op) bool { return strings.Contains(o.markup(), "draining") })
	for _, st := range streams {
		st.WantGoodbye("draining", true)
	}
	srv.Get("/readyz").WantFault(503, "draining", "")
	srv.Get("/healthz").WantStatus(200)
	away := srv.Subscribe("channels=a&clientId=late", "Last-Event-ID: "+streams[0].LastID)
	away.WantGoodbye("draining", true)
	if away.LastID != streams[0].LastID {
		t.Errorf("sent away at %q, asked for %q", away.LastID, streams[0].LastID)
	}
	until(t, "the watcher is gone, too", func() bool { return srv.Streams() == 0 })
	watch.Close()
	srv.Publish("a", `1`) // is welcome still
	alice.act("ok", "New streams are accepted again.", "/admin/server/drain/stop").wantText("facts-server", "ready")
	srv.Get("/readyz").WantStatus(200)
	back := srv.Subscribe("channels=a&clientId=c0", "Last-Event-ID: "+streams[0].LastID)
	if !back.WantRegistered().Resumed {
		t.Error("not resumed")
	}
	back.WantEvent("a", "message", `1`)
}

// An operator that drains at the same time as others is stopped like them.
func TestAdminDrainAtOnce(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	const many = 8
	done := make(chan int, many)
	for i := range many {
		alice := operator(t, srv)
		go func() { done <- alice.post("/admin/server/drain", "rate", fmt.Sprint(1+i)).status }()
	}
	for range many {
		if status := <-done; status != 303 {
			t.Errorf("status %d", status)
		}
	}
	operator(t, srv).act("ok", "New streams are accepted again.", "/admin/server/drain/stop")
	srv.Get("/readyz").WantStatus(200)
}

func TestAdminAudit(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	stranger(t, srv).login("mallory\n{}", "wrong", "").want(401)
	begun := time.Now().Add(-time.Second)
	alice, vera := operator(t, srv), viewer(t, srv)
	const hostile = "a\"b\u2028<script>\u202e"
	alice.act("ok", "Blocked "+visibly(hostile)+" for 1 min. No client with this id was online.", "/admin/blocks", "clientId", hostile, "for", "1m")
	alice.act("ok", "Published 1 event.", "/admin/channels/news/publish", "mode", "one", "type", "x", "payload", "1")
	alice.act("bad", "This client is not online.", "/admin/clients/ada/disconnect")
	vera.post("/admin/clients/ada/disconnect").want(403)
	alice.post("/admin/logout").want(303)

	list := auditOf(t, vera)
	var got []string
	for _, d := range list {
		got = append(got, d.User+" "+d.Action+" "+d.Target+" "+d.Result)
		if d.RemoteAddr != "127.0.0.1" || d.Timestamp.Before(begun) || d.Timestamp.After(time.Now().Add(time.Second)) {
			t.Errorf("entry %+v", d)
		}
	}
	want := "mallory\n{} login  refused|alice login  ok|vera login  ok|alice client.block " + hostile + " ok|alice channel.publish news ok|alice client.disconnect ada failed|" +
		"vera client.disconnect ada refused|alice logout  ok"
	if text := strings.Join(got, "|"); text != want {
		t.Errorf("the log is\n%q\nwant\n%q", text, want)
	}
	r := vera.get("/admin/audit.jsonl")
	if kind := r.header.Get("Content-Type"); !strings.HasPrefix(kind, "application/jsonl") || !strings.HasPrefix(r.header.Get("Content-Disposition"), "attachment;") || r.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("sent as %v", r.header)
	}
	rows := func(query string) int {
		return len(attrsOf(vera.get("/admin/audit?"+query).one("audit-rows"), "data-moment"))
	}
	for query, n := range map[string]int{"": 8, "q=ALICE": 5, "q=refused": 2, "q=news": 1, "q=disconnect": 2, "q=127.0.0.1": 8, "q=nothing": 0, "q=%3Cscript": 1, "page=7": 8, "page=9223372036854775807": 8} {
		if got := rows(query); got != n {
			t.Errorf("%s: %d rows, want %d", query, got, n)
		}
	}
	page := vera.get("/admin/audit")
	if first := textOf(page.one("deed-8")); !strings.Contains(first, "logout") {
		t.Errorf("the newest is %s", first)
	}
}

// visibly is hostile text as the page shows it.
func visibly(s string) string {
	return strings.NewReplacer("\n", `\u000a`, "\u2028", `\u2028`, "\u202e", `\u202e`).Replace(s)
}

// The log keeps only its newest entries, whatever fills it.
func TestAdminAuditIsBounded(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	alice := operator(t, srv)
	srv.NoteDeeds(10_050)
	alice.act("bad", "This client is not blocked.", "/admin/blocks/remove", "clientId", "cheryl")
	list := auditOf(t, alice)
	if len(list) != 10_000 || list[len(list)-1].Target != "cheryl" || list[0].Target != "c51" {
		t.Errorf("%d entries, from %+v to %+v", len(list), list[0], list[len(list)-1])
	}
	if page := alice.get("/admin/audit?q=c&page=200"); len(attrsOf(page.one("audit-rows"), "data-moment")) != 50 {
		t.Error("the last page is not whole")
	}
}
