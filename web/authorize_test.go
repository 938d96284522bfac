package web_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/web"
	"rollcall/web/auth"
	"rollcall/web/webtest"
)

// app is a real backend that decides about rights. It identifies sessions by their cookie.
type app struct {
	*httptest.Server
	mu       sync.Mutex
	sessions map[string]string // what is answered, by the cookie; "401" and the like are statuses
	asked    []auth.Question
	release  chan struct{} // answers wait for it to be closed; nil: they don't
	control  string        // the Cache-Control of answers
}

func startApp(t testing.TB, sessions map[string]string) *app {
	p := &app{sessions: sessions, control: "no-store"}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var q auth.Question
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
			t.Errorf("the backend was asked what it can't read: %v", err)
		}
		p.mu.Lock()
		p.asked = append(p.asked, q)
		answer, known := p.sessions[q.Cookies["session"]]
		release := p.release
		p.mu.Unlock()
		if release != nil {
			<-release
		}
		w.Header().Set("Cache-Control", p.control)
		var status int
		if !known {
			w.WriteHeader(http.StatusUnauthorized)
		} else if _, err := fmt.Sscanf(answer, "%d", &status); err == nil {
			w.WriteHeader(status)
		} else {
			io.WriteString(w, answer)
		}
	}))
	t.Cleanup(p.Close)
	return p
}

// questions returns what was asked since the last call.
func (p *app) questions() []auth.Question {
	p.mu.Lock()
	defer p.mu.Unlock()
	asked := p.asked
	p.asked = nil
	return asked
}

