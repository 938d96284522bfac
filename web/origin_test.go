package web_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"rollcall/web"
	"rollcall/web/webtest"
)

const (
	batch   = `{"events":[{"channelName":"a","type":"t","payload":1}]}`
	foreign = "https://evil.example"
)

func TestNoOriginsAllowed(t *testing.T) {
	srv := start(t)
	subscribed(t, srv, "clientId=ada", "a")
	for _, header := range []string{"Origin: " + foreign, "Origin: null", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site", "Origin: http://" + srv.Addr + "0"} {
		srv.Post("/publish", batch, header).WantFault(403, "foreign_origin", "")
		srv.Post("/publish", batch, header, "Content-Type: text/plain").WantFault(403, "foreign_origin", "")
		srv.Post("/subscribe", `{"channels":["a"]}`, header).WantFault(403, "foreign_origin", "")
		srv.Do("DELETE", "/presence/clients/ada", "", header).WantFault(403, "foreign_origin", "")
		// Reading is for the browser to forbid.
		srv.Get("/presence/clients", header).WantStatus(200).WantHeader("Access-Control-Allow-Origin", "")
	}
	for _, header := range []string{"Origin: " + srv.URL, "Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: none", "X: y"} {
		srv.Post("/publish", batch, header).WantStatus(200)
		srv.Open("POST", "/subscribe", `{"channels":["a"]}`, header).WantRegistered()
	}
	srv.Do("DELETE", "/presence/clients/ada", "", "Origin: "+srv.URL).WantStatus(204)
	if a := srv.Do("OPTIONS", "/publish", "", "Origin: "+foreign, "Access-Control-Request-Method: POST"); a.Status < 400 || a.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("preflight: status %d, %v", a.Status, a.Header)
	}
	if ids := history(t, srv, "channel=a").Events; len(ids) != 4 {
		t.Errorf("%d events were published", len(ids))
	}
}

func TestExactOrigins(t *testing.T) {
	const app, other = "https://app.example", "http://other.example:8080"
	srv := webtest.Start(t, web.Options{CORSOrigins: []string{app, other}})
	for _, origin := range []string{app, other} {
		st := srv.Subscribe("channels=a", "Origin: "+origin, "Sec-Fetch-Site: cross-site")
		if got := st.Header; got.Get("Access-Control-Allow-Origin") != origin || got.Get("Access-Control-Allow-Credentials") != "true" || !strings.Contains(strings.Join(got.Values("Vary"), ","), "Origin") {
			t.Errorf("stream for %s: %v", origin, got)
		}
		st.WantRegistered()
		st = srv.Open("GET", "/presence/stream", "", "Origin: "+origin)
		if got := st.Header.Get("Access-Control-Allow-Origin"); got != origin {
			t.Errorf("presence stream for %s: %q", origin, got)
		}
		srv.Post("/publish", batch, "Origin: "+origin, "Sec-Fetch-Site: cross-site").WantStatus(200).WantHeader("Access-Control-Allow-Origin", origin)
		// Errors can be read too.
		srv.Post("/publish", "", "Origin: "+origin).WantHeader("Access-Control-Allow-Origin", origin).WantFault(400, "invalid_json", "")
		srv.Get("/none", "Origin: "+origin).WantHeader("Access-Control-Allow-Origin", origin).WantFault(404, "not_found", "")
		for _, method := range []string{"GET", "POST", "DELETE"} {
			wantPreflight(t, srv, origin, method, origin)
		}
	}
	for _, origin := range []string{foreign, "null", "https://app.example.evil.example", "https://app.example:444", "http://app.example", "https://APP.example", "https://xapp.example"} {
		srv.Post("/publish", batch, "Origin: "+origin).WantHeader("Access-Control-Allow-Origin", "").WantFault(403, "foreign_origin", "")
		srv.Get("/subscribe?channels=a", "Origin: "+origin).WantHeader("Access-Control-Allow-Origin", "").WantFault(403, "foreign_origin", "")
		srv.Do("OPTIONS", "/publish", "", "Origin: "+origin, "Access-Control-Request-Method: POST").WantStatus(403).WantHeader("Access-Control-Allow-Origin", "")
	}
	srv.Post("/publish", batch, "Sec-Fetch-Site: cross-site").WantFault(403, "foreign_origin", "")
	srv.Post("/publish", batch, "Origin: "+srv.URL).WantStatus(200)
	srv.Post("/publish", batch).WantStatus(200)
}

