package web_test

import (
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"rollcall/web"
	"rollcall/web/auth"
	"rollcall/web/webtest"
)

// wantLimit wants a stream refused for a limit, at the requested position and with a delayed retry.
func wantLimit(t testing.TB, st *webtest.Stream, at string) {
	t.Helper()
	st.Retry = 0
	st.WantGoodbye("limit", true)
	if st.Retry < 5*time.Second || at != "" && st.LastID != at {
		t.Errorf("to come back after %v with %q, asked from %q", st.Retry, st.LastID, at)
	}
}

// wantLimitBare is wantLimit for the presence stream.
func wantLimitBare(t testing.TB, st *webtest.Stream) {
	t.Helper()
	ev, err := st.Parser.Next()
	if err != nil || ev.Type != "goodbye" || !strings.Contains(ev.Data, `limit`) || st.Retry < 5*time.Second {
		t.Errorf("%q, %v, retry %v", ev, err, st.Retry)
	}
	st.WantEnd()
}

// wantTooMany wants a request that is not a stream refused for a limit.
func wantTooMany(t testing.TB, a *webtest.Answer, code string) {
	t.Helper()
	a.WantFault(429, code, "")
	if after, err := strconv.Atoi(a.Header.Get("Retry-After")); err != nil || after < 1 {
		t.Errorf("Retry-After: %q", a.Header.Get("Retry-After"))
	}
}

func TestSecurityConnectionsOfAnAddress(t *testing.T) {
	t.Parallel()
	g := guard(t, func(o *web.Options) { o.AddressLimits.Connections = 2 })
	id := g.say("public.a", `1`)
	g.Subscribe("channels=public.a").WantRegistered()
	g.Open("GET", "/presence/stream?channels=public.a", "").Next()
	for range 3 {
		wantLimit(t, g.Subscribe("channels=public.a", "Last-Event-ID: "+id), id)
		wantLimit(t, g.Subscribe("channels=room.a", bearer(token(t, "ada", "room.*", ""))), "")
		wantLimit(t, g.Open("POST", "/subscribe", `{"channels":["public.a"],"lastEventId":"`+id+`"}`), id)
		wantLimitBare(t, g.Open("GET", "/presence/stream?channels=public.a", "", "X-Forwarded-For: 203.0.113.9"))
	}
	if n := len(g.online()); n != 1 || g.Streams() != 2 {
		t.Errorf("%d online on %d streams", n, g.Streams())
	}
	g.Get("/subscribe?channels=room.a").WantStatus(401) // permanent errors are not goodbyes
}

func TestSecurityConnectionsOfAnIdentity(t *testing.T) {
	t.Parallel()
	g := guard(t, func(o *web.Options) { o.IdentityLimits.Connections = 1 })
	id := g.say("room.a", `1`)
	g.Subscribe("channels=room.a", bearer(token(t, "ada", "room.*", ""))).WantRegistered()
	for range 3 {
		// Another token of the same subject is no other identity.
		again := token(t, "ada", "room.a,room.b", "", claims{"jti": "2"})
		wantLimit(t, g.Subscribe("channels=room.a&clientId=bob", bearer(again), "Last-Event-ID: "+id), id)
		wantLimitBare(t, g.Open("GET", "/presence/stream?channels=room.a&access_token="+again, ""))
	}
	g.Subscribe("channels=room.a", bearer(token(t, "bob", "room.*", ""))).WantRegistered()
	g.Subscribe("channels=orders.a", g.billing).WantRegistered()
	wantLimit(t, g.Subscribe("channels=orders.a&clientId=x", g.billing), "")
	for range 3 { // anonymous requests have no identity
		g.Subscribe("channels=public.a").WantRegistered()
	}
}

func TestSecurityConnectsPerSecond(t *testing.T) {
	t.Parallel()
	for name, limit := range map[string]func(*web.Options, auth.Limits){
		"address":  func(o *web.Options, l auth.Limits) { o.AddressLimits = l },
		"identity": func(o *web.Options, l auth.Limits) { o.IdentityLimits = l },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := guard(t, func(o *web.Options) { limit(o, auth.Limits{ConnectsPerSecond: 0.01}) })
			show := bearer(token(t, "ada", "room.*", ""))
			id := g.say("room.a", `1`)
			st := g.Subscribe("channels=room.a", show)
			st.WantRegistered()
			st.Close()
			wantLimit(t, g.Subscribe("channels=room.a", show, "Last-Event-ID: "+id), id)
			wantLimitBare(t, g.Open("GET", "/presence/stream?channels=room.a", "", show))
		})
	}
}

