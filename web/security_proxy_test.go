package web_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"rollcall/web"
	"rollcall/web/auth"
	"rollcall/web/webtest"
)

// forwardings are ways to claim another address.
var forwardings = []string{
	"X-Forwarded-For: 203.0.113.7", "X-Forwarded-For: 203.0.113.7, 203.0.113.8", "Forwarded: for=203.0.113.7", `Forwarded: for="[2001:db8::7]"`,
	"X-Real-IP: 203.0.113.7", "True-Client-IP: 203.0.113.7", "CF-Connecting-IP: 203.0.113.7", "X-Client-IP: 203.0.113.7", "X-Cluster-Client-IP: 203.0.113.7",
}

func trusting(t testing.TB, networks ...string) func(*web.Options) {
	t.Helper()
	trusted, err := auth.ParseTrusted(networks...)
	if err != nil {
		t.Fatal(err)
	}
	return func(o *web.Options) { o.TrustedProxies = trusted }
}

// addressOf is what presence says of the only connection of a client.
func addressOf(t testing.TB, g *guarded, clientID string) string {
	t.Helper()
	var got struct{ Connections []connEntry }
	g.Get("/presence/clients/"+clientID, g.root).WantStatus(200).Into(&got)
	return got.Connections[0].RemoteAddr
}

// Only a trusted proxy's headers determine an address.
func TestSecurityForgedForwardedFor(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*web.Options){"nobody trusted": func(*web.Options) {}, "others trusted": trusting(t, "10.0.0.0/8", "::1")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := guard(t, change, func(o *web.Options) {
				o.AddressLimits = auth.Limits{Connections: 1, FailedAuth: 1, PublishesPerSecond: 0.01}
			})
			g.Subscribe("channels=room.a", bearer(token(t, "ada", "room.*", "")), forwardings[0]).WantRegistered()
			if addr := addressOf(t, g, "ada"); addr != "127.0.0.1" {
				t.Errorf("she comes from %s", addr)
			}
			g.Post("/publish", oneEvent("room.a", `1`), g.root).WantStatus(200)
			for _, header := range forwardings {
				wantLimit(t, g.Subscribe("channels=public.a", header), "")
				wantTooMany(t, g.Post("/publish", oneEvent("room.a", `1`), g.root, header), "too_many_publishes")
			}
			g.Get("/presence/channels", bearer("x")).WantStatus(401)
			for _, header := range forwardings {
				wantTooMany(t, g.Get("/presence/channels", bearer("x"), header), "too_many_failures")
			}
		})
	}
}

// Behind a trusted proxy, each client has its own limits, and is shown with its own address.
func TestSecurityTrustedProxy(t *testing.T) {
	t.Parallel()
	g := guard(t, trusting(t, "127.0.0.0/8"), func(o *web.Options) {
		o.AddressLimits = auth.Limits{Connections: 1, FailedAuth: 1, PublishesPerSecond: 0.01}
	})
	for sub, header := range map[string]string{
		"ada": "X-Forwarded-For: 203.0.113.7", "bob": "Forwarded: for=203.0.113.8;proto=https", "carl": "X-Forwarded-For: 127.0.0.1, 203.0.113.9",
	} {
		show := bearer(token(t, sub, "room.*", "room.*"))
		g.Subscribe("channels=room.a", show, header).WantRegistered()
		wantLimit(t, g.Subscribe("channels=public.a", header), "")
		g.Post("/publish", oneEvent("room.a", `1`), show, header).WantStatus(200)
		wantTooMany(t, g.Post("/publish", oneEvent("room.a", `2`), show, header), "too_many_publishes")
		g.Get("/presence/channels", bearer("x"), header).WantStatus(401)
		wantTooMany(t, g.Get("/presence/channels", show, header), "too_many_failures")
	}
	for sub, addr := range map[string]string{"ada": "203.0.113.7", "bob": "203.0.113.8", "carl": "203.0.113.9"} {
		if got := addressOf(t, g, sub); got != addr {
			t.Errorf("%s comes from %s, want %s", sub, got, addr)
		}
	}
	// What a client claims in front of what the proxy adds is not believed.
	show := bearer(token(t, "eve", "room.*", ""))
	wantLimit(t, g.Subscribe("channels=public.a", "X-Forwarded-For: 198.51.100.1, 203.0.113.7"), "")
	g.Subscribe("channels=room.a", show, "X-Forwarded-For: 203.0.113.7", "X-Forwarded-For: 203.0.113.11").WantRegistered()
	if got := addressOf(t, g, "eve"); got != "203.0.113.11" {
		t.Errorf("eve comes from %s", got)
	}
}

