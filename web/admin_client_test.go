package web_test

import (
	"reflect"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"rollcall/web"
	"rollcall/web/webtest"
)

func TestAdminClient(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, withAdmins(web.Options{Node: "node-7"}))
	alice := operator(t, srv)
	alice.do("GET", "/admin/clients/ada", "").want(404).wantText("error", "No client with this id")

	st := srv.Subscribe("channels=news,chat&clientId=ada&info=%7B%22name%22%3A%22Ada%22%7D", "User-Agent: Mozilla/5.0 (X11; Linux x86_64) Chrome/148.0 Safari/537.36")
	st.WantRegistered()
	st.WantLast("news", `{}`)
	st.WantLast("chat", `{}`)
	second := subscribed(t, srv, "clientId=ada", "sport")
	srv.Publish("news", `1`, `2`)
	st.WantEvent("news", "message", `1`)
	st.WantEvent("news", "message", `2`)
	var page *reply
	until(t, "the events are counted", func() bool {
		page = alice.get("/admin/clients/ada")
		return strings.HasPrefix(page.says("fig-events"), "Events sent 2")
	})
	page.wantText("client-state", "online").wantText("client-name", "ada").wantText("client-info", `{ "name": "Ada" }`).
		wantText("fig-connections", "2").wantText("fig-channels", "3").wantText("timeline", "opened a connection")
	for _, part := range []string{st.Hello.ConnectionID, second.Hello.ConnectionID, "127.0.0.1", "Chrome 148 on Linux", "HTTP/1.1", "node-7", "news", "chat", "sport", "…-2"} {
		page.wantText("connections-rows", part)
	}
	if titles := attrsOf(page.one("connections-rows"), "title"); !strings.Contains(strings.Join(titles, " "), "X11; Linux x86_64") {
		t.Errorf("the whole user agent is in none of %q", titles)
	}

	// One connection, then the client.
	alice.act("ok", "Ended one connection.", "/admin/connections/"+second.Hello.ConnectionID+"/disconnect")
	second.WantGoodbye("kicked", false)
	until(t, "presence has one connection", func() bool { return strings.HasSuffix(alice.get("/admin/clients/ada").says("fig-connections"), "1") })
	alice.act("ok", "Ended 1 connection.", "/admin/clients/ada/disconnect")
	st.WantGoodbye("kicked", false)
	srv.Get("/subscribe?channels=news&clientId=ada", "Last-Event-ID: "+st.LastID).WantStatus(204)
	until(t, "ada is gone", func() bool { return srv.Get("/presence/clients/ada").Status == 404 })
	alice.act("bad", "This client is not online.", "/admin/clients/ada/disconnect")
	alice.act("bad", "This connection has already ended.", "/admin/connections/"+st.Hello.ConnectionID+"/disconnect")
	until(t, "the leave is in the timeline", func() bool {
		return strings.Contains(alice.get("/admin/clients/ada").says("timeline"), "went offline")
	})
	page = alice.get("/admin/clients/ada").wantText("client-state", "offline").wantText("timeline", "kicked").wantText("timeline", "connection ended by an operator")
	if line := page.says("connections-curl"); !strings.Contains(line, "clientId=ada") {
		t.Errorf("the curl line is %s", line)
	}
	alice.get("/admin").wantText("news", "went offline")
}

