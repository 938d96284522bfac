package web_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"rollcall/web"
	"rollcall/web/webtest"
)

// eventsOn returns the positions of the events that a page lists, in order.
func eventsOn(r *reply) []string {
	r.Helper()
	return attrsOf(r.one("tail-rows"), "data-event")
}

func TestAdminChannels(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	alice := operator(t, srv)
	alice.get("/admin/channels").wantText("channels-empty", "No channel has subscribers or events.")
	subscribed(t, srv, "clientId=ada", "Quiet", "news")
	subscribed(t, srv, "clientId=ada", "news")
	subscribed(t, srv, "clientId=bob", "news")
	srv.Publish("news", `1`)
	srv.Publish("unwatched", `"`+strings.Repeat("x", 2000)+`"`, `2`)
	for query, want := range map[string]string{
		"": "Quiet news unwatched", "sort=name": "Quiet news unwatched", "sort=-name": "unwatched news Quiet", "q=QUI": "Quiet", "q=none": "",
		"sort=-clients": "news Quiet unwatched", "sort=clients": "unwatched Quiet news", "sort=-connections": "news Quiet unwatched", "sort=connections": "unwatched Quiet news",
		"sort=-events": "unwatched news Quiet", "sort=events": "Quiet news unwatched", "sort=-bytes": "unwatched news Quiet", "sort=bytes": "Quiet news unwatched",
		"sort=-last": "unwatched news Quiet", "sort=last": "Quiet news unwatched", "sort=-rate": "unwatched news Quiet", "sort=rate": "Quiet news unwatched",
		"page=99": "Quiet news unwatched", "page=-9": "Quiet news unwatched",
	} {
		page := alice.get("/admin/channels?" + query)
		if got := strings.Join(attrsOf(page.one("channels-rows"), "data-channel"), " "); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	row := alice.get("/admin/channels?q=news").says("channels-rows")
	for i, cell := range []string{"news", "/s", "2", "3", "message", "1"} {
		if !strings.Contains(row, cell) {
			t.Errorf("cell %d of %q is not %q", i, row, cell)
		}
	}
	alice.get("/admin").wantText("busiest-rows", "unwatched")
}

// A pattern that a client follows leads to the events of its channels, from the client's page and the list of channels.
func TestAdminPatterns(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	alice := operator(t, srv)
	srv.Subscribe("channels=orders.>,news&clientId=ada").WantRegistered()
	for _, path := range []string{"/admin/clients/ada", "/admin/clients", "/admin/channels"} {
		page := alice.get(path)
		if !strings.Contains(page.text, `tail?channels=orders.%3E"`) {
			t.Errorf("%s does not lead to the events of the pattern", path)
		}
		if strings.Contains(page.text, "channels/orders") {
			t.Errorf("%s leads to a page of the pattern, which there is not", path)
		}
	}
	alice.get("/admin/channels").wantText("channels-rows", "pattern")
	alice.get("/admin/tail?channels=orders.%3E").want(200)
}

// An operator ends a channel; its page says so, and purging it opens it again.
func TestAdminEndsChannel(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	alice := operator(t, srv)
	isOpen := func() bool {
		badge := alice.get("/admin/channels/build").one("channel-ended")
		return slices.ContainsFunc(badge.Attr, func(a html.Attribute) bool { return a.Key == "hidden" })
	}
	if !isOpen() {
		t.Error("an unused channel has ended")
	}
	alice.act("ok", "Published 1 event.", "/admin/channels/build/publish", "type", "log", "payload", "1")
	if !isOpen() {
		t.Error("the channel has ended with an event that is not its end")
	}
	alice.act("ok", "Published 1 event.", "/admin/channels/build/publish", "type", "done", "payload", "2", "end", "true")
	if isOpen() {
		t.Error("the page of an ended channel does not say so")
	}
	srv.Post("/publish", `{"events":[{"channelName":"build","type":"log","payload":3}]}`).WantFault(409, "channel_ended", "events[0].channelName")
	alice.post("/admin/channels/build/publish", "type", "log", "payload", "3").want(409).wantText("publish-error", "has ended")
	alice.act("ok", "Purged 2 events. Streams that resume there get a gap.", "/admin/channels/build/purge")
	if !isOpen() {
		t.Error("a purged channel has ended")
	}
}

func TestAdminChannel(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	alice := operator(t, srv)
	// An unused channel has a page, an impossible one has not.
	alice.get("/admin/channels/none").wantText("members", "No client is on this channel").wantText("channel-curl", srv.URL+"/subscribe?channels=none")
	for _, name := range []string{"a%2Cb", "%24x", "a.*", "%20a", "%0A", strings.Repeat("x", 256)} {
		alice.do("GET", "/admin/channels/"+name, "").want(404).wantText("error", "This is not a valid channel")
	}
	payloads := make([]string, 120)
	for i := range payloads {
		payloads[i] = fmt.Sprintf(`{"n":%d}`, i)
	}
	ids := srv.Publish("news", payloads...)
	srv.Publish("other", `1`)
	slices.Reverse(ids)
	subscribed(t, srv, "clientId=ada&info=%7B%22team%22%3A%22blue%22%7D", "news2")
	srv.Subscribe("channels=news&clientId=bob&info=%7B%22team%22%3A%22blue%22%7D").WantRegistered()
	page := alice.get("/admin/channels/news").wantText("fig-kept", "120").wantText("fig-clients", "1").wantText("members", `bob team: blue`)
	page.wantText("tail-rows", `{ "n": 119 }`)
	var got []string
	for target := "/admin/channels/news"; target != ""; {
		page := alice.get(target)
		got = append(got, eventsOn(page)...)
		if live := page.one("tail-pause") != nil; live != (target == "/admin/channels/news") {
			t.Errorf("%s: new events are added: %t", target, live)
		}
		target = ""
		for n := range page.doc().Descendants() {
			if attr(n, "rel") == "next" && strings.Contains(attr(n, "href"), "before=") {
				target = attr(n, "href")
			}
		}
	}
	if !slices.Equal(got, ids) {
		t.Errorf("the pages list %q", got)
	}
}

func TestAdminPublish(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	alice := operator(t, srv)
	st := srv.Subscribe("channels=news,a%2Fb%20%2Bc&clientId=ada")
	st.WantRegistered()
	st.WantLast("news", `{}`)
	st.WantLast("a/b +c", `{}`)
	alice.act("ok", "Published 1 event.", "/admin/channels/news/publish", "mode", "one", "type", "note", "payload", ` {"a": [1, 2]} `)
	st.WantEvent("news", "note", `{"a":[1,2]}`)
	alice.act("ok", "Published 1 event.", "/admin/channels/news/publish", "mode", "one", "type", "note", "payload", `no JSON <b>`, "text", "1")
	st.WantEvent("news", "note", `"no JSON <b>"`)
	alice.act("ok", "Published 1 event.", "/admin/channels/a%2Fb%20+c/publish", "mode", "one", "type", "note", "payload", `1`)
	st.WantEvent("a/b +c", "note", `1`)
	const batch = `{"events":[{"channelName":"news","type":"x","payload":1},{"channelName":"a/b +c","type":"y","payload":null}]}`
	alice.act("ok", "Published 2 events.", "/admin/channels/news/publish", "mode", "batch", "batch", batch)
	st.WantEvent("news", "x", `1`)
	st.WantEvent("a/b +c", "y", `null`)

	head := srv.Head()
	for _, c := range []struct{ typ, payload, field, says string }{
		{"", "1", "type", "type is empty; a type has 1 to 64 bytes"}, {"gap", "1", "type", `type "gap" is reserved for the server`},
		{"note", `"` + strings.Repeat("x", 60<<10) + `"`, "payload", "payload has"},
		{"note", "{\n bad", "payload", "payload is not JSON: line 2, column 2: invalid character 'b'"}, {"note", "", "payload", "payload is empty"},
	} {
		page := alice.post("/admin/channels/news/publish", "mode", "one", "type", c.typ, "payload", c.payload)
		if page.status != 400 && page.status != 413 {
			t.Errorf("%q: status %d", c.says, page.status)
		}
		page.wantText("publish-error", c.says)
		if attr(page.one("publish-type"), "value") != c.typ || contentOf(page.one("publish-payload")) != c.payload || attr(page.one("publish-"+c.field), "aria-invalid") != "true" {
			t.Errorf("%q: the form is not kept, or no field is marked", c.says)
		}
	}
	for text, says := range map[string]string{
		"":                "JSON",
		"{":               "JSON",
		`{"events":[]}`:   "events is empty",
		`{"events":[{}]}`: "events[0].",
		`{"events":[{"channelName":"news","type":"x","payload":1},{"channelName":"a,b","type":"x","payload":1}]}`:   "events[1].channelName",
		`{"events":[{"channelName":"news","type":"x","payload":1},{"channelName":"a","type":"gap","payload":1}]}`:   `events[1].type "gap" is reserved`,
		`{"events":[{"channelName":"news","type":"x","payload":"` + strings.Repeat("</textarea><b>", 10) + `"}],,}`: "JSON",
		`{"events":"` + strings.Repeat("x", 1<<20) + `"}`:                                                           "The batch is too large.",
	} {
		page := alice.post("/admin/channels/news/publish", "mode", "batch", "batch", text)
		if page.status != 400 && page.status != 413 {
			t.Errorf("%.100q: status %d", text, page.status)
		}
		page.wantText("publish-error", says)
		if contentOf(page.one("publish-batch")) != text || attr(page.one("publish-batch"), "aria-invalid") != "true" || len(attrsOf(page.one("mode-batch"), "x")) != 0 {
			t.Errorf("%.100q: the form is not kept", text)
		}
	}
	if srv.Head() != head {
		t.Error("something was published all the same")
	}
	alice.post("/admin/channels/a%2Cb/publish", "mode", "one", "type", "x", "payload", "1").want(404)
}

// contentOf returns the text of a textarea as it is.
func contentOf(n *html.Node) string {
	if n == nil || n.FirstChild == nil {
		return ""
	}
	return n.FirstChild.Data
}

func TestAdminPurge(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	alice := operator(t, srv)
	st := srv.Subscribe("channels=news,other&clientId=ada")
	st.WantRegistered()
	before := st.LastID
	srv.Publish("news", `1`, `2`)
	srv.Publish("other", `3`)
	alice.act("ok", "Purged 2 events. Streams that resume there get a gap.", "/admin/channels/news/purge").wantText("fig-kept", "0")
	if kept := history(t, srv, "channel=news").Events; len(kept) != 0 {
		t.Errorf("%d events are kept", len(kept))
	}
	srv.Get("/lastEvent?channel=news").WantJSON(`{"response":"{}"}`)
	st.Close()
	again := srv.Subscribe("channels=news,other&clientId=bob", "Last-Event-ID: "+before)
	again.WantRegistered()
	again.WantGap("news", before, "evicted")
	again.WantLast("news", `{}`)
	again.WantEvent("other", "message", `3`)
	srv.Publish("news", `4`)
	again.WantEvent("news", "message", `4`)
	alice.act("ok", "Purged 0 events. Streams that resume there get a gap.", "/admin/channels/none/purge")
}

func TestAdminTail(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	vera := viewer(t, srv)
	srv.PublishBody(`{"events":[{"channelName":"a.b","type":"t1","payload":"first"},{"channelName":"a.c","type":"t2","payload":{"Deep":"value"}},{"channelName":"z","type":"t3","payload":3}]}`)
	for query, want := range map[string]int{
		"": 3, "channels=z": 1, "channels=a.*": 2, "channels=a.b,z": 2, "channels=%20a.b%20,,": 1, "channels=a.%3E": 2, "channels=none": 0, "filter=T2": 1, "filter=deep": 1, "filter=A.": 2,
		"filter=z&channels=a.*": 0, "channels=*": 1,
	} {
		if got := eventsOn(vera.get("/admin/tail?" + query)); len(got) != want || !slices.IsSortedFunc(got, func(x, y string) int { return strings.Compare(y, x) }) {
			t.Errorf("%s: %q, want %d", query, got, want)
		}
	}
	for _, wrong := range []string{"channels=a.%3E.b", "channels=%00", "channels=" + strings.Repeat("x", 300)} {
		page := vera.get("/admin/tail?" + wrong)
		if attr(page.one("flash"), "data-tone") != "bad" || len(eventsOn(page)) != 0 {
			t.Errorf("%s: %q, %d events", wrong, page.says("flash"), len(eventsOn(page)))
		}
		_ = attr(page.one("tail-channels"), "value")
	}
	if line := vera.get("/admin/tail?channels=a.b,it's%20%22").says("tail-curl"); line != "curl -N '"+srv.URL+"/subscribe?channels=a.b,it%27s%20%22'" {
		t.Errorf("curl line %s", line)
	}
	// The command shows the same as the page: all channels, patterns, and what passes the filter.
	for query, want := range map[string]string{
		"":                             "%3E'",
		"channels=a.*":                 "a.%2A'",
		"channels=a.%3E&filter=it%27s": `a.%3E' | grep --line-buffered -iF -B 2 -A 1 -e 'it'\''s'`,
	} {
		if line := vera.get("/admin/tail?" + query).says("tail-curl"); line != "curl -N '"+srv.URL+"/subscribe?channels="+want {
			t.Errorf("%s: curl line %s", query, line)
		}
	}
}

// The page's own rows and what follows them add up.
func TestAdminTailLive(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, withAdmins(web.Options{}))
	vera := viewer(t, srv)
	srv.Publish("a.b", `"old"`)
	srv.Publish("z", `"old"`)
	page, tail := vera.open("/admin/tail?channels=a.*&filter=WANTED")
	if rows := eventsOn(page); len(rows) != 0 {
		t.Errorf("rows %q", rows)
	}
	all, everything := vera.open("/admin/tail")
	_, channel := vera.open("/admin/channels/a.b")
	srv.Publish("z", `"wanted, but elsewhere"`)
	srv.Publish("a.b", `"not"`)
	srv.Publish("a.b", `"wanted"`)
	if first := tail.wantFeed("wanted"); strings.Contains(first, "elsewhere") || strings.Contains(first, "not") {
		t.Errorf("the tail shows %s", first)
	}
	var got []string
	for len(got) < 3 {
		more := attrsOf(parsed(t, everything.until("tail-rows", "events", func(o op) bool { return o.First != "" && o.Keep == 200 }).First), "data-event")
		slices.Reverse(more)
		got = append(got, more...)
	}
	if want := idsAfter(t, srv, all); !slices.Equal(got, want) {
		t.Errorf("the tail shows %q, want %q", got, want)
	}
	if first := channel.wantFeed("not"); strings.Contains(first, "elsewhere") || strings.Contains(first, "old") {
		t.Errorf("the channel's page shows %s", first)
	}
	// A page that comes back is given what it has missed, and no more.
	srv.Publish("a.b", `"missed"`)
	everything.wantFeed("missed")
	_ = everything.body.Close()
	srv.Publish("a.b", `"missed meanwhile"`)
	back := vera.watch(everything.page, "Last-Event-ID: "+everything.LastID)
	if first := back.wantFeed("missed meanwhile"); len(attrsOf(parsed(t, first), "data-event")) != 1 {
		t.Errorf("given again: %s", first)
	}
	// The log of a server that was started anew begins at 0.
	other := vera.watch("/admin/tail?since=1000", "Last-Event-ID: 2000")
	other.wantFeed("missed meanwhile")
	srv.Publish("a.b", `"anew"`)
	other.wantFeed("anew")
	// An older page of a channel is given none.
	older := vera.watch("/admin/channels/a.b?before=2")
	for _, o := range older.patch() {
		if o.First != "" {
			t.Errorf("an older page is given %+v", o)
		}
	}
}

// idsAfter returns the positions of all events that a page does not list yet.
func idsAfter(t *testing.T, srv *webtest.Server, page *reply) (ids []string) {
	t.Helper()
	rows := eventsOn(page)
	for _, channel := range []string{"a.b", "z"} {
		for _, ev := range history(t, srv, "channel="+channel).Events {
			if !slices.Contains(rows, ev.ID) {
				ids = append(ids, ev.ID)
			}
		}
	}
	slices.Sort(ids)
	return ids
}