// routesAsked are all routes of a server, as requests, and some that there are not.
func routesAsked(srv *webtest.Server) (list []door) {
	fill := strings.NewReplacer(":clientId", "ada", ":connectionId", "x", ":channel", "a", "*path", "rollcall.css", "*profile", "")
	for _, r := range srv.Handler().(*gin.Engine).Routes() {
		list = append(list, door{r.Method, fill.Replace(r.Path), ""})
	}
	return append(list, door{"GET", "/none", ""}, door{"PUT", "/publish", ""}, door{"OPTIONS", "/publish", ""}, door{"TRACE", "/", ""}, door{"GET", "/assets/none", ""})
}

// A page that points its own name at this machine reads nothing of an open server.
func TestSecurityDNSRebinding(t *testing.T) {
	t.Parallel()
	srv := webtest.StartLocal(t, withAdmins(web.Options{CORSOrigins: []string{"*"}}))
	routes := routesAsked(srv)
	st := subscribed(t, srv, "clientId=ada", "a")
	hosts := []string{"evil.com", "evil.com:9090", "127.0.0.1.evil.com", "localhost.evil.com:80", "evil-localhost", "10.0.0.1", "0.0.0.0", "[::]:9090", "rollcall"}
	for _, d := range routes {
		for _, host := range hosts {
			a := srv.Do(d.method, d.target, oneEvent("a", `"forged"`), "Host: "+host, "Origin: http://"+host, "X-Forwarded-Host: localhost", "Forwarded: host=localhost")
			if a.WantStatus(403); d.method != "HEAD" {
				a.WantFault(403, "foreign_host", "")
			}
			a.WantHeader("Access-Control-Allow-Origin", "").WantHeader("Set-Cookie", "").WantHeader("Location", "")
		}
	}
	for _, head := range []string{
		"GET http://evil.com/presence/clients HTTP/1.1\nHost: localhost\n", "GET http://evil.com:9090/subscribe?channels=a HTTP/1.1\nHost: 127.0.0.1\n",
		"GET /presence/clients HTTP/1.1\nHost:\n", "GET /presence/clients HTTP/1.0\n", "GET /subscribe?channels=a HTTP/1.0\nHost: evil.com\n",
		"POST http://evil.com/publish HTTP/1.0\nHost: localhost\nContent-Length: 55\n", "GET http://evil.com HTTP/1.1\nHost: localhost\n",
	} {
		w := srv.Dial()
		w.Send(head + "Connection: close\n\n" + batch)
		if rest := w.Rest(); !strings.Contains(strings.SplitN(rest, "\r\n", 2)[0], " 403 ") || !strings.Contains(rest, `"code":"foreign_host"`) {
			t.Errorf("%q: %s", head, rest)
		}
	}
	for _, head := range []string{"Host: localhost\nHost: evil.com\n", "", "Host: localhost, evil.com\n", "Host: evil.com\x00.localhost\n", "Host: local host\n"} {
		w := srv.Dial()
		w.Send("GET /presence/clients HTTP/1.1\n" + head + "Connection: close\n\n")
		if rest := w.Rest(); !strings.HasPrefix(rest, "HTTP/1.1 400 ") && !strings.HasPrefix(rest, "HTTP/1.1 403 ") {
			t.Errorf("%q: %s", head, rest)
		}
	}
	srv.Publish("a", `1`)
	st.WantEvent("a", "message", `1`)
	for _, host := range []string{"localhost", "LOCALHOST:9090", "127.0.0.1", "127.1.2.3:80", "[::1]", "[::1]:9090", "localhost.", "app.localhost:3000"} {
		srv.Get("/presence/clients", "Host: "+host).WantStatus(200)
		srv.Open("GET", "/subscribe?channels=a", "", "Host: "+host).WantRegistered()
		srv.Get("/admin/login", "Host: "+host).WantStatus(200)
	}
}

