package web_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"rollcall/web"
	"rollcall/web/webtest"
)

// clientsOn returns the clients listed on a page, in order.
func clientsOn(r *reply) []string {
	r.Helper()
	return attrsOf(r.one("clients-rows"), "data-client")
}

func TestAdminClientsEmpty(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	alice := operator(t, srv)
	page := alice.get("/admin/clients")
	if line := page.says("clients-curl"); !strings.HasPrefix(line, "curl -N '"+srv.URL+"/subscribe?channels=") {
		t.Errorf("the empty list advises %s", line)
	}
	if attr(page.one("clients-pager"), "hidden") != "" || strings.Contains(page.says("clients-pager"), "of") {
		t.Errorf("the empty list has pages: %s", page.says("clients-pager"))
	}
	alice.get("/admin/clients?q=%3Cb%3E").wantText("clients-empty", "No client online matches “ <b> ”")
}

// company opens streams that differ in all that clients are sorted by.
func company(t *testing.T, srv *webtest.Server) {
	t.Helper()
	open := func(id, channels, info string) *webtest.Stream {
		st := srv.Subscribe("channels=" + channels + "&clientId=" + id + "&info=" + url.QueryEscape(info))
		st.WantRegistered()
		return st
	}
	open("anna", "a,b,c", `{"name":"Zoë <3"}`)
	first := open("Bert", "news", "")
	open("Bert", "news", "")
	open("carl", "news,sport", `{"team":"Blue"}`)
	srv.Publish("sport", `1`)
	srv.Publish("b", `"`+strings.Repeat("x", 5000)+`"`)
	srv.Publish("a", `"x"`)
	srv.Publish("news", `2`)
	for ev, m := first.Next(); ev.Type != "message"; ev, m = first.Next() {
		_ = m
	}
	w := srv.Dial() // over HTTP/1.0
	w.Send("GET /subscribe?channels=old&clientId=dora HTTP/1.0\n\n")
	w.WantLine("event: registered")
}

