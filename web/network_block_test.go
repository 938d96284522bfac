package web_test

import (
	"net/http"
	"strings"
	"testing"

	"rollcall/web"
	"rollcall/web/auth"
	"rollcall/web/webtest"
)

// behindProxies makes the tests themselves the trusted proxy.
func behindProxies(t testing.TB) func(*web.Options) {
	t.Helper()
	trusted, err := auth.ParseTrusted("127.0.0.0/8", "::1")
	if err != nil {
		t.Fatal(err)
	}
	return func(o *web.Options) { o.TrustedProxies, o.Admins = trusted, admins() }
}

func from(addr string) string { return "X-Forwarded-For: " + addr }

// blockNetwork blocks a network for ten minutes.
func (v *visitor) blockNetwork(network, has string, pairs ...string) *reply {
	v.Helper()
	return v.act("ok", "Blocked "+network+" for 10 min, which had "+has+".", "/admin/blocks/network",
		append(pairs, "network", network, "for", "10m")...)
}

// A block of a network ends its streams, and refuses its clients whatever they ask for; those of other networks stay. A
// key's requests are accepted, but not its streams.
func TestBlockHoldsForTheNetwork(t *testing.T) {
	t.Parallel()
	g := guard(t, behindProxies(t))
	alice := operator(t, g.Server)
	open := func(addr string) *webtest.Stream {
		st := g.Subscribe("channels=public.a", from(addr))
		st.WantRegistered()
		return st
	}
	near, mapped, beside := open("10.1.2.3"), open("::ffff:10.1.2.4"), open("10.1.3.3")
	six, sixBeside := open("2001:db8:0:1::5"), open("2001:db8:0:2::5")
	for _, st := range []*webtest.Stream{near, mapped, beside, six, sixBeside} {
		st.WantLast("public.a", `{}`)
	}
	watching := g.Open("GET", "/presence/stream?channels=public.a", "", g.reader, from("10.1.2.3"))
	watching.Next() // the snapshot

	alice.blockNetwork("10.1.2.0/24", "2 connections of 2 clients", "reason", "a <scraper>")
	near.WantGoodbye("kicked", false)
	mapped.WantGoodbye("kicked", false)
	if ev, err := watching.Parser.Next(); err != nil || ev.Type != "goodbye" || !strings.Contains(ev.Data, "kicked") {
		t.Fatalf("the presence stream is told %q, error %v; want that it is kicked", ev, err)
	}
	alice.blockNetwork("2001:db8:0:1::/64", "1 connection of 1 client")
	six.WantGoodbye("kicked", false)

	ann := token(t, "ann", "room.*", "room.*")
	for _, addr := range []string{"10.1.2.3", "10.1.2.255", "2001:db8:0:1:ffff::"} {
		for _, header := range [][]string{{from(addr)}, {from(addr), bearer(ann)}} {
			g.Do("GET", "/history?channel=public.a", "", header...).WantFault(http.StatusForbidden, "blocked", "")
			g.Get("/subscribe?channels=public.a", header...).WantStatus(http.StatusNoContent)
		}
		g.Post("/publish", oneEvent("room.a", `1`), bearer(ann), from(addr)).WantFault(http.StatusForbidden, "blocked", "")
		g.Post("/publish", oneEvent("room.a", `1`), g.root, from(addr)).WantStatus(http.StatusOK)
		g.Get("/subscribe?channels=room.a", g.root, from(addr)).WantStatus(http.StatusNoContent)
		g.Get("/presence/stream?channels=room.a", g.root, from(addr)).WantStatus(http.StatusNoContent)
	}
	g.Post("/publish", oneEvent("public.a", `1`), g.root).WantStatus(http.StatusOK)
	beside.WantEvent("public.a", "message", `1`)
	sixBeside.WantEvent("public.a", "message", `1`)
	alice.get("/admin/blocks").wantText("blocks-rows", "10.1.2.0/24 a <scraper>").wantText("blocks-rows", "2001:db8:0:1::/64")
	alice.get("/admin/audit").wantText("audit", "network.block").wantText("audit", "for 10 min, 2 connections of 2 clients: a <scraper>")

	var listed struct {
		Blocks []struct{ ClientID, Network, Until, By string }
	}
	g.Get("/presence/blocks", g.root).WantStatus(http.StatusOK).Into(&listed)
	if b := listed.Blocks; len(b) != 2 || b[0].Network != "2001:db8:0:1::/64" || b[1].Network != "10.1.2.0/24" || b[1].By != "alice" || b[1].ClientID != "" {
		t.Errorf("the API lists %+v", b)
	}
	if text := g.Get("/metrics", g.root).Body; !strings.Contains(text, "rollcall_blocked_networks 2\n") || !strings.Contains(text, "rollcall_blocked_clients 0\n") {
		t.Errorf("the metrics don't count two networks: %.300s", text)
	}
	for query, code := range map[string]string{"": "invalid_network", "?network=10.1.2": "invalid_network", "?network=fe80::1%25eth0": "invalid_network"} {
		g.Do("DELETE", "/presence/blocks"+query, "", g.root).WantFault(http.StatusBadRequest, code, "network")
	}
	g.Do("DELETE", "/presence/blocks?network=10.1.0.0/16", "", g.root).WantFault(http.StatusNotFound, "not_blocked", "")
	g.Do("DELETE", "/presence/blocks?network=10.1.2.0/24", "", g.reader).WantStatus(http.StatusForbidden)
	g.Do("DELETE", "/presence/blocks?network=10.1.2.77/24", "", g.root, from("10.1.2.3")).WantStatus(http.StatusNoContent)
	open("10.1.2.3")
	alice.act("ok", "2001:db8:0:1::/64 may connect again.", "/admin/blocks/remove", "network", "2001:db8:0:1::/64")
	open("2001:db8:0:1::5")
}

