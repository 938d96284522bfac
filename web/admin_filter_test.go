package web_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"rollcall/web/webtest"
)

// many opens streams that differ in all that clients are filtered by.
func many(t *testing.T, srv *webtest.Server) {
	t.Helper()
	open := func(query string, header ...string) {
		srv.Subscribe(query, header...).WantRegistered()
	}
	open("channels=room.a,news&clientId=ann&info="+url.QueryEscape(`{"name":"Ann","team":"night shift"}`), "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
	open("channels=room.b&clientId=ann", "User-Agent: curl/8.5.0")
	open("channels=room.b&clientId=bob&info="+url.QueryEscape(`{"team":"blue","desk":7}`), "User-Agent: curl/8.5.0")
	open("channels=room.*&clientId=eve")
	open("channels=news&clientId=user:42")
	w := srv.Dial()
	w.Send("GET /subscribe?channels=old&clientId=dora HTTP/1.0\n\n")
	w.WantLine("event: registered")
}

func TestAdminFilter(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	many(t, srv)
	alice := operator(t, srv)
	for q, want := range map[string]string{
		"proto:http/1.0": "dora", "proto:HTTP/1.1 ann": "ann", "agent:firefox": "ann", "agent:CURL": "ann bob", `agent:"firefox 140 on linux"`: "ann",
		"channel:room.a": "ann", "channel:room.*": "ann bob eve", "channel:>": "ann bob dora eve user:42", "channel:none": "", "channel:room.b agent:firefox": "", // not on the same connection
		"channel:room.b agent:curl": "ann bob", "connections:>1": "ann", "connections:1 channel:news": "user:42",
		"server:NODE-7": "ann bob dora eve user:42", "addr:127.0.0.0/8": "ann bob dora eve user:42", "addr:127.0.0.1 bob": "bob", "addr:10.0.0.0/8": "", "addr:127.": "ann bob dora eve user:42",
		"since:<5m": "ann bob dora eve user:42", "since:>1h": "", "is:anonymous": "", "is:slow": "", "is:behind": "", "behind:0 eve": "eve", "behind:>0": "", "events:0 bob": "bob",
		"bytes:<1GiB bob": "bob", "info.team:BLUE": "bob", `info.team:"night shift"`: "ann", "info.desk:7": "bob", "info.desk:8": "",
		"blue bob": "bob", "news ann": "ann", "ann bob": "", "user:42": "user:42", `"user:42"`: "user:42", "is:leaving": "",
	} {
		if got := strings.Join(clientsOn(alice.get("/admin/clients?q="+queryEscape(q))), " "); got != want {
			t.Errorf("%s: %q, want %q", q, got, want)
		}
	}
}

// Each word and term is a chip that leads to the list without it. A term that is wrong says so, and filters nothing.
func TestAdminFilterChips(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	many(t, srv)
	alice := operator(t, srv)
	page := alice.get("/admin/clients?sort=-id&q="+queryEscape(`agent:curl behind:lots bob`)).wantText("chips", "1 match")
	want := []string{"agent:curl", "behind:lots", "bob"}
	var labels, hrefs []string
	for n := range page.one("chips").Descendants() {
		if attr(n, "class") == "filter-chip" {
			labels = append(labels, textOf(n))
			hrefs = append(hrefs, strings.Join(attrsOf(n, "href"), ""))
		}
	}
	if !slices.Equal(labels, want) {
		t.Fatalf("the chips are %q", labels)
	}
	page.wantText("filter-problem", "“behind:lots” is not used: behind: takes a number of events, such as >100.")
	if got := clientsOn(page); !slices.Equal(got, []string{"bob"}) {
		t.Errorf("a wrong term has an effect: %q", got)
	}
	if got := clientsOn(alice.get(hrefs[2])); !slices.Equal(got, []string{"bob", "ann"}) {
		t.Errorf("without bob, %s lists %q", hrefs[2], got)
	}
	alice.get("/admin/clients?q=behnd:1").wantText("filter-problem", "There is no filter “behnd:”").wantText("filter-problem", "channel:, agent:")
	alice.get("/admin/clients?q=server:east-2").wantText("filter-problem", "no server has this name. The servers are node-7.")
	help := alice.get("/admin/clients?q=ann").one("filter-help")
	if links := attrsOf(help, "href"); len(links) < 10 || !strings.Contains(links[0], "q=is%3Aslow") {
		t.Errorf("the filters lead to %q", links)
	}
	// The members of a channel are a filter, too.
	page = alice.get("/admin/clients?q=" + queryEscape("channel:room.b"))
	if got := clientsOn(page); !slices.Equal(got, []string{"ann", "bob"}) || page.one("past") != nil {
		t.Errorf("on room.b: %q", got)
	}
}
