package web_test

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"rollcall/web"
	"rollcall/web/auth"
	"rollcall/web/webtest"
)

// soon is a token's end: late enough to open a stream with it.
func soon() claims { return claims{"exp": time.Now().Unix() + 3} }

// wantExpired reads a stream's body to its end, which must be the goodbye of one
// whose credentials have expired.
func wantExpired(t testing.TB, body io.Reader) {
	t.Helper()
	p := webtest.NewParser(body)
	var last webtest.Event
	for {
		ev, err := p.Next()
		if err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("after %q: %v", last, err)
		}
		last = ev
	}
	if last.Type != "goodbye" || !strings.Contains(last.Data, `"{\"code\":\"expired\",\"reason\":\"The credentials have expired.\",\"reconnect\":false}"`) {
		t.Errorf("the stream ended with %q", last)
	}
}

// A token's stream ends when the token does, and cannot be had again with it.
func TestSecurityExpiryOnALiveStream(t *testing.T) {
	t.Parallel()
	g := guard(t, func(o *web.Options) { o.H2C = true })
	short := token(t, "eve", "room.*", "", soon())
	asks := []string{"/subscribe?channels=room.a", "/presence/stream?channels=room.a"}
	var open []*webtest.Stream
	for _, target := range asks {
		open = append(open, g.Open("GET", target, "", bearer(short)))
	}
	open = append(open, g.Open("POST", "/subscribe", `{"channels":["room.a"]}`, "Cookie: session="+short))

	// HTTP/1.0, whose streams end with their connection.
	w := g.Dial()
	w.Send("GET /subscribe?channels=room.a&access_token=" + short + " HTTP/1.0\n\n")
	w.WantLine("event: registered")

	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: &protocols}
	t.Cleanup(transport.CloseIdleConnections)
	two := &http.Client{Transport: transport, Timeout: webtest.Patience}
	var bodies []io.ReadCloser
	for _, target := range asks {
		req, err := http.NewRequest("GET", g.URL+target, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+short)
		resp, err := two.Do(req)
		if err != nil || resp.StatusCode != 200 || resp.ProtoMajor != 2 {
			t.Fatalf("%v, %v", resp, err)
		}
		defer resp.Body.Close()
		bodies = append(bodies, resp.Body)
	}
	if n := g.Streams(); n != 6 {
		t.Errorf("%d streams", n)
	}
	open[0].WantRegistered()
	open[0].WantLast("room.a", `{}`)
	open[0].WantGoodbye("expired", false)
	open[2].WantRegistered()
	open[2].WantLast("room.a", `{}`)
	open[2].WantGoodbye("expired", false)
	if ev, _ := open[1].Next(); ev.Type != "snapshot" {
		t.Errorf("%q", ev)
	}
	wantWatcherGoodbyeSoon(t, open[1])
	wantExpired(t, bufio.NewReader(w))
	for _, body := range bodies {
		wantExpired(t, body)
	}
	until(t, "every stream is gone", func() bool { return g.Streams() == 0 && len(g.online()) == 0 })
	for _, target := range append(asks, "/history?channel=room.a") {
		g.Get(target, bearer(short), "Last-Event-ID: "+open[0].LastID).WantFault(401, "unauthorized", "")
	}
}

// wantWatcherGoodbyeSoon ignores changes to the goodbye of an expired presence
// stream and its end.
func wantWatcherGoodbyeSoon(t testing.TB, st *webtest.Stream) {
	t.Helper()
	for {
		ev, err := st.Parser.Next()
		if err != nil {
			t.Fatal(err)
		}
		if ev.Type == "goodbye" {
			if !strings.Contains(ev.Data, `"expired`) && !strings.Contains(ev.Data, `\"expired`) || !strings.Contains(ev.Data, "false") {
				t.Errorf("%q", ev)
			}
			st.WantEnd()
			return
		}
	}
}

// An API key's end is that of its streams, too.
func TestSecurityExpiryOfAKey(t *testing.T) {
	t.Parallel()
	var header string
	g := guard(t, func(o *web.Options) {
		access := *o.Access
		var key auth.Key
		header, key = apiKey(t, "short", "subscribe", ">")
		key.Expires = time.Unix(time.Now().Unix()+3, 0)
		access.Keys = append(slices.Clone(access.Keys), key)
		o.Access = &access
	})
	st := g.Subscribe("channels=a", header)
	st.WantRegistered()
	st.WantLast("a", `{}`)
	st.WantGoodbye("expired", false)
	if text := g.Get("/subscribe?channels=a", header).WantFault(401, "unauthorized", ""); !strings.Contains(text, "expired") {
		t.Error(text)
	}
}