// The API blocks a network as it blocks a client: with the scope admin, for a time, and again for another time.
func TestBlockOfANetworkByAPI(t *testing.T) {
	t.Parallel()
	g := guard(t, behindProxies(t))
	near, beside := g.Subscribe("channels=public.a", from("10.1.2.3")), g.Subscribe("channels=public.a", from("10.1.3.3"))
	for _, st := range []*webtest.Stream{near, beside} {
		st.WantRegistered()
		st.WantLast("public.a", `{}`)
	}
	const path = "/presence/blocks?network=10.1.2.77/24&block="
	g.Do("PUT", path+"10m", "", g.reader).WantStatus(http.StatusForbidden)
	g.Do("PUT", path+"10m", "").WantStatus(http.StatusUnauthorized)
	for query, field := range map[string]string{
		"?block=10m": "network", "?network=10.1.2&block=10m": "network", "?network=fe80::1%25eth0&block=10m": "network",
		"?network=10.1.2.0/24": "block", "?network=10.1.2.0/24&block=0s": "block", "?network=10.1.2.0/24&block=8785h": "block",
	} {
		g.Do("PUT", "/presence/blocks"+query, "", g.root).WantFault(http.StatusBadRequest, "invalid_"+field, field)
	}
	g.Get("/history?channel=public.a", from("10.1.2.4")).WantStatus(http.StatusOK)
	g.Do("PUT", path+"1h", "", g.root).WantStatus(http.StatusNoContent)
	near.WantGoodbye("kicked", false)
	g.Do("PUT", path+"10m", "", g.root, from("10.1.2.3")).WantStatus(http.StatusNoContent)
	g.Get("/history?channel=public.a", from("10.1.2.4")).WantFault(http.StatusForbidden, "blocked", "")
	if list := g.Get("/presence/blocks", g.root).Body; strings.Count(list, "network") != 1 || !strings.Contains(list, `"network":"10.1.2.0/24"`) || !strings.Contains(list, `"by":"REST API"`) {
		t.Errorf("the API lists %s", list)
	}
	g.Do("DELETE", "/presence/blocks?network=10.1.2.0/24", "", g.root).WantStatus(http.StatusNoContent)
	g.Get("/history?channel=public.a", from("10.1.2.4")).WantStatus(http.StatusOK)
	g.Post("/publish", oneEvent("public.a", `1`), g.root).WantStatus(http.StatusOK)
	beside.WantEvent("public.a", "message", `1`)
}

