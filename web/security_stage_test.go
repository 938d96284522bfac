package web_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"rollcall/web"
	"rollcall/web/auth"
	"rollcall/web/webtest"
)

// tokenSecret signs the good tokens of the tests below.
var tokenSecret = []byte("0123456789abcdef0123456789abcdef")

var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// claims are a token's.
type claims = jwt.MapClaims

// forge signs a token that is good for an hour, unless its claims say otherwise.
func forge(t testing.TB, method jwt.SigningMethod, key any, c claims, header ...string) string {
	t.Helper()
	all := claims{"exp": time.Now().Add(time.Hour).Unix(), "iss": "https://id.example", "aud": "rollcall"}
	maps.Copy(all, c)
	token := jwt.NewWithClaims(method, all)
	for i := 0; i < len(header); i += 2 {
		token.Header[header[i]] = header[i+1]
	}
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// token is a good token of a subject for these channels; c may add claims.
func token(t testing.TB, sub, subscribe, publish string, c ...claims) string {
	t.Helper()
	channels := claims{}
	for name, list := range map[string]string{"subscribe": subscribe, "publish": publish} {
		if list != "" {
			channels[name] = strings.Split(list, ",")
		}
	}
	all := claims{"sub": sub, "channels": channels}
	for _, more := range c {
		maps.Copy(all, more)
	}
	return forge(t, jwt.SigningMethodHS256, tokenSecret, all)
}

// bearer is the header with a credential.
func bearer(text string) string { return "Authorization: Bearer " + text }

// apiKey makes an API key and returns the header that shows it.
func apiKey(t testing.TB, name, scopes, channels string) (header string, key auth.Key) {
	t.Helper()
	allow, err := auth.ParseScopes(scopes)
	if err != nil {
		t.Fatal(err)
	}
	text, key, err := auth.NewKey(name, allow, patternsOf(t, channels))
	if err != nil {
		t.Fatal(err)
	}
	return "X-API-Key: " + text, key
}

func patternsOf(t testing.TB, text string) auth.Patterns {
	t.Helper()
	patterns, err := auth.ParsePatterns(text)
	if err != nil {
		t.Fatal(err)
	}
	return patterns
}

// guarded is a server with keys, and with tokens in the header, the query and the cookie "session". Anonymous requests
// may read public.>.
type guarded struct {
	*webtest.Server
	testing.TB
	access  *auth.Options
	root    string // the header of a key that may do everything
	billing string // and of one for orders.>, which is no admin
	reader  string // and of one that sees all presence, and is no admin
}

// guard starts a guarded server. change may alter its options.
func guard(t testing.TB, change ...func(*web.Options)) *guarded {
	t.Helper()
	verifier, err := auth.NewVerifier(auth.VerifierOptions{
		Secret: tokenSecret, PublicKeys: []crypto.PublicKey{rsaKey().Public()},
		Issuer: "https://id.example", Audience: "rollcall", Leeway: -1,
	})
	if err != nil {
		t.Fatal(err)
	}
	g := &guarded{TB: t}
	var keys [3]auth.Key
	g.root, keys[0] = apiKey(t, "root", "publish,subscribe,history,presence,admin", ">")
	g.billing, keys[1] = apiKey(t, "billing", "publish,subscribe,history,presence", "orders.>")
	g.reader, keys[2] = apiKey(t, "reader", "presence", ">")
	g.access = &auth.Options{Keys: keys[:], Verifier: verifier, Anonymous: patternsOf(t, "public.>"), TokenCookie: "session"}
	opts := web.Options{Access: g.access}
	for _, f := range change {
		f(&opts)
	}
	g.Server = webtest.StartLocal(t, opts)
	return g
}

// say publishes one event with the root key and returns its id.
func (g *guarded) say(channel, payload string) string {
	g.Helper()
	var got struct{ Events []struct{ ID string } }
	g.Post("/publish", oneEvent(channel, payload), g.root).WantStatus(http.StatusOK).Into(&got)
	return got.Events[0].ID
}

// oneEvent is the body of a publish.
func oneEvent(channel, payload string) string {
	return fmt.Sprintf(`{"events":[{"channelName":%q,"type":"message","payload":%s}]}`, channel, payload)
}

// head is the position of the newest event.
func (g *guarded) head() string {
	g.Helper()
	var got struct{ Next string }
	g.Get("/history?channel=head", g.root).WantStatus(http.StatusOK).Into(&got)
	return got.Next
}

// online are the clients that are online, in order.
func (g *guarded) online() []string {
	g.Helper()
	var p clientPage
	g.Get("/presence/clients", g.root).WantStatus(http.StatusOK).Into(&p)
	ids := make([]string, len(p.Clients))
	for i, c := range p.Clients {
		ids[i] = c.ClientID
	}
	return ids
}

// witness is ada on room.a, unaffected by the attacks.
type witness struct {
	*guarded
	stream *webtest.Stream
	before string // the head
}

func (g *guarded) witness() *witness {
	g.Helper()
	st := g.Subscribe("channels=room.a", bearer(token(g, "ada", "room.*", "")))
	if st.WantRegistered().ClientID != "ada" {
		g.Fatalf("ada is %+v", st.Hello)
	}
	st.WantLast("room.a", `{}`)
	return &witness{g, st, g.head()}
}

// wantPeace wants that nothing was published, no client joined and ada is still present.
func (w *witness) wantPeace() {
	w.Helper()
	if now := w.head(); now != w.before {
		w.Fatalf("something was published: the head went from %s to %s", w.before, now)
	}
	if ids := w.online(); !slices.Equal(ids, []string{"ada"}) {
		w.Fatalf("online are %q", ids)
	}
	if n := w.Streams(); n != 1 {
		w.Fatalf("%d streams", n)
	}
	w.before = w.say("room.a", `"all is well"`)
	w.stream.WantEvent("room.a", "message", `"all is well"`)
}

// door is a request that takes a credential.
type door struct{ method, target, body string }

// doors are all of them, asking for what ada has: a kind of route each, and each
// way to write it.
func (w *witness) doors() []door {
	return []door{
		{"GET", "/subscribe?channels=room.a&clientId=ada", ""},
		{"GET", "/subscribe/?channel=room.a", ""},
		{"POST", "/subscribe", `{"channels":["room.a"],"clientId":"ada","presence":"channels"}`},
		{"POST", "/publish", oneEvent("room.a", `"forged"`)},
		{"POST", "/publish/", `{"events":[]}`},
		{"POST", "/messages", `{"room":"a","text":"forged"}`},
		{"POST", "/events?memberId=ada", `{"type":"FORGED"}`},
		{"GET", "/history?channel=room.a", ""},
		{"GET", "/lastEvent?channel=room.a", ""},
		{"GET", "/presence/clients?channel=room.a", ""},
		{"GET", "/presence/clients", ""},
		{"GET", "/presence/clients/ada", ""},
		{"GET", "/presence/channels", ""},
		{"GET", "/presence/stream", ""},
		{"GET", "/presence/stream?channels=room.a", ""},
		{"DELETE", "/presence/clients/ada", ""},
		{"DELETE", "/presence/clients/ada?block=10m", ""},
		{"DELETE", "/presence/connections/" + w.stream.Hello.ConnectionID, ""},
	}
}

// knock makes the request with this in addition to its query, and these headers.
func (w *witness) knock(d door, query string, header ...string) *webtest.Answer {
	w.Helper()
	target := d.target
	if query != "" && strings.Contains(target, "?") {
		target += "&" + query
	} else if query != "" {
		target += "?" + query
	}
	return w.Do(d.method, target, d.body, header...)
}

// wantRefused presents a bad token to every endpoint, in every possible place, and wants it refused without effect.
func wantRefused(t *testing.T, g *guarded, bad string, why error) {
	t.Helper()
	w := g.witness()
	for _, d := range w.doors() {
		for place, show := range map[string]func() *webtest.Answer{
			"header": func() *webtest.Answer { return w.knock(d, "", bearer(bad)) },
			"query":  func() *webtest.Answer { return w.knock(d, "access_token="+bad) },
			"cookie": func() *webtest.Answer { return w.knock(d, "", "Cookie: session="+bad) },
		} {
			a := show()
			text := a.WantHeader("WWW-Authenticate", `Bearer error="invalid_token"`).WantFault(401, "unauthorized", "")
			if !strings.Contains(text, why.Error()) || strings.Contains(a.Body, bad) {
				t.Errorf("%s %s, in the %s: %s, want %q", d.method, d.target, place, text, why)
			}
		}
	}
	w.wantPeace()
}

// wantDenied wants a request refused for lack of rights, or of a credential at all.
func wantDenied(t testing.TB, a *webtest.Answer, status int) {
	t.Helper()
	var got struct {
		Error struct{ Code, Message string }
	}
	a.WantStatus(status).WantHeader("Content-Type", "application/json; charset=utf-8").Into(&got)
	if want := map[int]string{401: "unauthorized", 403: "forbidden"}[status]; got.Error.Code != want || got.Error.Message == "" {
		t.Fatalf("%s, want the code %s", a.Body, want)
	}
}
