package web_test

import (
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"rollcall/hub/eventlog"
	"rollcall/web"
	"rollcall/web/webtest"
)

// nextMilli returns a time between the events published before and those published after the call.
func nextMilli() string {
	at := time.Now().Truncate(time.Millisecond).Add(time.Millisecond)
	for time.Now().Before(at) {
		runtime.Gosched()
	}
	return queryEscape(at.Format(time.RFC3339Nano))
}

// What was there for a client between two times: the events of its channels, by name or pattern, and to it alone, with the
// connection that an event was not for, and what history does not have.
func TestAdminBetween(t *testing.T) {
	t.Parallel()
	rules := []eventlog.Rule{rule(t, "typing.>", eventlog.Rule{Keep: eventlog.KeepNone}), rule(t, "short", eventlog.Rule{Events: 2})}
	srv := webtest.Start(t, withAdmins(web.Options{ChannelRules: rules}))
	alice := operator(t, srv)
	srv.Publish("room.a", `"before"`)
	st := srv.Subscribe("channels=news,room.*,typing.x,short&clientId=ann&info=%7B%22name%22%3A%22Ann%20Lee%22%7D")
	st.WantRegistered()
	from := nextMilli()
	srv.Publish("room.a", `"by a pattern"`)
	srv.Publish("other", `"of another channel"`)
	srv.PublishBody(`{"events":[{"channelName":"news","type":"t","payload":"to others","except":"` + st.Hello.ConnectionID + `"}]}`)
	srv.PublishBody(`{"events":[{"clientId":"ann","type":"t","payload":"to her"},{"clientId":"bob","type":"t","payload":"to him"}]}`)
	srv.Publish("typing.x", `"not kept"`)
	srv.Publish("short", `1`, `2`, `3`)
	alice.post("/admin/clients/ann/send", "type", "t", "payload", `"direct"`)
	to := nextMilli()
	srv.Publish("news", `"after"`)

	page := alice.get("/admin/clients/ann/between?from=" + from + "&to=" + to)
	rows := page.says("between-rows")
	for _, part := range []string{`"by a pattern"`, `not for the connection ` + st.Hello.ConnectionID[:8], `"to others"`, "to this client", `"to her"`} {
		if !strings.Contains(rows, part) {
			t.Errorf("%q lacks %q", rows, part)
		}
	}
	for _, part := range []string{"before", "another", "him", "not kept", "after", "direct"} {
		if strings.Contains(rows, `"`+part) {
			t.Errorf("%q has %q", rows, part)
		}
	}
	if n := len(attrsOf(page.one("between-rows"), "data-event")); n != 5 {
		t.Errorf("%d events: %s", n, rows)
	}
	page.wantText("between-notes", "typing.x: nothing is kept, by the rule typing.>").wantText("between-notes", "short: events that are older than").
		wantText("between-notes", "1 event sent by operators").wantText("between-moments", "was sent an event by alice").wantText("main", "Ann Lee")

	// Of a client that is away, the channels are asked for.
	away := alice.get("/admin/clients/eve/between?from="+from+"&to="+to).wantText("between-notes", "does not remember on which channels")
	if n := len(attrsOf(away.one("between-rows"), "data-event")); n != 0 {
		t.Errorf("%d events of nothing", n)
	}
	if got := alice.get("/admin/clients/eve/between?channels=room.*,+other&from=" + from + "&to=" + to); len(attrsOf(got.one("between-rows"), "data-event")) != 2 {
		t.Errorf("the channels have %s", got.says("between-rows"))
	}
	for query, says := range map[string]string{
		"from=noon": "A time is such as 10:02", "from=" + to + "&to=" + from: "must be before", "channels=a%00b": "not the name of a channel",
		"from=2020-01-01&to=2020-02-01": "24 hours",
	} {
		alice.get("/admin/clients/ann/between?"+query).wantText("between-error", says)
	}
	// A name that cannot be in a path is kept by the form.
	if form := alice.get("/admin/clients/_/between?name=..").one("between-form"); !slices.Contains(attrsOf(form, "value"), "..") {
		t.Error("the form forgets its client")
	}
}

// A channel's history is filtered on its page, goes both ways, and is entered at an id or a time.
func TestAdminChannelHistory(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	alice := operator(t, srv)
	var payloads []string
	for i := range 150 {
		payloads = append(payloads, []string{`"even"`, `"odd"`}[i%2])
	}
	ids := srv.Publish("news", payloads[:100]...)
	at := nextMilli()
	ids = append(ids, srv.Publish("news", payloads[100:]...)...)
	newestFirst := func(from, to int) []string {
		list := slices.Clone(ids[from:to])
		slices.Reverse(list)
		return list
	}
	link := func(r *reply, rel string) string {
		for n := range r.doc().Descendants() {
			if n.Type == html.ElementNode && attr(n, "rel") == rel {
				return attr(n, "href")
			}
		}
		return ""
	}
	want := func(path string, from, to int) *reply {
		t.Helper()
		page := alice.get(path)
		if got := eventsOn(page); !slices.Equal(got, newestFirst(from, to)) {
			t.Fatalf("%s shows %d events: %q", path, len(got), got)
		}
		return page
	}
	newest := want("/admin/channels/news", 100, 150)
	older := want(link(newest, "next"), 50, 100)
	oldest := want(link(older, "next"), 0, 50)
	if to := link(oldest, "next"); to != "" {
		t.Errorf("there is something older: %s", to)
	}
	newer := want(link(oldest, "prev"), 50, 100)
	if again := want(link(newer, "prev"), 100, 150); again.one("tail-pause") == nil || link(again, "prev") != "" {
		t.Error("the newest page is not live")
	}
	want("/admin/channels/news?at="+at, 50, 100)
	want("/admin/channels/news?at="+ids[70], 21, 71)
	alice.get("/admin/channels/news?at=nonsense").wantText("history-error", "neither the id")

	even := alice.get("/admin/channels/news?filter=EVEN")
	got := append(eventsOn(even), eventsOn(alice.get(link(even, "next")))...)
	for i, id := range got {
		if id != ids[148-2*i] {
			t.Fatalf("no. %d of those that match is %s, want %s", i, id, ids[148-2*i])
		}
	}
	if len(got) != 75 || even.one("channel-name") == nil {
		t.Errorf("%d match on the channel's page", len(got))
	}
}
