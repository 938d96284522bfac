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

// groupsOn returns the groups of a page as "name clients connections behind", in order, and their links.
func groupsOn(r *reply) (rows, hrefs []string) {
	r.Helper()
	for n := range r.one("groups-rows").Descendants() {
		if n.Type == html.ElementNode && n.Data == "tr" && attr(n, "data-group") != "" {
			cells := strings.TrimSuffix(textOf(n), " Block…")
			rows = append(rows, cells)
			hrefs = append(hrefs, strings.Join(attrsOf(n, "href"), " "))
		}
	}
	return rows, hrefs
}

// differing opens streams from several addresses, with several programs, on several channels.
func differing(t *testing.T) *webtest.Server {
	t.Helper()
	opts := web.Options{Node: "node-7"}
	behindProxies(t)(&opts)
	srv := webtest.Start(t, opts)
	for _, one := range [][]string{
		{"ann", "room.a,room.b,news", `{"plan":"pro","name":"Ann","seats":3}`, "10.1.2.3", "curl/8.5.0"},
		{"ann", "room.a", "", "10.1.2.3", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"},
		{"bob", "room.c", `{"plan":"pro","tags":["x"]}`, "10.1.2.9", "curl/8.5.0"},
		{"eve", "news", `{"plan":"free"}`, "2001:db8:0:1::5", "curl/8.5.0"},
		{"zoe", "old.x.y", "", "2001:db8:0:1::6", "curl/8.5.0"},
	} {
		query := "channels=" + one[1] + "&clientId=" + one[0]
		if one[2] != "" {
			query += "&info=" + url.QueryEscape(one[2])
		}
		srv.Subscribe(query, from(one[3]), "User-Agent: "+one[4]).WantRegistered()
	}
	return srv
}

// Groups count the clients and connections that match the filter, the largest first. Each leads to the list of the same
// clients.
func TestAdminGroups(t *testing.T) {
	t.Parallel()
	alice := operator(t, differing(t))
	for query, want := range map[string][]string{
		"group=address":           {"10.1.2.3 1 2 0 0", "10.1.2.9 1 1 0 0", "2001:db8:0:1::5 1 1 0 0", "2001:db8:0:1::6 1 1 0 0"},
		"group=network":           {"10.1.2.0/24 2 3 0 0", "2001:db8:0:1::/64 2 2 0 0"},
		"group=agent":             {"curl 8.5.0 4 4 0 0", "Firefox 140 on Linux 1 1 0 0"},
		"group=protocol":          {"HTTP/1.1 4 5 0 0"},
		"group=server":            {"node-7 4 5 0 0"},
		"group=channel":           {"room.> 2 3 0 0", "news 2 2 0 0", "old.> 1 1 0 0"},
		"group=info.plan":         {"pro 2 3 0 0", "without plan 1 1 0 0", "free 1 1 0 0"},
		"group=info.seats":        {"without seats 3 3 0 0", "3 1 2 0 0"},
		"group=network&q=news":    {"2001:db8:0:1::/64 1 1 0 0", "10.1.2.0/24 1 2 0 0"},
		"group=agent&q=addr:10.1": {"curl 8.5.0 2 2 0 0", "Firefox 140 on Linux 1 1 0 0"},
	} {
		page := alice.get("/admin/clients?" + query)
		rows, hrefs := groupsOn(page)
		if !slices.Equal(slices.Sorted(slices.Values(rows)), slices.Sorted(slices.Values(want))) || query != "group=network&q=news" && !slices.Equal(rows, want) {
			t.Errorf("%s: %q, want %q", query, rows, want)
			continue
		}
		page.wantText("groups-size", fmt.Sprint(len(want))+" group").wantText("clients-total", "4 online")
		for i, row := range rows {
			link, _, _ := strings.Cut(hrefs[i], " ")
			fields := strings.Fields(row)
			if got := len(clientsOn(alice.get(link))); fmt.Sprint(got) != fields[len(fields)-4] {
				t.Errorf("%s: %s leads to %s with %d clients", query, row, link, got)
			}
		}
	}
	menu := alice.get("/admin/clients?q=ann&sort=-id").one("group-menu")
	if links := attrsOf(menu, "href"); len(links) != 9 || links[2] != "/admin/clients?group=network&q=ann&sort=-id" || links[8] != "/admin/clients?group=info.seats&q=ann&sort=-id" {
		t.Errorf("the groupings lead to %q", links)
	}
	alice.get("/admin/clients?group=network&q=nobody").wantText("groups-empty", "No client online matches “ nobody ”. Show all groups")
	if alice.get("/admin/clients?group=colour").one("clients-rows") == nil {
		t.Error("an unknown grouping does not show the list")
	}
}

// Groups of addresses and networks lead to a block of them, for operators.
func TestAdminGroupsBlock(t *testing.T) {
	t.Parallel()
	srv := differing(t)
	alice, vera := operator(t, srv), viewer(t, srv)
	_, hrefs := groupsOn(alice.get("/admin/clients?group=network"))
	_, block, _ := strings.Cut(hrefs[0], " ")
	alice.get(block).wantText("block", "Block 10.1.2.0/24").wantText("network-size", "3 connections of 2 clients")
	for query, who := range map[string]*visitor{"group=network": vera, "group=agent": alice} {
		if who.get("/admin/clients?"+query).one("group-block") != nil {
			t.Errorf("%s offers a block", query)
		}
	}
	vera.get(block).wantText("network-size", "3 connections of 2 clients")
}

// A page lists the 100 largest groups, and counts the rest.
func TestAdminGroupsAreBounded(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	srv.Crowd(1000)
	alice := operator(t, srv)
	page := alice.get("/admin/clients?group=address")
	rows, _ := groupsOn(page)
	if others := page.says("groups-others"); len(rows) != 100 || !strings.Contains(others, "others with ") {
		t.Errorf("%d groups, %s", len(rows), others)
	}
}

// The columns of the list can be chosen, and stay chosen while it is sorted, searched and paged through.
func TestAdminColumnsChosen(t *testing.T) {
	t.Parallel()
	alice := operator(t, differing(t))
	page := alice.get("/admin/clients?cols=since&cols=agent&cols=server&cols=none&sort=-agent&q=a")
	if hidden := attr(page.one("clients"), "data-hide"); hidden != "connections channels address events bytes behind" {
		t.Errorf("hidden: %s", hidden)
	}
	page.wantText("clients", "Program").wantText("clients", "Server").wantText("clients-rows", "curl 8.5.0, Firefox 140 on Linux node-7")
	var heads []string
	for n := range page.one("clients").Descendants() {
		if n.Type == html.ElementNode && n.Data == "th" {
			heads = append(heads, strings.Join(attrsOf(n, "href"), ""))
		}
	}
	if len(heads) != 10 || !strings.Contains(heads[9], "cols=since&cols=agent&cols=server") || !strings.Contains(heads[9], "sort=server") {
		t.Errorf("the heads lead to %q", heads)
	}
	kept := map[string]string{}
	for n := range page.doc().Descendants() {
		if n.Type == html.ElementNode && attr(n, "role") == "search" {
			for f := range n.Descendants() {
				if attr(f, "type") == "hidden" {
					kept[attr(f, "name")] = attr(f, "value")
				}
			}
		}
	}
	if kept["cols"] != "since,agent,server,none" || kept["sort"] != "-agent" {
		t.Errorf("a search keeps %q", kept)
	}
	if page := alice.get("/admin/clients?cols=since,server&sort=server"); strings.Contains(page.says("clients"), "Program") || !strings.Contains(page.says("clients"), "Server") {
		t.Errorf("the columns are %s", page.says("clients"))
	}
	if page := alice.get("/admin/clients?cols=none"); attr(page.one("clients"), "data-hide") != "" {
		t.Error("no known column hides the usual ones")
	}
	boxes := 0
	for n := range alice.get("/admin/clients").one("column-menu").Descendants() {
		if attr(n, "name") == "cols" {
			boxes++
		}
	}
	if boxes != 9 {
		t.Errorf("%d columns can be chosen", boxes)
	}
}
