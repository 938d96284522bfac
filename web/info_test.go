package web_test

import (
	"strings"
	"testing"
	"time"

	"rollcall/web"
	"rollcall/web/auth"
	"rollcall/web/webtest"
)

func infoPath(st *webtest.Stream) string {
	return "/presence/connections/" + st.Hello.ConnectionID + "/info?secret=" + st.Hello.Secret
}

// A client sets its own info, and every watcher gets one update.
func TestSetInfo(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, web.Options{PresenceGrace: time.Hour})
	everybody, roster := srv.Watch(""), srv.Watch("channels=a")
	ada := srv.Subscribe(`channels=a&clientId=ada&info={"name":"Ada"}`)
	ada.WantRegistered()
	everybody.Want("join", "", "ada")
	roster.Want("join", "a", "ada")
	bob := srv.Subscribe("channels=a&clientId=bob&presence=channels")
	bob.WantRegistered()
	bob.WantLast("a", `{}`)
	bob.WantOwn("presence", "a")
	everybody.Want("join", "", "bob")
	roster.Want("join", "a", "bob")

	const editing = `{"name":"Ada","status":"editing"}`
	srv.Do("PUT", infoPath(ada), "\n"+strings.ReplaceAll(editing, ",", " ,\r\n ")).WantStatus(204)
	if got, want := bob.WantOwn("presence", "a"), `{"action":"update","member":{"clientId":"ada","info":`+editing+`}}`; got != want {
		t.Errorf("bob is told %s, want %s", got, want)
	}
	srv.Do("PUT", infoPath(ada), editing).WantStatus(204) // the same: no update
	header := "Stream-Secret: " + ada.Hello.Secret
	srv.Do("PUT", strings.Split(infoPath(ada), "?")[0], `{}`, header).WantStatus(204)
	for _, r := range []*webtest.Roster{everybody, roster} {
		channel := ""
		if r == roster {
			channel = "a"
		}
		for _, want := range []string{editing, `{}`} {
			if e := r.Want("update", channel, "ada"); string(e.Info) != want {
				t.Errorf("the update says %s, want %s", e.Info, want)
			}
		}
	}
	if got := srv.Get("/presence/clients/ada").Body; !strings.Contains(got, `"info":{}`) {
		t.Errorf("the client is %s", got)
	}
	// It stays as long as the connection and its grace, also for a connection that says nothing.
	again := srv.Subscribe("channels=a&clientId=ada")
	again.WantRegistered()
	srv.Do("PUT", infoPath(again), `{"n":2}`).WantStatus(204)
	again.Close()
	eventually(t, "one connection is left", func() bool { return len(connections(t, srv, "ada")) == 1 })
	if got := srv.Get("/presence/clients/ada").Body; !strings.Contains(got, `"info":{"n":2}`) {
		t.Errorf("the client is %s", got)
	}
	srv.Do("PUT", infoPath(again), `{"n":3}`).WantFault(404, "not_online", "")
}

// Only the stream's secret is a permission, and only an object within the limit is an info.
func TestSetInfoIsRefused(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, web.Options{CORSOrigins: []string{"https://app.example"}})
	ada := srv.Subscribe("channels=a&clientId=ada")
	bob := srv.Subscribe("channels=a&clientId=bob")
	ada.WantRegistered()
	bob.WantRegistered()
	path, _, _ := strings.Cut(infoPath(ada), "?")
	srv.Do("PUT", path, `{}`).WantFault(403, "missing_secret", "secret")
	srv.Do("PUT", path+"?secret="+bob.Hello.Secret, `{}`).WantFault(403, "wrong_secret", "secret")
	srv.Do("PUT", "/presence/connections/none/info?secret=x", `{}`).WantFault(404, "not_online", "")
	for _, body := range []string{"", "null", "[]", `"x"`, "{", "{}{}", "{\"a\":\"\xff\"}", `{"a":"` + strings.Repeat("x", 1020) + `"}`} {
		srv.Do("PUT", infoPath(ada), body).WantFault(400, "invalid_info", "info")
	}
	srv.Do("PUT", infoPath(ada), strings.Repeat(" ", 5000)).WantFault(413, "body_too_large", "")
	srv.Do("PUT", infoPath(ada), `{}`, "Content-Encoding: gzip").WantFault(415, "unsupported_encoding", "")
	srv.Do("PUT", infoPath(ada), `{}`, "Origin: "+foreign).WantFault(403, "foreign_origin", "")
	srv.Do("PUT", infoPath(ada), `{}`, "Sec-Fetch-Site: cross-site").WantFault(403, "foreign_origin", "")
	srv.Post(infoPath(ada), `{}`).WantFault(405, "method_not_allowed", "")
	asks := []string{"Origin: https://app.example", "Access-Control-Request-Method: PUT"}
	a := srv.Do("OPTIONS", path, "", asks...).WantStatus(204)
	if got := a.Header.Get("Access-Control-Allow-Methods"); !strings.Contains(got, "PUT") {
		t.Errorf("pages may use %s", got)
	}
	srv.Do("PUT", infoPath(ada), `{"n":1}`, "Origin: https://app.example").WantStatus(204)
	if got := srv.Get("/presence/clients/bob").Body; !strings.Contains(got, `"info":null`) {
		t.Errorf("bob is %s", got)
	}
}

// What a token says of a client can't be changed by the client; a token that says nothing leaves it to the client.
func TestSetInfoOfATokensClient(t *testing.T) {
	t.Parallel()
	g := guard(t)
	for _, c := range []struct {
		says   claims
		status int
	}{{claims{"info": claims{"role": "guest"}}, 403}, {nil, 204}} {
		st := g.Subscribe("channels=room.a", bearer(token(t, "ann", "room.*", "", c.says)))
		st.WantRegistered()
		a := g.Do("PUT", infoPath(st), `{"role":"owner"}`).WantStatus(c.status)
		if c.status == 403 {
			a.WantFault(403, "fixed_info", "")
		}
		st.Close()
		eventually(t, "the stream has ended", func() bool { return g.Streams() == 0 })
	}
}

// The rate is that of an address's publishes.
func TestSetInfoHasARate(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, web.Options{AddressLimits: auth.Limits{PublishesPerSecond: 0.01}})
	st := srv.Subscribe("channels=a")
	st.WantRegistered()
	for n := 0; ; n++ {
		a := srv.Do("PUT", infoPath(st), `{}`)
		if a.Status == 429 {
			a.WantFault(429, "too_many_publishes", "")
			break
		}
		if a.WantStatus(204); n > 10 {
			t.Fatal("the rate has no limit")
		}
	}
}
