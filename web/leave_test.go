package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"rollcall/web"
	"rollcall/web/webtest"
)

func leavePath(st *webtest.Stream) string {
	return "/presence/connections/" + st.Hello.ConnectionID + "/leave?secret=" + st.Hello.Secret
}

// A connection that leaves ends at once, and no other; then the grace runs, and the
// client may come back.
func TestLeave(t *testing.T) {
	srv := webtest.Start(t, web.Options{PresenceGrace: time.Hour})
	roster := srv.Watch("channels=a,b")
	one := subscribed(t, srv, "clientId=ada", "a")
	two := subscribed(t, srv, "clientId=ada", "b")
	roster.Want("join", "a", "ada")
	roster.Want("join", "b", "ada")
	srv.Post(leavePath(one), "a page says nothing here").WantStatus(204)
	eventually(t, "one connection is left", func() bool {
		conns := connections(t, srv, "ada")
		return len(conns) == 1 && conns[0].ConnectionID == two.Hello.ConnectionID
	})
	srv.Publish("b", `1`)
	two.WantEvent("b", "message", `1`)

	srv.Post(leavePath(two), "").WantStatus(204)
	eventually(t, "no connection is left", func() bool { return len(connections(t, srv, "ada")) == 0 })
	again := srv.Subscribe("channels=a,b&clientId=ada", "Last-Event-ID: "+two.LastID)
	again.WantRegistered()
	for _, st := range []*webtest.Stream{one, two} { // again, when they are gone
		srv.Post(leavePath(st), "").WantStatus(204)
	}
	srv.Post("/presence/connections/none/leave?secret=x", "").WantStatus(204)
	srv.Get(leavePath(again)).WantFault(405, "method_not_allowed", "")
	srv.Publish("a", `2`)
	again.WantEvent("a", "message", `2`)
	// Other clients saw nothing of all that.
	srv.Subscribe("channels=a&clientId=bob").WantRegistered()
	roster.Want("join", "a", "bob")
}

// With now=1 there is no grace, whether the connection or the request ends first.
func TestLeaveNow(t *testing.T) {
	srv := webtest.Start(t, web.Options{PresenceGrace: time.Hour})
	everybody, roster := srv.Watch(""), srv.Watch("channels=a,b")
	for _, closed := range []bool{false, true} {
		one, two := srv.Subscribe("channels=a&clientId=ada"), srv.Subscribe("channels=b&clientId=ada&presence=channels")
		one.WantRegistered()
		two.WantRegistered()
		two.Next() // its lastEvent
		two.WantOwn("presence", "b")
		everybody.Want("join", "", "ada")
		roster.Want("join", "a", "ada")
		roster.Want("join", "b", "ada")
		if closed {
			one.Close()
			eventually(t, "one connection is left", func() bool { return len(connections(t, srv, "ada")) == 1 })
		}
		srv.Post(leavePath(one)+"&now=1", "").WantStatus(204)
		roster.Want("leave", "a", "ada")
		srv.Post(leavePath(one)+"&now=1", "").WantStatus(204)
		srv.Publish("b", `1`)
		two.WantEvent("b", "message", `1`)
		srv.Post(leavePath(two)+"&now=1", "").WantStatus(204)
		roster.Want("leave", "b", "ada")
		everybody.Want("leave", "", "ada")
	}
	// A client that is back already stays.
	one := subscribed(t, srv, "clientId=ada", "a")
	everybody.Want("join", "", "ada")
	one.Close()
	eventually(t, "no connection is left", func() bool { return len(connections(t, srv, "ada")) == 0 })
	again := subscribed(t, srv, "clientId=ada", "a")
	srv.Post(leavePath(one)+"&now=1", "").WantStatus(204)
	srv.Publish("a", `1`)
	again.WantEvent("a", "message", `1`)
	srv.Subscribe("channels=b&clientId=bob").WantRegistered()
	everybody.Want("join", "", "bob")
}