// backendOf returns what asks the app, which ends with the test.
func (p *app) backend(t testing.TB, rate int) *auth.Backend {
	t.Helper()
	b, err := auth.NewBackend(auth.BackendOptions{URL: p.URL, Cookies: []string{"session"}, Headers: []string{"X-Tenant"}, Rate: rate})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// asks starts a guarded server that asks the app; tokens are not taken from cookies.
func (p *app) asks(t testing.TB, rate int, change ...func(*web.Options)) *guarded {
	t.Helper()
	b := p.backend(t, rate)
	return guard(t, append([]func(*web.Options){func(o *web.Options) {
		access := *o.Access
		access.Backend, access.TokenCookie = b, ""
		o.Access = &access
	}}, change...)...)
}

// annsAnswer lets ann read room.*.
const annsAnswer = `{"clientId":"ann","channels":{"subscribe":["room.*"]},"info":{"name":"Ann"}}`

func session(name string) string { return "Cookie: session=" + name }

// The backend's answer determines a stream's client, its rights and its info in presence.
func TestAuthorizeLetsIn(t *testing.T) {
	t.Parallel()
	p := startApp(t, map[string]string{"s1": annsAnswer})
	g := p.asks(t, 0)
	st := g.Subscribe("channels=room.a,room.b&clientId=eve&presence=channels&info=%7B%22name%22:%22Eve%22%7D", session("s1"), "X-Tenant: t1", "X-Other: o")
	if hello := st.WantRegistered(); hello.ClientID != "ann" {
		t.Fatalf("the stream is %+v", hello)
	}
	want := auth.Question{Channels: []string{"room.a", "room.b"}, ClientID: "eve", RemoteAddr: "127.0.0.1",
		Headers: map[string]string{"X-Tenant": "t1"}, Cookies: map[string]string{"session": "s1"}}
	if asked := p.questions(); len(asked) != 1 || jsonOf(t, asked[0]) != jsonOf(t, want) {
		t.Errorf("the backend was asked %s, want %s", jsonOf(t, asked), jsonOf(t, want))
	}
	var page clientPage
	g.Get("/presence/clients", g.root).WantStatus(200).Into(&page)
	if len(page.Clients) != 1 || page.Clients[0].ClientID != "ann" || string(page.Clients[0].Info) != `{"name":"Ann"}` {
		t.Errorf("presence shows %+v", page)
	}
	st.WantLast("room.a", `{}`)
	st.WantLast("room.b", `{}`)
	g.say("room.a", `"for Ann"`)
	for {
		if ev, m := st.Next(); ev.Type == "message" {
			if m.Channel != "room.a" || string(m.Payload) != `"for Ann"` {
				t.Errorf("the stream got %+v", m)
			}
			break
		}
	}
	g.Do("PUT", "/presence/connections/"+st.Hello.ConnectionID+"/info?secret="+st.Hello.Secret, `{"name":"Eve"}`).WantFault(403, "fixed_info", "")
	post := g.Open("POST", "/subscribe", `{"channels":["room.a"],"clientId":"eve"}`, session("s1"))
	if hello := post.WantRegistered(); hello.ClientID != "ann" {
		t.Errorf("by POST the stream is %+v", hello)
	}
}

// Without a clientId in the answer, the server gives one: a request can't name itself.
func TestAuthorizeWithoutAClientID(t *testing.T) {
	t.Parallel()
	p := startApp(t, map[string]string{"s1": `{"channels":{"subscribe":["news"]}}`})
	st := p.asks(t, 0).Subscribe("channels=news&clientId=ada", session("s1"))
	if id := st.WantRegistered().ClientID; id == "ada" || len(id) < 20 {
		t.Errorf("the stream is %q", id)
	}
}

// asking are the requests that ask, and what channels each asks about.
var askingDoors = []struct {
	door
	channels []string
}{
	{door{"GET", "/subscribe?channels=room.a", ""}, []string{"room.a"}},
	{door{"POST", "/subscribe", `{"channels":["room.a"]}`}, []string{"room.a"}},
	{door{"GET", "/presence/stream?channels=room.a", ""}, []string{"room.a"}},
	{door{"GET", "/messages?room=a", ""}, []string{"room.a"}},
	{door{"GET", "/events?memberId=ann", ""}, []string{"member.ann"}},
	{door{"GET", "/sse/time", ""}, []string{}},
	{door{"POST", "/events/ack?memberId=ann&deviceId=phone", `{"id":"x-1"}`}, []string{"member.ann"}},
	{door{"GET", "/history?channel=room.a", ""}, []string{"room.a"}},
	{door{"GET", "/lastEvent?channel=room.a", ""}, []string{"room.a"}},
	{door{"GET", "/presence/clients?channel=room.a", ""}, []string{"room.a"}},
	{door{"GET", "/presence/clients/ann", ""}, []string{}},
	{door{"GET", "/presence/channels", ""}, []string{}},
}

// isStreamOf reports whether a request opens a stream.
func (d *door) isStream() bool {
	for _, path := range []string{"/subscribe", "/presence/stream", "/messages", "/events", "/sse/time"} {
		if target, _, _ := strings.Cut(d.target, "?"); target == path {
			return true
		}
	}
	return false
}

// A refusal of the backend is one of the server, in its own form, at every request that asks.
func TestAuthorizeRefuses(t *testing.T) {
	t.Parallel()
	p := startApp(t, map[string]string{"s1": "403"})
	g := p.asks(t, 0)
	for _, d := range askingDoors {
		a := g.Do(d.method, d.target, d.body)
		a.WantHeader("WWW-Authenticate", "Bearer").WantFault(401, "unauthorized", "")
		a = g.Do(d.method, d.target, d.body, session("s1"))
		a.WantFault(403, "forbidden", "")
		if asked := p.questions(); len(asked) != 2 || !slices.Equal(asked[0].Channels, d.channels) {
			t.Errorf("%s %s: the backend was asked %+v", d.method, d.target, asked)
		}
	}
	if n := g.Streams(); n != 0 {
		t.Errorf("%d streams", n)
	}
}

// What the answer does not cover is refused as it is to a token.
func TestAuthorizeGrantHolds(t *testing.T) {
	t.Parallel()
	p := startApp(t, map[string]string{"s1": annsAnswer, "none": `{"clientId":"bob"}`})
	g := p.asks(t, 0)
	for target, field := range map[string]string{
		"/subscribe?channels=room.a,orders":          "channels",
		"/subscribe?channels=room.a.b":               "channels",
		"/presence/stream?channels=orders":           "channels",
		"/history?channel=orders":                    "channel",
		"/lastEvent?channel=orders":                  "channel",
		"/presence/clients?channel=orders":           "channel",
		"/subscribe?channels=room.a&presence=online": "presence",
		"/events?memberId=ann":                       "memberId",
	} {
		wantDenied(t, g.Get(target, session("s1")), 403)
		if a := g.Get(target, session("s1")); !strings.Contains(a.Body, `"field":"`+field+`"`) {
			t.Errorf("%s is answered %s", target, a.Body)
		}
	}
	wantDenied(t, g.Get("/subscribe?channels=room.%3E", session("s1")), 403)
	text := g.Get("/subscribe?channels=room.a", session("none")).WantStatus(403).Body
	if !strings.Contains(text, "The backend's answer names no channels") {
		t.Error(text)
	}
	g.Get("/history?channel=room.a", session("s1")).WantStatus(200)
	var list struct {
		Channels []struct{ ChannelName string }
	}
	g.Subscribe("channels=room.a,orders.1", g.root).WantRegistered()
	g.Get("/presence/channels", session("s1")).WantStatus(200).Into(&list)
	if len(list.Channels) != 1 || list.Channels[0].ChannelName != "room.a" {
		t.Errorf("ann sees the channels %+v", list)
	}
	st := g.Subscribe("channels=room.*", session("s1"))
	st.WantRegistered()
	g.say("room.a", `"by a pattern"`)
	st.WantEvent("room.a", "message", `"by a pattern"`)
}

// Without a valid answer requests are refused: reads get a 503, streams a goodbye after which they reconnect.
func TestAuthorizeFailsClosed(t *testing.T) {
	t.Parallel()
	p := startApp(t, map[string]string{"s1": "500", "s2": annsAnswer})
	g := p.asks(t, 0)
	refused := func(cookie string) {
		t.Helper()
		for _, d := range askingDoors {
			if !d.isStream() {
				a := g.Do(d.method, d.target, d.body, session(cookie)).WantHeader("Retry-After", "5")
				a.WantFault(503, "authorize_unavailable", "")
				continue
			}
			a := g.Do(d.method, d.target, d.body, session(cookie)).WantStatus(200)
			if !strings.Contains(a.Body, "event: goodbye") || !strings.Contains(a.Body, "overloaded") || !strings.Contains(a.Body, "retry: ") || strings.Contains(a.Body, "registered") {
				t.Errorf("%s %s is answered %s", d.method, d.target, a.Body)
			}
		}
	}
	refused("s1")
	st := g.Open("GET", "/subscribe?channels=room.a&lastEventId="+g.head(), "", session("s1"))
	st.WantGoodbye("overloaded", true)
	if st.LastID != g.head() {
		t.Errorf("the goodbye has the id %q, not the one asked for", st.LastID)
	}
	p.Close()
	refused("s2")
	if n := g.Streams(); n != 0 {
		t.Errorf("%d streams", n)
	}
	g.Get("/history?channel=room.a", g.root).WantStatus(200) // keys and tokens are judged as ever
	g.Subscribe("channels=room.a", bearer(token(t, "ada", "room.a", ""))).WantRegistered()
	g.Subscribe("channels=public.a", session("s2")).WantRegistered()
}

// Keys and tokens are judged by themselves, good and bad ones, and what is open to everybody needs no question. Nor does
// what changes something ask, or what only a key may see.
func TestAuthorizeIsBesideKeysAndTokens(t *testing.T) {
	t.Parallel()
	p := startApp(t, map[string]string{"s1": `{"clientId":"ann","channels":{"subscribe":[">"],"publish":[">"]}}`})
	g := p.asks(t, 0)
	g.Subscribe("channels=room.a", bearer(token(t, "ada", "room.a", "")), session("s1")).WantRegistered()
	g.Get("/history?channel=room.a", g.root, session("s1")).WantStatus(200)
	wantDenied(t, g.Get("/subscribe?channels=room.b", bearer(token(t, "ada", "room.a", "")), session("s1")), 403)
	g.Get("/subscribe?channels=room.a", bearer("a.b.c"), session("s1")).WantFault(401, "unauthorized", "")
	if hello := g.Subscribe("channels=public.a&clientId=ann", session("s1")).WantRegistered(); hello.ClientID == "ann" {
		t.Error("what is open to everybody has an identity")
	}
	for _, d := range []door{
		{"POST", "/publish", oneEvent("room.a", `"x"`)},
		{"POST", "/messages", `{"room":"a","text":"x"}`},
		{"POST", "/events?memberId=ann", `{"type":"X"}`},
		{"DELETE", "/presence/clients/ada", ""},
		{"GET", "/presence/clients", ""},
		{"GET", "/presence/stream", ""},
		{"GET", "/metrics", ""},
	} {
		g.Do(d.method, d.target, d.body, session("s1")).WantStatus(401)
	}
	if asked := p.questions(); len(asked) != 0 {
		t.Errorf("the backend was asked %+v", asked)
	}
}

// A bearer credential that is not a key is the backend's, if Authorization is listed and no tokens are configured.
func TestAuthorizeByTheBackendsOwnCredential(t *testing.T) {
	t.Parallel()
	told := ""
	e := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var q auth.Question
		_ = json.NewDecoder(r.Body).Decode(&q)
		told = q.Headers["Authorization"]
		io.WriteString(w, annsAnswer)
	}))
	t.Cleanup(e.Close)
	b, err := auth.NewBackend(auth.BackendOptions{URL: e.URL, Headers: []string{"Authorization"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	root, key := apiKey(t, "root", "subscribe", ">")
	srv := webtest.Start(t, web.Options{Access: &auth.Options{Keys: []auth.Key{key}, Backend: b}})
	if hello := srv.Subscribe("channels=room.a", bearer("opaque")).WantRegistered(); hello.ClientID != "ann" || told != "Bearer opaque" {
		t.Errorf("the stream is %+v, the backend was told %q", hello, told)
	}
	told = ""
	srv.Subscribe("channels=news", root).WantRegistered()
	srv.Get("/subscribe?channels=news", "X-API-Key: opaque").WantFault(401, "unauthorized", "")
	srv.Get("/subscribe?channels=news&access_token=opaque").WantFault(401, "unauthorized", "")
	if told != "" {
		t.Errorf("the backend was told %q", told)
	}
}

// The stream ends when the answer does, as with a token.
func TestAuthorizeExpiryEndsTheStream(t *testing.T) {
	t.Parallel()
	p := startApp(t, map[string]string{"s1": fmt.Sprintf(`{"clientId":"ann","channels":{"subscribe":["room.*"]},"expires":%d}`, time.Now().Unix()+3)})
	g := p.asks(t, 0)
	events := g.Open("GET", "/subscribe?channels=room.a", "", session("s1"))
	presence := g.Open("GET", "/presence/stream?channels=room.a", "", session("s1"))
	for _, st := range []*webtest.Stream{events, presence} {
		for {
			ev, err := st.Parser.Next()
			if err != nil {
				t.Fatalf("%v, want goodbye", err)
			}
			if ev.Type == "goodbye" {
				if !strings.Contains(ev.Data, "expired") {
					t.Errorf("the stream ends with %q", ev)
				}
				break
			}
		}
	}
}

// A blocked client is refused with any kind of credential.
func TestAuthorizeOfABlockedClient(t *testing.T) {
	t.Parallel()
	p := startApp(t, map[string]string{"s1": annsAnswer})
	g := p.asks(t, 0)
	g.Do("DELETE", "/presence/clients/ann?block=10m", "", g.root).WantStatus(204)
	g.Get("/subscribe?channels=room.a", session("s1")).WantStatus(204)
	g.Get("/presence/stream?channels=room.a", session("s1")).WantStatus(204)
	g.Get("/history?channel=room.a", session("s1")).WantFault(403, "blocked", "")
}

// A reload may take the backend away, which ends the streams that it let in, and only these.
func TestAuthorizeReload(t *testing.T) {
	t.Parallel()
	p := startApp(t, map[string]string{"s1": annsAnswer})
	g := p.asks(t, 0)
	asked := g.Open("GET", "/subscribe?channels=room.a", "", session("s1"))
	asked.WantRegistered()
	asked.WantLast("room.a", `{}`)
	byToken := g.Subscribe("channels=room.a", bearer(token(t, "ada", "room.a", "")))
	byToken.WantRegistered()
	byToken.WantLast("room.a", `{}`)
	access := *g.access
	access.TokenCookie = ""
	if err := g.Reload(web.Changes{Access: &access}); err != nil {
		t.Fatal(err)
	}
	asked.WantGoodbye("expired", false)
	wantDenied(t, g.Get("/subscribe?channels=room.a", session("s1")), 401)
	access.Backend = p.backend(t, 0)
	if err := g.Reload(web.Changes{Access: &access}); err != nil {
		t.Fatal(err)
	}
	g.Subscribe("channels=room.a", session("s1")).WantRegistered()
	g.say("room.a", `"still there"`)
	byToken.WantEvent("room.a", "message", `"still there"`)
	if err := g.Reload(web.Changes{Access: &access, CORSOrigins: []string{"*"}}); err == nil {
		t.Error("pages of all origins may use the visitor's cookies")
	}
}