func TestAdminBlock(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	alice := operator(t, srv)
	st := subscribed(t, srv, "clientId=ada", "a")
	for _, wrong := range []string{"", "x", "10", "-1s", "0s", "9000h"} {
		alice.act("bad", "The time of a block is such as 30s, 10m or 24h, at most 8784h.", "/admin/clients/ada/block", "for", wrong)
	}
	page := alice.act("ok", "Blocked for 10 min.", "/admin/clients/ada/block", "for", "10m", "reason", " floods <news> ").
		wantText("blocked", "by alice , ends").wantText("blocked", "“ floods <news> ”")
	if page.one("undo") == nil || alice.get("/admin/clients/ada").one("undo") != nil {
		t.Error("the block can't be undone, or for ever")
	}
	alice.get("/admin/audit").wantText("audit", "for 10 min: floods <news>")
	alice.get("/admin/blocks").wantText("blocks-rows", "floods <news>")
	alice.act("bad", "The reason may have 200 characters.", "/admin/clients/ada/block", "for", "10m", "reason", strings.Repeat("x", 201))
	st.WantGoodbye("kicked", false)
	for range 3 {
		srv.Get("/subscribe?channels=a&clientId=ada").WantStatus(204)
	}
	srv.Get("/subscribe?channels=a&clientId=ada", "Last-Event-ID: "+st.LastID).WantStatus(204)
	page = alice.get("/admin/blocks").wantText("blocks-rows", "ada").wantText("blocks-rows", "alice")
	if !strings.Contains(page.says("blocks-rows"), " 4 ") {
		t.Errorf("4 connections refused: %s", page.says("blocks-rows"))
	}
	until(t, "ada is gone", func() bool { return srv.Get("/presence/clients/ada").Status == 404 })
	alice.get("/admin/clients/ada").wantText("blocked", "4 connections refused")
	alice.act("ok", "The client may reconnect.", "/admin/clients/ada/unblock")
	subscribed(t, srv, "clientId=ada", "a")
	alice.act("bad", "This client is not blocked.", "/admin/clients/ada/unblock")

	// Offline clients can be blocked too, by their id or through the REST API.
	alice.act("ok", "Blocked eve for 1 h. No client with this id was online.", "/admin/blocks", "clientId", " eve ", "for", "1h").wantText("blocks-rows", "eve")
	srv.Delete("/presence/clients/mallory?block=1h")
	alice.get("/admin/blocks").wantText("blocks-rows", "REST API")
	alice.get("/admin/clients/eve").wantText("client-state", "offline").wantText("blocked", "Blocked")
	srv.Get("/subscribe?channels=a&clientId=eve").WantStatus(204)
	alice.act("bad", "A client id is required: 1 to 255 bytes of UTF-8 without control characters.", "/admin/blocks", "clientId", "", "for", "1h")
	alice.act("bad", "A client id is required: 1 to 255 bytes of UTF-8 without control characters.", "/admin/blocks", "clientId", strings.Repeat("x", 256), "for", "1h")
	alice.act("bad", "The time of a block is such as 30s, 10m or 24h, at most 8784h.", "/admin/blocks", "clientId", "bob", "for", "for ever")
	alice.act("ok", "eve may come back.", "/admin/blocks/remove", "clientId", "eve")
	alice.act("bad", "This client is not blocked.", "/admin/blocks/remove", "clientId", "eve")
	subscribed(t, srv, "clientId=eve", "a")
	alice.act("ok", "Blocked eve for 1 min.", "/admin/blocks", "clientId", "eve", "for", "1m")
	alice.act("ok", "The block is undone. The client may reconnect.", "/admin/clients/eve/unblock", "undo", "1")
	alice.get("/admin/audit?q=undone").wantText("audit", "client.unblock")
	alice.act("ok", "The client may reconnect.", "/admin/clients/mallory/unblock").wantText("timeline", "was unblocked by alice")
}

func TestAdminSend(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	alice := operator(t, srv)
	one, two := subscribed(t, srv, "clientId=ada", "a"), subscribed(t, srv, "clientId=ada", "b")
	bob := subscribed(t, srv, "clientId=bob", "a")
	alice.act("ok", "Sent to 2 of 2 connections.", "/admin/clients/ada/send", "type", "note", "payload", `{"to": ["ada"] }`)
	alice.act("ok", "Sent to 2 of 2 connections.", "/admin/clients/ada/send", "type", "note", "payload", "no JSON \"at\" all\n\xff", "text", "1")
	srv.Publish("a", `1`)
	srv.Publish("b", `2`)
	for _, st := range []*webtest.Stream{one, two} {
		for _, payload := range []string{`{"to":["ada"]}`, `"no JSON \"at\" all\n` + "\uFFFD" + `"`} {
			ev, m := sent(t, st)
			var got, want any
			decode(t, string(m.Payload), &got)
			decode(t, payload, &want)
			if m.Type != "note" || !reflect.DeepEqual(got, want) || m.Timestamp == nil {
				t.Errorf("got %q, want %s", ev, payload)
			}
		}
	}
	one.WantEvent("a", "message", `1`)
	two.WantEvent("b", "message", `2`)
	bob.WantEvent("a", "message", `1`)
	if kept := history(t, srv, "channel=a").Events; len(kept) != 1 {
		t.Errorf("the log keeps %d events", len(kept))
	}
	for _, c := range [][3]string{
		{"", "1", "type is empty"}, {"goodbye", "1", "reserved"}, {"a\nb", "1", "control character"}, {strings.Repeat("x", 65), "1", "65 bytes"},
		{"note", `"` + strings.Repeat("x", 60<<10) + `"`, "payload has 61,442 bytes; it may have 61,440"},
		{"note", "{bad", "payload is not JSON: line 1, column 2"},
	} {
		page := alice.post("/admin/clients/ada/send", "type", c[0], "payload", c[1]).want(400).wantText("send-error", c[2])
		if got := page.one("send-payload"); got.FirstChild == nil || got.FirstChild.Data != c[1] {
			t.Errorf("%q: the form has lost its payload", c[0])
		}
		if field := strings.Fields(c[2])[0]; (field == "type" || field == "payload") && attr(page.one("send-"+field), "aria-invalid") != "true" {
			t.Errorf("%q: no field is marked", c[2])
		}
	}
	alice.post("/admin/clients/nobody/send", "type", "note", "payload", "1").want(404)
	srv.Publish("a", `3`)
	one.WantEvent("a", "message", `3`)
}

