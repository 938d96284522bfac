package web_test

import (
	"net/url"
	"strings"
	"testing"

	"rollcall/web"
	"rollcall/web/webtest"
)

// An event is followed to each stream that gets its channel: by name, by pattern, as the client that it is to. A stream was open, has
// resumed before or behind the event, was told of a gap, or came later.
func TestAdminTrace(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, withAdmins(web.Options{PresenceGrace: patience}))
	vera := viewer(t, srv)
	away := subscribed(t, srv, "clientId=away", "room.a")
	before := subscribed(t, srv, "clientId=before", "room.a")
	subscribed(t, srv, "clientId=open&info="+url.QueryEscape(`{"name":"Olga Open"}`), "room.a")
	pattern := srv.Subscribe("channels=room.*&clientId=pattern")
	pattern.WantRegistered()
	subscribed(t, srv, "clientId=other", "room.b")
	streams := srv.Streams()
	away.Close()
	until(t, "the stream that is away has ended", func() bool { return srv.Streams() == streams-1 })
	id := srv.PublishBody(`{"events":[{"channelName":"room.a","type":"note","payload":{"n":1}}]}`)[0]
	before.WantEvent("room.a", "note", `{"n":1}`)
	before.Close()
	for _, last := range []string{before.LastID, away.LastID} {
		client := map[string]string{before.LastID: "before", away.LastID: "away"}[last]
		srv.Subscribe("channels=room.a&clientId="+client, "Last-Event-ID: "+last).WantRegistered()
	}
	srv.Subscribe("channels=room.a&clientId=gap", "Last-Event-ID: other-1").WantRegistered()
	subscribed(t, srv, "clientId=later", "room.b") // not on the channel
	late := srv.Subscribe("channels=room.a&clientId=late")
	late.WantRegistered()

	path := "/admin/events?id=" + id
	want := map[string]string{
		"away": "resumed was away", "before": "passed before resumed behind it", "Olga Open": "open passed was open", "pattern": "passed was open",
		"gap": "told of a gap", "late": "came later",
	}
	until(t, "the streams have caught up", func() bool {
		page := vera.get(path)
		return strings.Contains(page.says("fig-gap"), "a gap 1") && strings.Contains(page.says("fig-streams"), "now 6") &&
			strings.Contains(page.says("fig-later"), "later 1") && strings.Contains(page.says("fig-passed"), "it 4 1 on a resume")
	})
	for _, path := range []string{path, path + "&channel=room.a"} {
		page := vera.get(path).wantText("fig-streams", "now 6").wantText("fig-later", "later 1").wantText("fig-behind", "it 0").wantText("main", `"n"`)
		rows := page.says("trace-rows")
		for client, state := range want {
			if !strings.Contains(rows, client+" "+state) {
				t.Errorf("%s: %q lacks %q", path, rows, client+" "+state)
			}
		}
		if strings.Contains(rows, "other") {
			t.Errorf("%q has a stream of another channel", rows)
		}
	}
	if ops := vera.watch(path).patch(); len(ops) < 8 {
		t.Errorf("the first patch is of %q", idsOf(ops))
	}
	tail := vera.get("/admin/tail").text
	if !strings.Contains(tail, `href="/admin/events?id=`+id+`&amp;channel=room.a"`) {
		t.Error("the tail does not lead to the trace")
	}
	vera.get("/admin/events").wantText("trace-id", "")
	for id, says := range map[string]string{"x": "not the id", "other-1": "earlier log", strings.TrimRight(id, "0123456789") + "999": "No kept event"} {
		vera.get("/admin/events?id="+id).wantText("trace-error", says)
	}
}

// An event's page has it whole: its payload in folds, with its strings as people read them, its size, how many streams have
// passed it, and what to copy. An operator can publish it again, from the form on its channel's page.
func TestAdminEvent(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	st := subscribed(t, srv, "clientId=ada", "news")
	id := srv.PublishBody(`{"events":[{"channelName":"news","type":"note","payload":{"text":"\u003cit's\u003e","list":[1,{"a":null}]}}]}`)[0]
	st.WantEvent("news", "note", `{"text":"\u003cit's\u003e","list":[1,{"a":null}]}`)
	path := "/admin/events?id=" + id
	alice := operator(t, srv)
	until(t, "ada has passed the event", func() bool { return strings.Contains(alice.get(path).says("event-fanout"), "1 of 1 open stream") })
	page := alice.get(path).wantText("event-panel", `"text": "<it's>" ,`).wantText("event-panel", "2 fields }").wantText("event-panel", "49 B").
		wantText("event-json", `{"id":"`+id+`","timestamp":"`).wantText("event-curl", `'{"events":[{"channelName":"news","type":"note","payload":{"text":"\u003cit'\''s\u003e"`).
		wantText("event-script", `await fetch("`+srv.URL+`/publish"`)
	again := attr(page.one("event-again"), "href")
	form := alice.get(strings.TrimSuffix(again, "#publish-form"))
	if attr(form.one("publish-type"), "value") != "note" || !strings.Contains(form.says("publish-payload"), `\u003cit's\u003e`) {
		t.Errorf("%s: the form has %q, %s", again, attr(form.one("publish-type"), "value"), form.says("publish-payload"))
	}
	if viewer(t, srv).get(path).one("event-again") != nil {
		t.Error("a viewer is offered to publish")
	}
	alice.get("/admin/channels/news?again=x-1").wantText("publish-payload", "")
}

// A client's connections of the last minutes are drawn, with what happened to them. Who has left is still found.
func TestAdminLanes(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	alice := operator(t, srv)
	first := subscribed(t, srv, "clientId=ada", "news")
	first.Close()
	until(t, "the stream has ended", func() bool { return strings.Contains(alice.get("/admin/clients/ada").says("timeline"), "gone") })
	srv.Publish("news", `1`)
	srv.Subscribe("channels=news&clientId=ada", "Last-Event-ID: "+first.LastID).WantRegistered()
	until(t, "the resume is drawn", func() bool {
		page := alice.get("/admin/clients/ada")
		labels := strings.Join(attrsOf(page.one("lanes"), "aria-label"), "\n")
		return strings.Contains(labels, "resumed after "+first.LastID+", got 1 event") && strings.Contains(labels, "ended: gone") &&
			strings.Contains(page.says("lanes"), "live")
	})
	srv.Delete("/presence/clients/ada")
	until(t, "who has left is found", func() bool {
		return strings.Contains(alice.get("/admin/clients?q=AD").says("past"), "ada went offline")
	})
	alice.get("/admin/clients?q=nobody").wantText("past", "No client that matches has left")
	alice.get("/admin/clients/ada").wantText("client-state", "offline").wantText("timeline", "went offline")
}
