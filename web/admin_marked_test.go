package web_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"rollcall/web"
	"rollcall/web/webtest"
)

// choose marks clients for an action and returns the page that shows what is about to happen.
func (v *visitor) choose(do string, pairs ...string) (page *reply, token string) {
	v.Helper()
	r := v.post("/admin/marked", append(pairs, "do", do)...).want(303)
	to := r.header.Get("Location")
	u, err := url.Parse(to)
	if err != nil {
		v.Fatal(err)
	}
	return v.get(to), u.Query().Get("s")
}

// Marked clients, or all that match, are counted before they are acted on; of these, the connections that match.
func TestAdminMarkedEnd(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	alice := operator(t, srv)
	first := subscribed(t, srv, "clientId=ann", "room.a")
	second := subscribed(t, srv, "clientId=ann", "news")
	bob := subscribed(t, srv, "clientId=bob", "room.b")
	eve := subscribed(t, srv, "clientId=eve", "news")

	page, _ := alice.choose("end", "id", "ann", "id", "bob", "id", "gone")
	page.wantText("marked-size", "3 connections of 2 clients").wantText("marked-do", "End 3 connections").wantText("marked-clients", "ann 2 connections")
	page, token := alice.choose("end", "all", "1", "q", "channel:room.*")
	page.wantText("marked-size", "2 connections of 2 clients")
	alice.act("ok", "Ended 2 connections of 2 clients.", "/admin/marked/end", "s", token, "reason", "room is <moved>")
	first.WantGoodbye("kicked", false)
	bob.WantGoodbye("kicked", false)
	srv.Publish("news", `1`)
	second.WantEvent("news", "message", `1`)
	eve.WantEvent("news", "message", `1`)
	alice.get("/admin/audit").wantText("audit", "clients.end").wantText("audit", "Ended 2 connections of 2 clients: room is <moved>; filter channel:room.*; ann, bob")
	alice.get("/admin/clients/ann").wantText("timeline", "by alice")
}

func TestAdminMarkedBlock(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	alice := operator(t, srv)
	ann, bob := subscribed(t, srv, "clientId=ann", "a"), subscribed(t, srv, "clientId=bob", "a")
	_, token := alice.choose("block", "id", "ann", "id", "bob")
	alice.act("bad", "The time of a block is such as 30s, 10m or 24h, at most 8784h.", "/admin/marked/block", "s", token, "for", "x")
	alice.act("bad", "The reason may have 200 characters.", "/admin/marked/block", "s", token, "for", "1m", "reason", strings.Repeat("x", 201))
	page := alice.act("ok", "Blocked 2 clients for 10 min.", "/admin/marked/block", "s", token, "for", "10m", "reason", "floods")
	ann.WantGoodbye("kicked", false)
	bob.WantGoodbye("kicked", false)
	srv.Get("/subscribe?channels=a&clientId=bob").WantStatus(204)
	alice.get("/admin/blocks").wantText("blocks-rows", "ann floods").wantText("blocks-rows", "bob floods")
	undo := page.one("undo")
	if undo == nil {
		t.Fatal("the blocks can't be undone")
	}
	alice.act("ok", "The blocks of 2 clients are undone.", attr(undo.Parent, "action"), "undo", "1")
	subscribed(t, srv, "clientId=bob", "a")
	alice.get("/admin/audit").wantText("audit", "clients.unblock").wantText("audit", "Blocked 2 clients for 10 min: floods; ann, bob")
}

func TestAdminMarkedMessage(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	alice := operator(t, srv)
	ann, bob := subscribed(t, srv, "clientId=ann", "a"), subscribed(t, srv, "clientId=bob", "b")
	_, token := alice.choose("message", "all", "1", "q", "channel:a")
	alice.do("POST", "/admin/marked/message", form("s", token, "type", "note", "payload", "{bad")).want(400).wantText("send-error", "JSON").wantText("send-payload", "{bad")
	alice.act("ok", "Sent note to 1 of 1 connection.", "/admin/marked/message", "s", token, "type", "note", "payload", `"hello"`)
	if ev, m := sent(t, ann); ev.Type != "note" || string(m.Payload) != `"hello"` {
		t.Errorf("ann got %+v", ev)
	}
	srv.Publish("b", `1`)
	bob.WantEvent("b", "message", `1`)
}

