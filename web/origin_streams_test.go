package web_test

import (
	"log/slog"
	"strings"
	"testing"

	"rollcall/web"
	"rollcall/web/auth"
	"rollcall/web/webtest"
)

// fromForeignPages are what browsers send with the requests of pages that are not
// allowed: an EventSource, an image, a link that is followed, an old browser.
var fromForeignPages = [][]string{
	{"Origin: " + foreign, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: cors"},
	{"Referer: " + foreign + "/page?q=1", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image"},
	{"Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: no-cors"},
	{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"},
	{"Origin: " + foreign},
	{"Origin: null", "Sec-Fetch-Site: cross-site"},
}

// Foreign pages open no streams: they neither show a client in presence, nor move the
// place of a device, nor take the place of a stream. They are refused before anything.
func TestForeignPagesOpenNoStreams(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]web.Options{
		"open":               {},
		"to another page":    {CORSOrigins: []string{"https://app.example"}},
		"cookie, no origins": withCookie(t),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := webtest.Start(t, opts)
			cookie := "Cookie: session=" + token(t, "ann", ">", ">")
			everybody := "Cookie: none=1"
			if opts.Access == nil {
				cookie = everybody
			}
			phone := opened(t, srv, "/events?memberId=ann&deviceId=phone", cookie)
			srv.Post("/events?memberId=ann", `{"type":"SEEN"}`, cookie).WantStatus(202)
			phone.want("SEEN", `{"body":null}`)
			phone.Close()
			eventually(t, "the phone is away", func() bool { return srv.Streams() == 0 })
			invoice := idOf(srv.Post("/events?memberId=ann", `{"type":"INVOICE"}`, cookie).WantStatus(202))

			for _, header := range fromForeignPages {
				for _, target := range []string{
					"/subscribe?channels=member.ann&clientId=ceo", "/subscribe/?channel=a&info={}", "/events?memberId=ann&deviceId=phone",
					"/events/?memberId=ann&deviceId=phone", "/messages?room=a&user=ceo", "/messages/?room=a", "/sse/time", "/sse/time/",
					"/presence/stream", "/presence/stream/?channels=a",
				} {
					text := srv.Get(target, append(header, cookie)...).WantFault(403, "foreign_origin", "")
					if !strings.Contains(text, "--cors-origin") {
						t.Errorf("%s: %s", target, text)
					}
				}
				for _, r := range routesAsked(srv) {
					if r.method != "GET" || strings.HasPrefix(r.target, "/admin") {
						continue
					}
					a := srv.Get(r.target, append(header, cookie)...)
					if kind := a.Header.Get("Content-Type"); strings.HasPrefix(kind, "text/event-stream") || a.Status == 204 {
						t.Errorf("%s is a stream to %q", r.target, header)
					}
				}
			}
			if n := srv.Streams(); n != 0 {
				t.Errorf("%d streams", n)
			}
			// The device resumes at its place.
			phone = opened(t, srv, "/events?memberId=ann&deviceId=phone", cookie)
			if id := phone.want("INVOICE", `{"body":null}`); id != invoice {
				t.Errorf("the phone gets %s, want %s", id, invoice)
			}
		})
	}
}

// withCookie are options of a server that takes tokens from a cookie.
func withCookie(t *testing.T) web.Options {
	t.Helper()
	verifier, err := auth.NewVerifier(auth.VerifierOptions{Secret: tokenSecret, Leeway: -1})
	if err != nil {
		t.Fatal(err)
	}
	return web.Options{Access: &auth.Options{Verifier: verifier, TokenCookie: "session"}}
}

// Pages of the server itself and of allowed origins open streams, as do programs that are no browsers and visitors who
// enter the address.
func TestOwnPagesOpenStreams(t *testing.T) {
	t.Parallel()
	const app = "https://app.example"
	srv := webtest.Start(t, web.Options{CORSOrigins: []string{app}})
	for _, header := range [][]string{
		{"User-Agent: curl/8.14.1"}, {"Sec-Fetch-Site: same-origin"}, {"Sec-Fetch-Site: none", "Sec-Fetch-Mode: navigate"},
		{"Origin: " + srv.URL}, {"Origin: " + app, "Sec-Fetch-Site: cross-site"}, {"Origin: " + app, "Sec-Fetch-Site: same-site"}, {"Origin: " + app},
	} {
		srv.Subscribe("channels=a", header...).WantRegistered()
		for _, target := range []string{"/events?memberId=ann&deviceId=phone", "/messages?room=a", "/presence/stream", "/sse/time"} {
			opened(t, srv, target, header...).Close()
		}
	}
	any := webtest.Start(t, web.Options{CORSOrigins: []string{"*"}})
	for _, header := range fromForeignPages {
		any.Subscribe("channels=a", header...).WantRegistered()
	}
}

// The log names a refused origin once, so that its developer sees why, and only so many.
func TestRefusedOriginsAreLoggedOnce(t *testing.T) {
	t.Parallel()
	var log logged
	srv := webtest.Start(t, web.Options{Log: slog.New(slog.NewTextHandler(&log, nil)), CORSOrigins: []string{"https://app.example"}})
	for range 3 {
		for _, header := range fromForeignPages {
			srv.Get("/subscribe?channels=a&access_token=hidden", header...).WantStatus(403)
		}
		srv.Post("/publish", batch, "Origin: https://poster.example").WantStatus(403)
		srv.Do("OPTIONS", "/publish", "", "Origin: https://asker.example", "Access-Control-Request-Method: POST").WantStatus(403)
	}
	text := log.String()
	for _, origin := range []string{foreign, "null", "unknown", "https://poster.example", "https://asker.example"} {
		if n := strings.Count(text, "origin="+origin+" "); n != 1 {
			t.Errorf("%s is named %d times in %s", origin, n, text)
		}
	}
	if !strings.Contains(text, "--cors-origin") || !strings.Contains(text, "path=/subscribe") || strings.Contains(text, "hidden") || strings.Contains(text, "q=1") {
		t.Error(text)
	}
	long := strings.Repeat("x", 10_000)
	for _, name := range names(200) {
		srv.Get("/subscribe?channels=a", "Origin: https://"+name+long).WantStatus(403)
	}
	if n := strings.Count(log.String(), "--cors-origin allows"); n != 100 || len(log.String()) > 100*1000 {
		t.Errorf("%d lines of %d bytes", n, len(log.String()))
	}
}