func TestAdminClients(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	company(t, srv)
	alice := operator(t, srv)
	until(t, "what was sent is counted", func() bool {
		page := alice.get("/admin/clients?q=anna")
		return strings.Contains(textOf(page.one("clients-rows")), "KiB")
	})
	if page := alice.get("/admin/clients"); page.says("clients-total") != "4 online" || !slices.Equal(clientsOn(page), []string{"Bert", "anna", "carl", "dora"}) {
		t.Errorf("%s: %q", page.says("clients-total"), clientsOn(page))
	}
	for query, want := range map[string]string{
		"q=ANNA": "anna", "q=zo%C3%AB": "anna", "q=%3C3": "anna", "q=blue": "carl", "q=NEWS": "Bert carl", "q=sport": "carl", "q=127.0.0.1": "Bert anna carl dora",
		"q=nobody": "", "q=%20bert%20": "Bert", "q=team": "carl", "q=r&sort=-id": "dora carl Bert",
		"sort=id": "Bert anna carl dora", "sort=-id": "dora carl anna Bert", "sort=none": "Bert anna carl dora",
		"sort=connections": "anna carl dora Bert", "sort=-connections": "Bert anna carl dora",
		"sort=channels": "Bert dora carl anna", "sort=-channels": "anna carl Bert dora",
		"sort=address": "Bert anna carl dora", "sort=-address": "Bert anna carl dora",
		"sort=protocol": "dora Bert anna carl", "sort=-protocol": "Bert anna carl dora",
		"sort=since": "anna Bert carl dora", "sort=-since": "dora carl Bert anna",
		"sort=-bytes": "anna Bert carl dora", "sort=behind": "Bert anna carl dora", "sort=-behind": "Bert anna carl dora",
		"page=0": "Bert anna carl dora", "page=-1": "Bert anna carl dora", "page=99": "Bert anna carl dora", "page=x": "Bert anna carl dora",
		"page=9223372036854775807": "Bert anna carl dora",
	} {
		if got := strings.Join(clientsOn(alice.get("/admin/clients?"+query)), " "); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	for sort, want := range map[string]string{"events": "dora", "-events": "anna"} { // without events, and with the most
		if got := clientsOn(alice.get("/admin/clients?sort=" + sort)); got[0] != want && !(sort == "-events" && got[0] != "dora") {
			t.Errorf("%s: %q, want %s first", sort, got, want)
		}
	}
}

// A column's head leads to the list sorted by it, and then the other way.
func TestAdminColumns(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	company(t, srv)
	alice := operator(t, srv)
	for path, want := range map[string][]string{
		"/admin/clients":  {"Client", "Connections", "Channels", "Address", "Online since", "Events", "Bytes", "Behind"},
		"/admin/channels": {"Channel", "Rate", "Clients", "Connections", "Last event", "Kept", "Bytes"},
	} {
		heads := func(r *reply) (labels, hrefs, sorted []string) {
			for n := range r.doc().Descendants() {
				if n.Type == html.ElementNode && n.Data == "th" {
					labels = append(labels, textOf(n))
					hrefs = append(hrefs, strings.Join(attrsOf(n, "href"), ""))
					if by := attr(n, "aria-sort"); by != "" {
						sorted = append(sorted, textOf(n)+" "+by)
					}
				}
			}
			return labels, hrefs, sorted
		}
		labels, hrefs, sorted := heads(alice.get(path + "?q=a"))
		if !slices.Equal(labels, want) || !slices.Equal(sorted, []string{want[0] + " ascending"}) {
			t.Errorf("%s has the columns %q, sorted by %q", path, labels, sorted)
		}
		for i, href := range hrefs {
			if !strings.HasPrefix(href, path+"?q=a&sort=") {
				t.Errorf("%s: %s leads to %q", path, labels[i], href)
				continue
			}
			page := alice.get(href)
			_, again, first := heads(page)
			_, _, second := heads(alice.get(again[i]))
			if len(first) != 1 || len(second) != 1 || first[0] == second[0] || !strings.HasPrefix(first[0], labels[i]+" ") || !strings.HasPrefix(second[0], labels[i]+" ") {
				t.Errorf("%s: %s sorts by %q, then %q", path, labels[i], first, second)
			}
		}
	}
}

func TestAdminClientsPageByPage(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	var want []string
	for i := range 120 {
		want = append(want, fmt.Sprintf("client %03d", i))
		srv.Subscribe("channels=a&clientId=" + url.QueryEscape(want[i])).WantRegistered()
	}
	srv.Subscribe("channels=a&clientId=other").WantRegistered()
	alice := operator(t, srv)
	var got []string
	for target := "/admin/clients?q=client&sort=id"; target != ""; {
		page := alice.get(target)
		rows := clientsOn(page)
		if text := page.says("clients-pager"); !strings.Contains(text, fmt.Sprintf("%d–%d of 120", len(got)+1, len(got)+len(rows))) {
			t.Errorf("%s: %s", target, text)
		}
		got = append(got, rows...)
		target = ""
		for n := range page.one("clients-pager").Descendants() {
			if attr(n, "rel") == "next" {
				target = attr(n, "href")
			}
		}
		if len(got) > 1000 {
			t.Fatal("the pages have no end")
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the pages list %q", got)
	}
	if page := alice.get("/admin/clients"); page.says("clients-total") != "121 online" || len(clientsOn(page)) != 50 {
		t.Errorf("%s, %d rows", page.says("clients-total"), len(clientsOn(page)))
	}
}

// Rows keep their order while no client joins or leaves.
func TestAdminClientRow(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, withAdmins(web.Options{PresenceGrace: patience}))
	alice := operator(t, srv)
	st := subscribed(t, srv, "clientId=ada&info="+url.QueryEscape(`{"name":"Ada","desk":7}`), "c1", "c2", "c3", "c4", "c5")
	page := alice.get("/admin/clients")
	row := textOf(page.one("clients-rows"))
	for _, part := range []string{"Ada ada · desk: 7", "c1", "c2", "c3", "+2", "127.0.0.1", "HTTP/1.1"} {
		if !strings.Contains(row, part) {
			t.Errorf("the row %q lacks %q", row, part)
		}
	}
	if strings.Contains(row, "leaving") || strings.Contains(row, "c4") {
		t.Errorf("the row says %q", row)
	}
	st.Cut()
	until(t, "ada is leaving", func() bool { return strings.Contains(alice.get("/admin/clients").says("clients-rows"), "leaving") })
	alice.get("/admin/clients/ada").wantText("client-state", "leaving")
	again := srv.Subscribe("channels=c1&clientId=ada", "Last-Event-ID: "+st.LastID)
	again.WantRegistered()
	page = alice.get("/admin/clients/ada").wantText("client-state", "online").wantText("timeline", "reconnected within its grace").wantText("fig-returns", "1")
	page.wantText("timeline", "gone").wantText("timeline", "opened a connection")
	until(t, "the join is on the timeline", func() bool { // the feed writes it, in its own time
		return strings.Contains(alice.get("/admin/clients/ada").says("timeline"), "came online")
	})
}
