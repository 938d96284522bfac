package web_test

import (
	"strings"
	"testing"
)

// found returns what a search finds: titles by their group, and where they lead.
func found(r *reply) (groups map[string][]string, hrefs map[string]string) {
	r.Helper()
	groups, hrefs = map[string][]string{}, map[string]string{}
	for section := range r.one("find-results").Descendants() {
		if section.Data != "section" {
			continue
		}
		label := ""
		for n := range section.Descendants() {
			switch {
			case n.Data == "h2":
				label = textOf(n)
			case attr(n, "class") == "found-item":
				for title := range n.Descendants() {
					if attr(title, "class") == "found-title" {
						groups[label] = append(groups[label], textOf(title))
						hrefs[textOf(title)] = attr(n, "href")
					}
				}
			}
		}
	}
	return groups, hrefs
}

// One search finds clients, those that have left, channels, events, connections, addresses, pages, settings and actions.
func TestAdminFind(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	many(t, srv)
	gone := subscribed(t, srv, "clientId=gone-annika", "news")
	gone.Close()
	until(t, "annika has left", func() bool { return srv.Get("/presence/clients/gone-annika").Status == 404 })
	ann := subscribed(t, srv, "clientId=anna", "room.a")
	event := srv.Publish("news", `1`)[0]
	alice, vera := operator(t, srv), viewer(t, srv)
	until(t, "the journal has that annika has left", func() bool {
		groups, _ := found(alice.get("/admin/find?q=gone"))
		return len(groups["Left within the hour"]) == 1
	})

	for q, want := range map[string]map[string]string{
		"ann":                            {"Clients": "Ann anna", "Actions": "Block ann… Disconnect ann… Send an event to ann… Tap ann"},
		"night shift":                    {"Clients": "Ann"},
		"gone":                           {"Left within the hour": "gone-annika"},
		"room":                           {"Channels": "room.* room.a room.b", "Pages": "Channels", "Actions": ""},
		event:                            {"Events": event},
		ann.Hello.ConnectionID[:6]:       {"Connections": ann.Hello.ConnectionID},
		"127.0.":                         {"Addresses": "127.0.0.1"},
		"audit":                          {"Pages": "Audit"},
		"trace":                          {"Pages": "Who got it?"},
		"block ann":                      {"Actions": "Block ann…", "Pages": ""},
		"publish room.a":                 {"Actions": "Publish to room.a…"},
		"block nobody":                   {"Actions": "Block nobody…"},
		"drain":                          {"Actions": "Drain node-7…"},
		"":                               {"Pages": "Overview Clients Slow clients Channels Tail Who got it?", "Actions": "Drain node-7…"},
		"no such thing <b>at all</b> \"": {},
	} {
		page := alice.get("/admin/find?q=" + queryEscape(q))
		groups, _ := found(page)
		for label, titles := range want {
			if got := strings.Join(groups[label], " "); got != titles && !(titles == "" && label == "Actions") {
				t.Errorf("%q: %s are %q, want %q", q, label, got, titles)
			}
		}
		if len(want) == 0 && len(groups) > 0 {
			t.Errorf("%q finds %q", q, groups)
		}
		theirs, _ := found(vera.get("/admin/find?q=" + queryEscape(q)))
		if len(theirs["Actions"]) > 0 {
			t.Errorf("%q offers a viewer %q", q, theirs["Actions"])
		}
	}
	for q, want := range map[string]string{"ann": "/admin/clients/ann", "127.0.": "/admin/clients?q=addr%3A127.0.0.1", "block ann": "/admin/blocks?clientId=ann"} {
		_, hrefs := found(alice.get("/admin/find?q=" + queryEscape(q)))
		ok := false
		for _, href := range hrefs {
			ok = ok || href == want
			if strings.HasPrefix(href, "/admin") {
				alice.get(href)
			}
		}
		if !ok {
			t.Errorf("%q leads to %q, want %s", q, hrefs, want)
		}
	}
	alice.get("/admin/find?q="+strings.Repeat("x", 256)).wantText("find-error", "A search may have 255 bytes.")
	stranger(t, srv).do("GET", "/admin/find?q=ann", "").wantLogin()
}

// A role that is limited to channels finds these, and what it may do with them.
func TestAdminFindLimited(t *testing.T) {
	t.Parallel()
	srv, lena, lou := startLimited(t)
	subscribed(t, srv, "clientId=room.secretary", "room.a", "room", "secret.room")
	for _, v := range []*visitor{lena, lou} {
		groups, hrefs := found(v.get("/admin/find?q=room"))
		if got := strings.Join(groups["Channels"], " "); got != "room.a" || len(groups["Clients"]) > 0 || len(groups["Left within the hour"]) > 0 {
			t.Errorf("room finds %q", groups)
		}
		for _, href := range hrefs {
			v.get(href)
		}
		groups, _ = found(v.get("/admin/find?q="))
		if got := strings.Join(groups["Pages"], " "); got != "Channels Tail Who got it?" || len(groups["Actions"]) > 0 {
			t.Errorf("nothing finds %q", groups)
		}
		if groups, _ = found(v.get("/admin/find?q=127.0.")); len(groups) > 0 {
			t.Errorf("an address finds %q", groups)
		}
	}
	groups, _ := found(lena.get("/admin/find?q=publish+room"))
	if got := strings.Join(groups["Actions"], " "); got != "Publish to room.a…" {
		t.Errorf("publish finds %q", groups)
	}
}