// Pages of origins that are not allowed can't send it, those that are can.
func TestLeaveFromOrigins(t *testing.T) {
	srv := webtest.Start(t, web.Options{CORSOrigins: []string{"https://app.example"}})
	st := subscribed(t, srv, "clientId=ada", "a")
	srv.Post(leavePath(st), "", "Origin: "+foreign).WantFault(403, "foreign_origin", "")
	srv.Post(leavePath(st), "", "Sec-Fetch-Site: cross-site").WantFault(403, "foreign_origin", "")
	srv.Publish("a", `1`)
	st.WantEvent("a", "message", `1`)
	srv.Post(leavePath(st), "", "Origin: https://app.example", "Sec-Fetch-Site: cross-site").WantStatus(204)
	eventually(t, "no stream is left", func() bool { return srv.Streams() == 0 })
}

// Subscribers never learn each other's connectionId. Guesses at it end nothing.
func TestSecurityConnectionIDsOfOthers(t *testing.T) {
	t.Parallel()
	g := guard(t)
	w := g.witness()
	eve := bearer(token(t, "eve", "room.*", ""))
	for _, target := range []string{"/presence/clients/ada", "/presence/clients?channel=room.a", "/presence/channels"} {
		if a := g.Get(target, eve).WantStatus(200); strings.Contains(a.Body, w.stream.Hello.ConnectionID) {
			t.Errorf("%s tells %s", target, a.Body)
		}
	}
	for _, show := range []string{g.root, g.reader, bearer(token(t, "ada", "room.*", ""))} {
		if a := g.Get("/presence/clients/ada", show); !strings.Contains(a.Body, w.stream.Hello.ConnectionID) {
			t.Error(a.Body)
		}
	}
	for _, guess := range []string{"ada", "x", "%2F", w.stream.Hello.ConnectionID[1:], strings.ToLower(w.stream.Hello.ConnectionID)} {
		g.Post("/presence/connections/"+guess+"/leave?now=1&secret="+w.stream.Hello.Secret, "").WantStatus(204)
	}
	w.wantPeace()
	g.Post(leavePath(w.stream), "").WantStatus(204) // a page that is closed has no time for a token
	eventually(t, "ada's stream has ended", func() bool { return g.Streams() == 0 })
}

// The module for browsers can be imported by pages of every origin.
func TestClientModule(t *testing.T) {
	srv := start(t)
	for path, kind := range map[string]string{"/rollcall.js": "text/javascript; charset=utf-8", "/rollcall.d.ts": "application/typescript; charset=utf-8"} {
		a := srv.Get(path, "Origin: "+foreign, "Sec-Fetch-Site: cross-site").WantStatus(200)
		a.WantHeader("Content-Type", kind).WantHeader("X-Content-Type-Options", "nosniff")
		a.WantHeader("Access-Control-Allow-Origin", "*").WantHeader("Cross-Origin-Resource-Policy", "cross-origin")
		if !strings.Contains(a.Body, "class Rollcall ") {
			t.Errorf("%s is %.200s", path, a.Body)
		}
		if h := srv.Do(http.MethodHead, path, "").WantStatus(200); h.Body != "" || h.Header.Get("ETag") != a.Header.Get("ETag") {
			t.Errorf("HEAD %s: %v, %d bytes", path, h.Header, len(h.Body))
		}
		srv.Get(path, "If-None-Match: "+a.Header.Get("ETag")).WantStatus(304)
		if packed := srv.Get(path, "Accept-Encoding: gzip").WantHeader("Content-Encoding", "gzip"); len(packed.Body) >= len(a.Body) {
			t.Errorf("%s has %d bytes, compressed %d", path, len(a.Body), len(packed.Body))
		}
		srv.Post(path, "").WantFault(405, "method_not_allowed", "")
	}
}

// A lastEvent says what it is true at: a stream from there has all that comes after.
func TestLastEventTellsItsPosition(t *testing.T) {
	srv := webtest.Start(t, web.Options{CORSOrigins: []string{"https://app.example"}})
	srv.Get("/lastEvent?channel=a").WantHeader("Last-Event-ID", srv.Head())
	srv.Publish("a", `1`)
	id := srv.Publish("b", `2`)[0]
	at := srv.Get("/lastEvent?channel=a", "Origin: https://app.example").WantHeader("Last-Event-ID", id)
	at.WantHeader("Access-Control-Expose-Headers", "Last-Event-Id")
	srv.Publish("a", `3`)
	st := srv.Subscribe("channels=a&lastEventId=" + at.Header.Get("Last-Event-ID"))
	st.WantRegistered()
	st.WantEvent("a", "message", `3`)
}