func TestSecurityPublishesPerSecond(t *testing.T) {
	t.Parallel()
	for name, limit := range map[string]func(*web.Options, auth.Limits){
		"address":  func(o *web.Options, l auth.Limits) { o.AddressLimits = l },
		"identity": func(o *web.Options, l auth.Limits) { o.IdentityLimits = l },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := guard(t, func(o *web.Options) { limit(o, auth.Limits{PublishesPerSecond: 0.01}) })
			eve := bearer(token(t, "eve", "", "room.*"))
			g.Post("/publish", oneEvent("room.a", `1`), eve).WantStatus(200)
			for range 3 {
				wantTooMany(t, g.Post("/publish", oneEvent("room.a", `"too many"`), eve), "too_many_publishes")
				wantTooMany(t, g.Post("/publish", `{"events":[]}`, eve), "too_many_publishes")
			}
			if other := g.Post("/publish", oneEvent("room.b", `1`), bearer(token(t, "bob", "", "room.*"))); name == "identity" {
				other.WantStatus(200)
			} else {
				wantTooMany(t, other, "too_many_publishes")
			}
			if a := g.Get("/history?channel=room.a", g.root); strings.Contains(a.Body, "too many") {
				t.Error(a.Body)
			}
		})
	}
}

func TestSecurityBytesPerSecond(t *testing.T) {
	t.Parallel()
	for name, limit := range map[string]func(*web.Options, auth.Limits){
		"address":  func(o *web.Options, l auth.Limits) { o.AddressLimits = l },
		"identity": func(o *web.Options, l auth.Limits) { o.IdentityLimits = l },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := guard(t, func(o *web.Options) {
				limit(o, auth.Limits{BytesPerSecond: 4096})
				o.MaxPayloadBytes = 1 << 20
			})
			eve := bearer(token(t, "eve", "", "room.*"))
			g.Post("/publish", oneEvent("room.a", `"`+strings.Repeat("x", 1_000_000)+`"`), eve).WantStatus(200)
			wantTooMany(t, g.Post("/publish", oneEvent("room.a", `"too many"`), eve), "too_many_bytes")
			wantTooMany(t, g.DoReader("POST", "/publish", struct{ *strings.Reader }{strings.NewReader(oneEvent("room.a", `"too many"`))}, eve), "too_many_bytes")
			if a := g.Get("/history?channel=room.a", g.root); strings.Contains(a.Body, "too many") {
				t.Error(a.Body)
			}
		})
	}
}

// wrapped is a writer of another server, which has more than it shows.
type wrapped struct{ http.ResponseWriter }