// A page that is being developed comes from any port of its machine.
func TestAnyPortOfAnOrigin(t *testing.T) {
	srv := webtest.Start(t, web.Options{CORSOrigins: []string{"http://localhost:*", "https://app.example"}})
	for _, origin := range []string{"http://localhost:8000", "http://localhost:5173", "http://localhost"} {
		srv.Subscribe("channels=a", "Origin: "+origin, "Sec-Fetch-Site: cross-site").WantRegistered()
		srv.Post("/publish", batch, "Origin: "+origin, "Sec-Fetch-Site: same-site").WantStatus(200).WantHeader("Access-Control-Allow-Origin", origin)
		wantPreflight(t, srv, origin, "DELETE", origin)
	}
	for _, origin := range []string{
		"https://localhost:8000", "http://localhost.evil.example:8000", "http://localhost:*", "http://localhost:", "http://localhost8000",
		"http://127.0.0.1:8000", "https://app.example:8000", "http://evil.example/http://localhost:8000", "http://localhost:80a0",
	} {
		srv.Post("/publish", batch, "Origin: "+origin).WantHeader("Access-Control-Allow-Origin", "").WantFault(403, "foreign_origin", "")
		srv.Get("/subscribe?channels=a", "Origin: "+origin).WantHeader("Access-Control-Allow-Origin", "").WantFault(403, "foreign_origin", "")
	}
}

func TestAnyOrigin(t *testing.T) {
	srv := webtest.Start(t, web.Options{CORSOrigins: []string{"*"}})
	for _, origin := range []string{foreign, "null", "http://127.0.0.1:3000"} {
		st := srv.Subscribe("channels=a", "Origin: "+origin)
		if got := st.Header; got.Get("Access-Control-Allow-Origin") != "*" || got.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("stream for %s: %v", origin, got)
		}
		srv.Post("/publish", batch, "Origin: "+origin, "Sec-Fetch-Site: cross-site").WantStatus(200).WantHeader("Access-Control-Allow-Origin", "*")
		wantPreflight(t, srv, origin, "POST", "*")
	}
}

func wantPreflight(t *testing.T, srv *webtest.Server, origin, method, allowed string) {
	t.Helper()
	a := srv.Do("OPTIONS", "/publish", "", "Origin: "+origin, "Access-Control-Request-Method: "+method, "Access-Control-Request-Headers: content-type,last-event-id")
	a.WantStatus(http.StatusNoContent).WantHeader("Access-Control-Allow-Origin", allowed)
	list := func(name string) []string {
		return strings.Split(strings.ToLower(strings.ReplaceAll(a.Header.Get(name), " ", "")), ",")
	}
	if !slices.Contains(list("Access-Control-Allow-Methods"), strings.ToLower(method)) {
		t.Errorf("%s may use %v", origin, list("Access-Control-Allow-Methods"))
	}
	for _, header := range []string{"content-type", "last-event-id", "authorization"} {
		if !slices.Contains(list("Access-Control-Allow-Headers"), header) {
			t.Errorf("%s may send %v", origin, list("Access-Control-Allow-Headers"))
		}
	}
}

func TestBadOriginOption(t *testing.T) {
	for _, origin := range []string{"app.example", "https://app.example/", "https://app.example/path", "", "https://", "http://localhost:8*", "http://localhost:80:*"} {
		srv, err := web.New(web.Options{CORSOrigins: []string{origin}})
		if err == nil {
			_ = srv.Close()
			t.Errorf("%q is taken as an origin", origin)
		} else if !strings.Contains(err.Error(), "cors-origin") {
			t.Errorf("%q: %v", origin, err)
		}
	}
}
