package web_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"rollcall/web"
	"rollcall/web/auth"
	"rollcall/web/webtest"
)

var demoPaths = []string{"/demo/", "/demo", "/demo/chat", "/demo/answers", "/demo/notifications", "/demo/time", "/demo/time/"}

// The demo pages are public, regardless of the API's rights, and load only existing files.
func TestDemoPages(t *testing.T) {
	for name, opts := range map[string]web.Options{"open": {Version: "v1.2.3"}, "closed": {Version: "v1.2.3", Access: &auth.Options{}}} {
		t.Run(name, func(t *testing.T) {
			srv := webtest.Start(t, opts)
			for _, path := range demoPaths {
				a := srv.Get(path).WantStatus(200).WantHeader("Content-Type", "text/html; charset=utf-8").
					WantHeader("X-Content-Type-Options", "nosniff")
				policy := a.Header.Get("Content-Security-Policy")
				if !strings.Contains(policy, "script-src 'nonce-") || strings.Contains(policy, "unsafe") {
					t.Errorf("%s has the policy %q", path, policy)
				}
				if !strings.Contains(a.Body, "v1.2.3") {
					t.Errorf("%s doesn't show the version", path)
				}
				loads := regexp.MustCompile(`<(?:link|script|img|a)[^>]* (?:href|src)="(\.[^"]*)"`).FindAllStringSubmatch(a.Body, -1)
				if len(loads) < 4 {
					t.Errorf("%s loads %q", path, loads)
				}
				for _, l := range loads {
					at, err := (&url.URL{Path: path}).Parse(l[1])
					if err != nil {
						t.Fatal(err)
					}
					srv.Get(at.Path).WantStatus(200)
				}
			}
		})
	}
}

// If the APIs are off, there are no demo pages, nor links to them.
func TestDemoPagesGoWithTheOtherFaces(t *testing.T) {
	srv := webtest.Start(t, web.Options{NoCompat: true})
	for _, path := range demoPaths {
		srv.Get(path).WantFault(404, "not_found", "")
	}
	if strings.Contains(srv.Get("/").Body, "/demo/") {
		t.Error("the start page leads to demo pages that there are not")
	}
	if !strings.Contains(webtest.Start(t, web.Options{}).Get("/").Body, `href="./demo/"`) {
		t.Error("the start page doesn't lead to the demo pages")
	}
}
