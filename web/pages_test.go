package web_test

import (
	"regexp"
	"strings"
	"testing"

	"rollcall/web"
	"rollcall/web/webtest"
)

func TestStartPage(t *testing.T) {
	srv := webtest.Start(t, web.Options{Version: "v1.2.3"})
	a := srv.Get("/").WantStatus(200).WantHeader("Content-Type", "text/html; charset=utf-8").
		WantHeader("X-Content-Type-Options", "nosniff").WantHeader("Referrer-Policy", "no-referrer")
	policy := a.Header.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "script-src 'nonce-", "style-src 'nonce-", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
		if !strings.Contains(policy, part) {
			t.Errorf("the policy %q lacks %s", policy, part)
		}
	}
	if strings.Contains(policy, "unsafe") {
		t.Errorf("policy %q", policy)
	}
	nonce := regexp.MustCompile(`script-src 'nonce-(\w+)'`).FindStringSubmatch(policy)[1]
	for _, tag := range regexp.MustCompile(`<(?:script|link rel="(?:stylesheet|modulepreload)")[^>]*>`).FindAllString(a.Body, -1) {
		if !strings.Contains(tag, ` nonce="`+nonce+`"`) {
			t.Errorf("%s lacks the nonce of the policy", tag)
		}
	}
	if again := srv.Get("/").Header.Get("Content-Security-Policy"); again == policy {
		t.Error("two answers have one nonce")
	}
	if !strings.Contains(a.Body, "v1.2.3") || !strings.Contains(a.Body, srv.URL) {
		t.Error("the page shows neither version nor address")
	}
	// Everything that the page loads is there, and the policy allows it.
	loads := regexp.MustCompile(`<(?:link|script|img)[^>]* (?:href|src)="([^"]*)"`).FindAllStringSubmatch(a.Body, -1)
	if len(loads) < 4 {
		t.Fatalf("the page loads %q", loads)
	}
	for _, l := range loads {
		srv.Get(strings.TrimPrefix(l[1], ".")).WantStatus(200).WantHeader("X-Content-Type-Options", "nosniff")
	}
	if regexp.MustCompile(`(?i)<script>|<style| on[a-z]+="| style="`).MatchString(a.Body) {
		t.Error("the page has something inline, which its policy forbids")
	}
}

// A browser gets a page for an unknown path, too.
func TestNotFoundPage(t *testing.T) {
	srv := start(t)
	a := srv.Get("/none/<script>alert(1)</script>", "Accept: text/html,application/xhtml+xml,*/*;q=0.8")
	a.WantStatus(404).WantHeader("Content-Type", "text/html; charset=utf-8").WantHeader("X-Content-Type-Options", "nosniff")
	if !strings.Contains(a.Header.Get("Content-Security-Policy"), "default-src 'none'") || strings.Contains(a.Body, "alert") {
		t.Errorf("%v\n%s", a.Header, a.Body)
	}
	srv.Get("/none", "Accept: application/json").WantFault(404, "not_found", "")
	srv.Get("/subscribe?channels=a.%3E.b", "Accept: text/html").WantFault(400, "invalid_channel", "channels")
}

func TestHealth(t *testing.T) {
	srv := start(t)
	srv.Get("/healthz").WantJSON(`{"status":"ok"}`)
	srv.Get("/readyz").WantJSON(`{"status":"ready"}`)
}
