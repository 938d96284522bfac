package web_test

import (
	"net"
	"testing"
	"time"

	"rollcall/web"
	"rollcall/web/webtest"
)

func TestKickClient(t *testing.T) {
	srv := start(t)
	roster := srv.Watch("")
	one := subscribed(t, srv, "clientId=ada", "a")
	two := subscribed(t, srv, "clientId=ada", "b")
	bob := subscribed(t, srv, "clientId=bob", "a")
	srv.Delete("/presence/clients/ada")
	for _, st := range []*webtest.Stream{one, two} {
		st.WantGoodbye("kicked", false)
	}
	roster.WantThere("", "ada")
	roster.WantGone("", "ada")
	srv.Publish("a", `1`)
	bob.WantEvent("a", "message", `1`)
	srv.Get("/presence/clients/ada").WantFault(404, "not_online", "")
	srv.Do("DELETE", "/presence/clients/ada", "").WantFault(404, "not_online", "")
	srv.Do("DELETE", "/presence/connections/"+one.Hello.ConnectionID, "").WantFault(404, "not_online", "")

	// Each EventSource reconnects by itself, with its position, and is refused once. A reloaded page has no position
	// and is admitted.
	srv.Get("/subscribe?channels=a&clientId=ada", "Last-Event-ID: "+one.LastID).WantStatus(204)
	fresh := subscribed(t, srv, "clientId=ada", "b")
	srv.Post("/subscribe", `{"channels":["b"],"clientId":"ada","lastEventId":"`+two.LastID+`"}`).WantStatus(204)
	srv.Subscribe("channels=a&clientId=eve", "Last-Event-ID: "+two.LastID).WantRegistered()
	fresh.Close()
}

func TestKickedPageGoesOn(t *testing.T) {
	srv := start(t)
	st := subscribed(t, srv, "clientId=ada", "a")
	srv.Delete("/presence/clients/ada")
	st.WantGoodbye("kicked", false)
	srv.Get("/subscribe?channels=a&clientId=ada&lastEventId=" + st.LastID).WantStatus(204)

	fresh := srv.Subscribe("channels=a&clientId=ada")
	fresh.WantRegistered()
	fresh.Cut()
	again := srv.Subscribe("channels=a&clientId=ada", "Last-Event-ID: "+fresh.LastID)
	if !again.WantRegistered().Resumed {
		t.Error("not resumed")
	}
}

func TestKickConnection(t *testing.T) {
	srv := start(t)
	one := subscribed(t, srv, "clientId=ada", "a")
	two := subscribed(t, srv, "clientId=ada", "a")
	srv.Delete("/presence/connections/" + one.Hello.ConnectionID)
	one.WantGoodbye("kicked", false)
	eventually(t, "only the other connection is left", func() bool {
		conns := connections(t, srv, "ada")
		return len(conns) == 1 && conns[0].ConnectionID == two.Hello.ConnectionID
	})
	srv.Publish("a", `1`)
	two.WantEvent("a", "message", `1`)
	srv.Get("/subscribe?channels=a&clientId=ada", "Last-Event-ID: "+one.LastID).WantStatus(204)
	two.Cut()
	again := srv.Subscribe("channels=a&clientId=ada", "Last-Event-ID: "+two.LastID)
	again.WantRegistered()
	srv.Do("DELETE", "/presence/connections/none", "").WantFault(404, "not_online", "")
}

// A nameless client can't be recognised when it reconnects: it gets a long retry.
func TestKickAnonymous(t *testing.T) {
	srv := start(t)
	st := subscribed(t, srv, "", "a")
	srv.Delete("/presence/clients/" + st.Hello.ClientID)
	st.WantGoodbye("kicked", false)
	if st.Retry < time.Hour {
		t.Errorf("retry %v", st.Retry)
	}
}

func TestBlock(t *testing.T) {
	srv := start(t)
	st := subscribed(t, srv, "clientId=ada", "a")
	srv.Delete("/presence/clients/ada?block=10m")
	st.WantGoodbye("kicked", false)
	for range 3 {
		srv.Get("/subscribe?channels=a&clientId=ada", "Last-Event-ID: "+st.LastID).WantStatus(204)
		srv.Get("/subscribe?channels=a&clientId=ada").WantStatus(204)
		srv.Post("/subscribe", `{"channels":["a"],"clientId":"ada"}`).WantStatus(204)
	}
	subscribed(t, srv, "clientId=bob", "a")
	subscribed(t, srv, "clientId=Ada", "a")
	eventually(t, "ada is gone", func() bool { return srv.Get("/presence/clients/ada").Status == 404 })

	// Offline clients can be blocked too.
	srv.Delete("/presence/clients/eve?block=1h30m")
	srv.Get("/subscribe?channels=a&clientId=eve").WantStatus(204)
	for _, block := range []string{"x", "10", "-1s", "0s", "9000h", "1e9h"} {
		srv.Do("DELETE", "/presence/clients/bob?block="+block, "").WantFault(400, "invalid_block", "block")
	}
	connections(t, srv, "bob")

	// A block that is over is over.
	srv.Delete("/presence/clients/bob?block=1ns")
	subscribed(t, srv, "clientId=bob", "a")
}

// A client that is only within its grace has no stream to end; a block is for clients, not for connections.
func TestKickNothing(t *testing.T) {
	srv := webtest.Start(t, web.Options{PresenceGrace: time.Hour})
	st := subscribed(t, srv, "clientId=ada", "a")
	connection := "/presence/connections/" + st.Hello.ConnectionID
	srv.Do("DELETE", connection+"?block=10m", "").WantFault(400, "invalid_block", "block")
	srv.Delete("/presence/clients/ada")
	st.WantGoodbye("kicked", false)
	eventually(t, "the stream has ended", func() bool { return srv.Streams() == 0 })
	srv.Get("/presence/clients/ada").WantStatus(200)
	srv.Do("DELETE", "/presence/clients/ada", "").WantFault(404, "not_online", "")
}

// A program that leaves PresenceGrace alone has the documented default: a reload is no leave.
func TestPresenceGraceDefault(t *testing.T) {
	inner, err := web.New(web.Options{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := webtest.Run(t, inner, l)
	st := subscribed(t, srv, "clientId=ada", "a")
	st.Close()
	eventually(t, "the stream has ended", func() bool { return srv.Streams() == 0 })
	srv.Get("/presence/clients/ada").WantStatus(200)
}

// Health checks reach an open server under any name, or none; nothing else does.
func TestHealthChecksWithoutHost(t *testing.T) {
	srv := webtest.StartLocal(t, web.Options{})
	for _, path := range []string{"/healthz", "/readyz"} {
		srv.Get(path, "Host: ").WantStatus(200)
		srv.Get(path, "Host: 10.0.0.7").WantFault(403, "foreign_host", "")
	}
	srv.Get("/presence/clients", "Host: 10.0.0.7").WantFault(403, "foreign_host", "")
}