// A choice is its operator's, bounded, and of a filter without mistakes.
func TestAdminMarkedLimits(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, withAdmins(web.Options{Node: "node-7"}))
	alice := operator(t, srv)
	srv.Crowd(1001)
	page, token := alice.choose("end", "all", "1", "q", "client-0000")
	page.wantText("marked-size", "100 connections of 100 clients").wantText("marked-clients", "and 80 more")
	stranger(t, srv).do("GET", "/admin/marked?s="+token, "").want(303)
	viewer(t, srv).do("GET", "/admin/marked?s="+token, "").want(404)
	alice.get("/admin")
	for wrong, pairs := range map[string][]string{
		"1,001 clients match. At most 1,000 can be chosen at once; filter the list further.": {"do", "end", "all", "1"},
		"No client is chosen, or none of them is online any more.":                           {"do", "end", "id", "nobody"},
		"“is:fast” is not used: is: takes slow, behind, leaving or anonymous.":               {"do", "block", "all", "1", "q", "is:fast"},
		"This is not an action on at most 200 marked clients.":                               {"do", "dance", "id", "client-000001"},
	} {
		alice.act("bad", wrong, "/admin/marked", pairs...)
	}
	var many []string
	for i := range 201 {
		many = append(many, "id", fmt.Sprintf("client-%06d", i))
	}
	alice.act("bad", "This is not an action on at most 200 marked clients.", "/admin/marked", append(many, "do", "end")...)
	alice.choose("end", many[:400]...)
	alice.act("bad", "This choice of clients is too old, or was not yours. Mark them again.", "/admin/marked/end", "s", "none")
}

// An export has what the list's filter matches, for viewers too, and nothing that a spreadsheet computes.
func TestAdminExport(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	many(t, srv)
	subscribed(t, srv, "clientId="+queryEscape("=1+1")+"&info="+queryEscape(`{"name":"@SUM(1)"}`), "news")
	vera, alice := viewer(t, srv), operator(t, srv)
	rows := func(r *reply) [][]string {
		t.Helper()
		list, err := csv.NewReader(strings.NewReader(r.want(200).text)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	list := rows(vera.get("/admin/clients.csv?q=" + queryEscape("channel:room.b")))
	if len(list) != 3 || list[1][0] != "ann" || list[1][4] != "1" || list[2][0] != "bob" || list[1][11] != "0" || list[1][1] != "Ann" {
		t.Errorf("the export is %q", list)
	}
	list = rows(vera.get("/admin/clients.csv?q=" + queryEscape("channel:news")))
	if len(list) != 4 || !slices.ContainsFunc(list, func(row []string) bool { return row[0] == "'=1+1" && row[1] == "'@SUM(1)" }) {
		t.Errorf("the export is %q", list)
	}
	var got []struct {
		ClientID    string
		Info        map[string]any
		Connections []struct {
			Server string
			State  *struct{ State string }
		}
	}
	decode(t, vera.get("/admin/clients.json?q=connections:%3E1").text, &got)
	if len(got) != 1 || got[0].ClientID != "ann" || got[0].Info["team"] != "night shift" || len(got[0].Connections) != 2 || got[0].Connections[0].Server != "node-7" || got[0].Connections[0].State.State != "live" {
		t.Errorf("the export is %+v", got)
	}
	if text := vera.get("/admin/clients.json?q=nobody").text; text != "[]\n" || !json.Valid([]byte(text)) {
		t.Errorf("an empty export is %q", text)
	}
	list = rows(alice.do("POST", "/admin/marked", form("do", "csv", "id", "bob", "id", "eve", "q", "channel:room.*")))
	if len(list) != 3 || list[1][0] != "bob" || list[2][0] != "eve" {
		t.Errorf("the export of marked rows is %q", list)
	}
	vera.do("GET", "/admin/clients.csv?q=is:fast", "", "Accept: application/json").wantCode(400, "invalid_filter")
	if page := vera.get("/admin/clients?q=bob"); page.one("mark-form") != nil || len(attrsOf(page.one("clients-rows"), "type")) > 0 {
		t.Error("a viewer may mark rows")
	}
}