// A key that is taken away at a Reload ends what it has open; others' streams go on.
func TestSecurityRevokedKeyEndsItsStreams(t *testing.T) {
	t.Parallel()
	g := guard(t)
	w := g.witness()
	open := g.Subscribe("channels=orders.a", g.billing)
	open.WantRegistered()
	open.WantLast("orders.a", `{}`)
	watch := g.Open("GET", "/presence/stream?channels=orders.a", "", g.billing)
	public := g.Subscribe("channels=public.a")
	public.WantRegistered()
	public.WantLast("public.a", `{}`)

	next := *g.access
	next.Keys = slices.DeleteFunc(slices.Clone(next.Keys), func(k auth.Key) bool { return k.Name == "billing" })
	if err := g.Reload(web.Changes{Access: &next}); err != nil {
		t.Fatal(err)
	}
	open.WantGoodbye("expired", false)
	wantWatcherGoodbyeSoon(t, watch)
	g.say("public.a", `1`)
	public.WantEvent("public.a", "message", `1`)

	// Neither may a key that is there have what it had before with fewer rights.
	watch = g.Open("GET", "/presence/stream", "", g.reader)
	for i, k := range next.Keys {
		if k.Name == "reader" {
			next.Keys[i].Channels = patternsOf(t, "public.>")
		}
	}
	next.Anonymous = nil
	if err := g.Reload(web.Changes{Access: &next}); err != nil {
		t.Fatal(err)
	}
	wantWatcherGoodbyeSoon(t, watch)
	public.WantGoodbye("expired", false)
	wantDenied(t, g.Get("/presence/stream", g.reader), 403)
	wantDenied(t, g.Get("/subscribe?channels=public.a"), 401)
	w.before = g.head()
	until(t, "ada alone is left", func() bool { return g.Streams() == 1 })
	w.wantPeace()
}

// A Reload that is wrong in one part changes nothing at all.
func TestSecurityBadReload(t *testing.T) {
	t.Parallel()
	g := guard(t, func(o *web.Options) { o.CORSOrigins = []string{"https://app.example"} })
	w := g.witness()
	revoked := *g.access
	revoked.Keys = g.access.Keys[:1]
	twice := *g.access
	twice.Keys = append(slices.Clone(g.access.Keys), g.access.Keys[0])
	both := auth.Options{Open: true, Keys: g.access.Keys}
	bare := revoked
	bare.TokenCookie = ""
	for name, c := range map[string]web.Changes{
		"a bad origin":          {Access: &revoked, CORSOrigins: []string{"https://evil.example", "nonsense"}},
		"a cookie for all":      {Access: &revoked, CORSOrigins: []string{"*"}},
		"a key twice":           {Access: &twice, CORSOrigins: []string{"https://evil.example"}},
		"open and not":          {Access: &both, CORSOrigins: []string{"https://evil.example"}},
		"an account that's bad": {Access: &bare, CORSOrigins: []string{"*"}, Admins: append(slices.Clone(admins()), admins()[0])},
	} {
		if err := g.Reload(c); err == nil || strings.Contains(err.Error(), "rk_") {
			t.Errorf("%s: %v", name, err)
		}
		g.Get("/presence/clients?channel=orders.a", g.billing, "Origin: https://app.example").WantStatus(200).WantHeader("Access-Control-Allow-Origin", "https://app.example")
		g.Get("/presence/clients", g.root, "Origin: https://evil.example").WantFault(403, "foreign_origin", "")
		wantDenied(t, g.Get("/presence/clients"), 401)
		w.wantPeace()
	}
}

// A stream admitted just before a Reload that forbids it ends, even if it joined after the streams were checked.
func TestSecurityReloadWhileAStreamBegins(t *testing.T) {
	t.Parallel()
	for _, target := range []string{"/subscribe?channels=room.a", "/presence/stream?channels=room.a"} {
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			asked, answer := make(chan struct{}), make(chan struct{})
			release := sync.OnceFunc(func() { close(answer) })
			var fetches atomic.Int32
			keys := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if fetches.Add(1) == 1 {
					_, _ = io.WriteString(w, `{"keys":[]}`)
					return
				}
				close(asked)
				<-answer
				_, _ = fmt.Fprintf(w, `{"keys":[{"kty":"RSA","kid":"new","e":"AQAB","n":%q}]}`, base64.RawURLEncoding.EncodeToString(rsaKey().N.Bytes()))
			}))
			t.Cleanup(keys.Close)
			t.Cleanup(release)
			verifier, err := auth.NewVerifier(auth.VerifierOptions{JWKSURL: keys.URL})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(verifier.Close)
			until(t, "the keys were fetched once", func() bool { state, _ := verifier.JWKS(); return state.Fetches == 1 })
			access := &auth.Options{Verifier: verifier}
			srv := webtest.Start(t, web.Options{Access: access})
			w := srv.Dial()
			w.Send("GET " + target + " HTTP/1.1\nHost: x\n" + bearer(forge(t, jwt.SigningMethodRS256, rsaKey(), everywhere, "kid", "new")) + "\n\n")
			<-asked // it is being looked at
			if err := srv.Reload(web.Changes{Access: &auth.Options{}}); err != nil {
				t.Fatal(err)
			}
			release()
			w.WantLine("HTTP/1.1 200 ")
			w.WantLine("event: goodbye")
			if line := w.WantLine("data: "); !strings.Contains(line, "expired") {
				t.Error(line)
			}
			until(t, "no stream is left", func() bool { return srv.Streams() == 0 })
		})
	}
}