// sent reads an event that is in no log: it has the position that the stream has.
func sent(t *testing.T, st *webtest.Stream) (webtest.Event, webtest.Message) {
	t.Helper()
	ev, err := st.Parser.Next()
	if err != nil {
		t.Fatal(err)
	}
	var m webtest.Message
	decode(t, ev.Data, &m)
	return ev, m
}

func TestAdminTap(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	vera := viewer(t, srv) // looking is enough
	st := subscribed(t, srv, "clientId=ada&presence=channels", "a")
	subscribed(t, srv, "clientId=bob", "b")
	vera.get("/admin/clients/ada/tap").wantText("tap-state", "online")
	tap := vera.watch("/admin/clients/ada/tap")
	if first := tap.patch(); first[0].ID != "tap-state" {
		t.Errorf("the first patch is %+v", first)
	}
	srv.Publish("b", `"for bob"`)
	srv.Publish("a", `{"for":"ada"}`)
	first := tap.wantFeed(`{"for":"ada"}`)
	carl := srv.Subscribe("channels=a&clientId=carl")
	carl.WantRegistered()
	if notice := tap.wantFeed("carl"); !strings.Contains(notice, "presence") || !strings.Contains(notice, "join") {
		t.Errorf("the notice is shown as %s", notice)
	}
	operator(t, srv).act("ok", "Sent to 1 of 1 connection.", "/admin/clients/ada/send", "type", "note", "payload", `"alone"`)
	tap.wantFeed("alone")
	carl.Close()
	srv.Delete("/presence/clients/ada")
	for bye, offline := false, false; !bye || !offline; {
		for _, o := range tap.patch() {
			bye = bye || strings.Contains(o.First, "goodbye") && strings.Contains(o.First, "kicked")
			offline = offline || o.ID == "tap-state" && strings.Contains(o.markup(), "offline")
		}
	}
	for m := (webtest.Message{}); m.Type != "goodbye"; {
		_, m = sent(t, st)
	}
	// The next stream of the client is tapped, too, from when the page has noticed it.
	again := srv.Subscribe("channels=c&channels=a&clientId=ada")
	again.WantRegistered()
	again.WantLast("c", `{}`)
	again.WantLast("a", `{"type":"message","payload":{"for":"ada"}}`)
	tap.until("tap-state", "online", func(o op) bool { return strings.Contains(o.markup(), "online") })
	srv.Publish("a", `"again"`)
	again.WantEvent("a", "message", `"again"`)
	ids := make(map[string]bool)
	for _, id := range attrsOf(parsed(t, first+tap.wantFeed("again")), "id") {
		if ids[id] {
			t.Errorf("two rows have the id %s", id)
		}
		ids[id] = true
	}
	// A page that comes back has rows of before: new ones must not pass for those.
	other := vera.watch("/admin/clients/ada/tap")
	other.patch()
	srv.Publish("a", `"more"`)
	for _, id := range attrsOf(parsed(t, other.wantFeed("more")), "id") {
		if ids[id] {
			t.Errorf("another stream has given the id %s before", id)
		}
	}
}

// parsed parses a fragment.
func parsed(t testing.TB, markup string) *html.Node {
	t.Helper()
	doc, err := html.Parse(strings.NewReader("<table>" + markup + "</table>"))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}
