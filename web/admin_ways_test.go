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

// An unknown address of the admin UI keeps the navigation for those who are logged in.
func TestAdminUnknownPage(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	page := viewer(t, srv).do("GET", "/admin/no-such-page", "").want(404).wantText("error", "no page at this address")
	if page.one("user-menu") == nil {
		t.Error("the page has lost the navigation")
	}
	if plain := stranger(t, srv).do("GET", "/admin/no-such-page", "").want(404); plain.one("user-menu") != nil || plain.one("error") == nil {
		t.Errorf("a stranger gets %s", plain.text)
	}
}

// The start page and the demos lead to the admin UI where there is one.
func TestPagesLeadToAdmin(t *testing.T) {
	t.Parallel()
	for has, srv := range map[bool]*webtest.Server{true: startAdmin(t), false: webtest.Start(t, web.Options{})} {
		for _, path := range []string{"/", "/demo/", "/demo/chat"} {
			if link := stranger(t, srv).get(path).one("admin-link"); (link != nil) != has || has && attr(link, "href") != "/admin" {
				t.Errorf("%s of a server with an admin UI (%t) leads to %q", path, has, attr(link, "href"))
			}
		}
	}
}

// The address of an action leads to its page, as after a reload; so does a login in between.
func TestAdminActionsLeadBack(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	alice, nobody := operator(t, srv), stranger(t, srv)
	for path, want := range map[string]string{
		"/admin/channels/a%2Fb/publish": "/admin/channels/a%2Fb", "/admin/channels/_/purge?name=..": "/admin/channels/_?name=..",
		"/admin/clients/ada/send": "/admin/clients/ada", "/admin/connections/X/disconnect": "/admin/clients",
		"/admin/blocks/remove": "/admin/blocks", "/admin/nodes/drain/stop": "/admin/nodes", "/admin/server/drain": "/admin/server",
	} {
		alice.do("GET", path, "").wantLocation(want)
		login := nobody.post(path).want(401)
		next := ""
		for n := range login.doc().Descendants() {
			if attr(n, "name") == "next" {
				next = attr(n, "value")
			}
		}
		if next != want {
			t.Errorf("%s: the login leads to %q, want %q", path, next, want)
		}
	}
}

// Any page of a long list is a few links away, and its pages can be longer.
func TestAdminPager(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	var events []string
	for i := range 620 {
		events = append(events, fmt.Sprintf(`{"channelName":"c-%d","type":"t","payload":1}`, i))
	}
	srv.PublishBody(`{"events":[` + strings.Join(events, ",") + `]}`)
	alice := operator(t, srv)
	labels := func(r *reply) (list []string) {
		for n := range r.one("channels-pager").Descendants() {
			if n.Type == html.ElementNode && attr(n, "class") == "page-link" {
				list = append(list, textOf(n))
			}
		}
		return list
	}
	page := alice.get("/admin/channels?page=9&sort=name").wantText("channels-pager", "401–450 of 620")
	if got, want := labels(page), strings.Fields("50 100 200 1 5 8 9 10 11 13"); !slices.Equal(got, want) {
		t.Errorf("the pages are %q, want %q", got, want)
	}
	page = alice.get("/admin/channels?rows=200&page=4&sort=name").wantText("channels-pager", "601–620 of 620").wantText("channels-rows", "c-619")
	if got, want := labels(page), strings.Fields("50 100 200 1 2 3 4"); !slices.Equal(got, want) {
		t.Errorf("the long pages are %q, want %q", got, want)
	}
	alice.get("/admin/channels?rows=100000").wantText("channels-pager", "1–50 of 620")
	if text := alice.get("/admin/channels?rows=200").says("channels-rows"); strings.Index(text, "c-9 ") > strings.Index(text, "c-10 ") {
		t.Error("c-10 comes before c-9")
	}
}