func (w wrapped) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// A place is given back however its stream ends.
func TestSecurityPlacesAreGivenBack(t *testing.T) {
	t.Parallel()
	g := guard(t, func(o *web.Options) {
		*o = withAdmins(*o)
		o.AddressLimits.Connections, o.IdentityLimits.Connections = 1, 1
	})
	// The same server, whose connections cannot be taken over though they look so.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	other := &http.Server{ConnContext: web.ConnContext, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.Handler().ServeHTTP(wrapped{w}, r)
	})}
	go func() { _ = other.Serve(l) }()
	t.Cleanup(func() { _ = other.Close() })
	aside := g.At(t, l.Addr().String())

	alice := operator(t, g.Server)
	show := bearer(token(t, "ada", "room.*", ""))
	kick := func(st *webtest.Stream) {
		g.Do("DELETE", "/presence/clients/ada", "", g.root).WantStatus(204)
	}
	for name, end := range map[string]func(*webtest.Stream){
		"closed": (*webtest.Stream).Close,
		"cut":    (*webtest.Stream).Cut,
		"kicked": kick,
		"drained": func(*webtest.Stream) {
			alice.post("/admin/server/drain", "rate", "100000")
			until(t, "all streams are gone", func() bool { return g.Streams() == 0 })
			g.Subscribe("channels=room.a", show).WantGoodbye("draining", true)
			alice.post("/admin/server/drain/stop")
		},
		"revoked": func(*webtest.Stream) {
			without := *g.access
			without.Verifier, without.TokenCookie = nil, ""
			for _, access := range []*auth.Options{&without, g.access} {
				if err := g.Reload(web.Changes{Access: access, Admins: admins()}); err != nil {
					t.Fatal(err)
				}
			}
		},
	} {
		for _, srv := range []*webtest.Server{g.Server, aside} {
			st := srv.Subscribe("channels=room.a", show)
			st.WantRegistered()
			wantLimit(t, g.Subscribe("channels=room.a", show), "")
			end(st)
			until(t, name+": the stream is gone", func() bool { return g.Streams() == 0 })
		}
	}
	for _, end := range []func(*webtest.Stream){(*webtest.Stream).Close, (*webtest.Stream).Cut} {
		for _, srv := range []*webtest.Server{g.Server, aside} {
			st := srv.Open("GET", "/presence/stream?channels=room.a", "", show)
			st.Next()
			wantLimitBare(t, g.Open("GET", "/presence/stream?channels=room.a", "", show))
			end(st)
			until(t, "the presence stream is gone", func() bool { return g.Streams() == 0 })
		}
	}
	// What is refused before a stream begins takes no place.
	for range 3 {
		g.Get("/subscribe?channels=orders.a", show).WantStatus(403)
		g.Get("/subscribe?channels=*", show).WantStatus(403)
		wantDenied(t, g.Get("/presence/stream", show), 403)
	}
	g.Do("DELETE", "/presence/clients/ada?block=10m", "", g.root).WantStatus(204)
	g.Get("/subscribe?channels=room.a", show).WantStatus(204)
	g.Subscribe("channels=room.a", bearer(token(t, "bob", "room.*", ""))).WantRegistered()
}

// A client that guesses credentials is refused for a while, even if the next guess is right; clients without
// credentials are still served.
func TestSecurityFailedAuthentications(t *testing.T) {
	t.Parallel()
	g := guard(t, func(o *web.Options) { o.AddressLimits.FailedAuth = 5 })
	w := g.witness()
	guess, _ := apiKey(t, "x", "admin", ">")
	for i := range 5 {
		show := [][2]string{{"", guess}, {"?access_token=a.b.c", "X: y"}, {"", bearer("x")}, {"", "Cookie: session=x"}, {"", bearer(guess[len("X-API-Key: "):])}}[i]
		g.Get("/presence/channels"+show[0], show[1]).WantFault(401, "unauthorized", "")
	}
	good := token(t, "eve", "room.*", "")
	key := strings.TrimPrefix(g.root, "X-API-Key: ")
	for _, header := range [][]string{
		{g.root}, {guess}, {bearer(good)}, {bearer(key)}, {"Cookie: session=" + good}, {"X: y"},
		// Nor is it of use to hide the credential behind something that is none.
		{"Authorization:", bearer(key)}, {"Authorization: Basic eDp5", bearer(key)}, {"X-API-Key:", bearer(key)}, {"authorization: bearer " + key},
		{"Cookie: session=", "Cookie: session=" + good}, {g.root, "X-Forwarded-For: 203.0.113.7"}, {g.root, "Forwarded: for=203.0.113.7"},
	} {
		query := ""
		if header[0] == "X: y" {
			query = "&access_token=" + good
		}
		for _, target := range []string{"/presence/clients?channel=room.a", "/history?channel=room.a", "/presence/clients/ada?x", "/presence/channels?x"} {
			wantTooMany(t, g.Get(target+query, header...), "too_many_failures")
		}
		wantTooMany(t, g.Post("/publish?x"+query, oneEvent("room.a", `"guessed"`), header...), "too_many_failures")
		wantTooMany(t, g.Do("DELETE", "/presence/clients/ada?x"+query, "", header...), "too_many_failures")
		st := g.Subscribe("channels=room.a"+query, append(header, "Last-Event-ID: "+w.before)...)
		st.WantGoodbye("limit", true)
		if st.LastID != w.before {
			t.Errorf("goodbye is at %q", st.LastID)
		}
	}
	for _, header := range []string{"X: y", "Authorization: Basic eDp5", "Cookie: session="} {
		g.Get("/history?channel=public.a", header).WantStatus(200)
		g.Subscribe("channels=public.a", header).WantRegistered()
	}
	g.Get("/healthz", g.root).WantStatus(200)
	if p := history(t, g.Server, "channel=public.a"); len(p.Events) != 0 || p.Next != w.before {
		t.Errorf("something was published: %+v", p)
	}
}