// Whether an open server may be reached by any name is a matter of the settings in
// effect, not of those at the start.
func TestSecurityDNSRebindingAfterReload(t *testing.T) {
	t.Parallel()
	g := guard(t)
	g.Get("/history?channel=public.a", "Host: rollcall.example").WantStatus(200)
	for range 2 {
		if err := g.Reload(web.Changes{}); err != nil { // the keys are taken away: it is open
			t.Fatal(err)
		}
		g.Get("/presence/clients", "Host: evil.com").WantFault(403, "foreign_host", "")
		g.Get("/presence/clients", "Host: localhost").WantStatus(200)
		if err := g.Reload(web.Changes{Access: g.access}); err != nil {
			t.Fatal(err)
		}
		g.Get("/history?channel=public.a", "Host: rollcall.example").WantStatus(200)
		wantDenied(t, g.Get("/presence/clients", "Host: localhost"), 401)
	}
}

// A browser's page of any origin may use a server that says so, but never with
// what the browser knows of its visitor.
func TestSecurityAnyOriginWithoutCredentials(t *testing.T) {
	t.Parallel()
	g := guard(t, func(o *web.Options) {
		access := *o.Access
		access.TokenCookie = ""
		o.Access, o.CORSOrigins = &access, []string{"*"}
	})
	w := g.witness()
	good := token(t, "eve", "room.*", "room.*")
	for _, d := range w.doors() {
		a := w.knock(d, "", "Origin: "+foreign, "Cookie: session="+good, "Sec-Fetch-Site: cross-site")
		a.WantHeader("Access-Control-Allow-Credentials", "").WantHeader("Access-Control-Allow-Origin", "*")
		if a.Status == 200 && !strings.Contains(a.Body, `"channels":[]`) {
			t.Errorf("%s %s: %s", d.method, d.target, a.Body)
		}
	}
	w.wantPeace()
	both := *g.access
	if both.TokenCookie == "" {
		t.Fatal("no cookie")
	}
	if srv, err := web.New(web.Options{Access: &both, CORSOrigins: []string{"https://app.example", "*"}}); err == nil {
		_ = srv.Close()
		t.Error("a cookie is taken from everywhere")
	}
	if err := g.Reload(web.Changes{Access: &both, CORSOrigins: []string{"*"}}); err == nil || !strings.Contains(err.Error(), "cookie") {
		t.Errorf("Reload: %v", err)
	}
	if err := g.Reload(web.Changes{Access: &both, CORSOrigins: []string{"https://app.example"}}); err != nil {
		t.Error(err)
	}
	g.Post("/publish", oneEvent("room.a", `1`), "Origin: "+foreign, "Cookie: session="+good).WantFault(403, "foreign_origin", "")
	g.Post("/publish", oneEvent("room.a", `1`), "Origin: https://app.example", "Cookie: session="+good).
		WantHeader("Access-Control-Allow-Credentials", "true").WantHeader("Access-Control-Allow-Origin", "https://app.example").WantStatus(200)
}

// A preflight allows what fetch-based clients send, and shows no more to others.
func TestSecurityPreflight(t *testing.T) {
	t.Parallel()
	const app = "https://app.example"
	g := guard(t, func(o *web.Options) { o.CORSOrigins = []string{app} })
	for _, method := range []string{"GET", "POST", "DELETE"} {
		a := g.Do("OPTIONS", "/publish", "", "Origin: "+app, "Access-Control-Request-Method: "+method, "Access-Control-Request-Headers: authorization,last-event-id,content-type,cache-control,x-api-key")
		a.WantStatus(http.StatusNoContent).WantHeader("Access-Control-Allow-Origin", app).WantHeader("Access-Control-Allow-Credentials", "true")
		allowed := strings.Split(strings.ToLower(a.Header.Get("Access-Control-Allow-Headers")), ",")
		for _, name := range []string{"authorization", "last-event-id", "content-type", "cache-control", "x-api-key"} {
			if !slices.Contains(allowed, name) {
				t.Errorf("%s is not among %q", name, allowed)
			}
		}
	}
	for _, origin := range []string{foreign, "null", app + ".evil.example", "http://app.example", app + ":8443", "https://APP.example", app + "/"} {
		a := g.Do("OPTIONS", "/publish", "", "Origin: "+origin, "Access-Control-Request-Method: POST").WantStatus(403)
		for name := range a.Header {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%s: %s: %s", origin, name, a.Header.Get(name))
			}
		}
	}
}