// What a block of a network is about is shown before it happens. One that has the operator, or is wide, or has everybody
// needs a confirmation.
func TestAdminBlockOfANetwork(t *testing.T) {
	t.Parallel()
	opts := web.Options{}
	behindProxies(t)(&opts)
	srv := webtest.Start(t, opts)
	alice := operator(t, srv)
	for _, addr := range []string{"10.1.2.3", "10.1.2.4", "2001:db8::1"} {
		srv.Subscribe("channels=a&clientId=ann", from(addr)).WantRegistered()
	}
	srv.Subscribe("channels=a&clientId=bob", from("10.1.2.4")).WantRegistered()

	page := alice.get("/admin/blocks/network?network=10.1.2.9/24")
	page.wantText("network-size", "3 connections of 2 clients").wantText("network-clients", "ann 2 connections bob 1 connection").wantText("block", "Block 10.1.2.0/24")
	if page.one("block-confirm") != nil {
		t.Error("a small network needs a confirmation")
	}
	alice.get("/admin/blocks/network?network=2001:DB8::1").wantText("block", "Block 2001:db8::1")
	alice.get("/admin/blocks/network?network=10.1").wantText("network-error", "An address or a network is required")
	alice.get("/admin/blocks/network").wantText("network-preview", "Preview")
	const own = "Your own address, 127.0.0.1, is in it."
	for network, danger := range map[string]string{
		"127.0.0.1": own, "127.0.0.0/24": own, "10.0.0.0/8": "It is wider than /16", "2001:d00::/24": "It is wider than /32", "::/0": "It is wider than /32",
	} {
		alice.get("/admin/blocks/network?network="+network).wantText("network-danger", danger).wantText("block-confirm", "")
		r := alice.post("/admin/blocks/network", "network", network, "for", "10m").wantLocation("/admin/blocks/network?network=" + queryEscape(network))
		alice.get(r.header.Get("Location")).wantText("flash", "Not blocked, as that was not confirmed. "+danger)
	}
	alice.act("bad", "The time of a block is such as 30s, 10m or 24h, at most 8784h.", "/admin/blocks/network", "network", "10.1.2.0/24", "for", "x")
	alice.act("bad", "An address or a network is required, such as 192.0.2.7, 10.1.2.0/24 or 2001:db8::/64.", "/admin/blocks/network", "network", "nowhere", "for", "1m")
	viewer(t, srv).post("/admin/blocks/network", "network", "10.1.2.0/24", "for", "1m").want(403)

	page = alice.blockNetwork("10.0.0.0/8", "3 connections of 2 clients", "confirm", "1")
	undo := page.one("undo")
	if undo == nil {
		t.Fatal("the block can't be undone")
	}
	alice.get("/admin/clients/bob").wantText("timeline", "by alice")
	srv.Get("/subscribe?channels=a", from("10.200.0.1")).WantStatus(http.StatusNoContent)
	alice.act("ok", "10.0.0.0/8 may connect again.", attr(undo.Parent, "action"), "undo", "1")
	srv.Subscribe("channels=a", from("10.200.0.1")).WantRegistered()

	// The rest is one client's: all that is open.
	alice.get("/admin/blocks/network?network=2001:db8::/64").wantText("network-size", "1 connection of 1 client")
	alice.blockNetwork("127.0.0.1", "0 connections of 0 clients", "confirm", "1")
	srv.Get("/subscribe?channels=a").WantStatus(http.StatusNoContent)
	alice.get("/admin/blocks").wantText("blocks-rows", "127.0.0.1")
}
