package web_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"rollcall/hub/eventlog"
	"rollcall/web"
	"rollcall/web/webtest"
)

var (
	linked   = regexp.MustCompile(` (?:href|src|action)="([^"]*)"`)
	imported = regexp.MustCompile(`(?m)^import .* from "([^"]*)";$`)
)

// Mounted below a path, every page works: its links, files and imports exist, and a login lasts. Nothing in a page
// refers to a path outside.
func TestPagesBelowAPrefix(t *testing.T) {
	t.Parallel()
	inner, err := web.New(withAdmins(web.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = inner.Close() })
	mux := http.NewServeMux()
	mux.Handle("/rt/", http.StripPrefix("/rt", inner.Handler()))
	outer := httptest.NewServer(mux)
	t.Cleanup(outer.Close)
	jar, _ := cookiejar.New(nil)
	client := &http.Client{Jar: jar}

	if resp, err := client.PostForm(outer.URL+"/rt/admin/login", url.Values{"username": {"alice"}, "password": {alicePassword}, "next": {"/admin/clients"}}); err != nil {
		t.Fatal(err)
	} else if resp.Body.Close(); resp.StatusCode != 200 || resp.Request.URL.Path != "/rt/admin/clients" {
		t.Fatalf("after the login: %d at %s", resp.StatusCode, resp.Request.URL)
	}

	seen := map[string]bool{}
	todo := []string{
		outer.URL + "/rt/", outer.URL + "/rt/docs", outer.URL + "/rt/demo/", outer.URL + "/rt/demo/chat", outer.URL + "/rt/admin",
		outer.URL + "/rt/admin/channels/a%2Fb", outer.URL + "/rt/nothing/here",
	}
	for len(todo) > 0 {
		at := todo[0]
		todo = todo[1:]
		seen[at] = true
		ctx, cancel := context.WithCancel(t.Context())
		req, _ := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
		req.Header.Set("Accept", "text/html")
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		kind := resp.Header.Get("Content-Type")
		if resp.StatusCode != 200 && !strings.Contains(at, "/nothing") && !strings.Contains(at, "/admin/") || strings.HasSuffix(resp.Request.URL.Path, "/login") {
			t.Errorf("%s: %d at %s", at, resp.StatusCode, resp.Request.URL)
		}
		if strings.Contains(kind, "html") || strings.Contains(kind, "javascript") {
			find := linked
			if strings.Contains(kind, "javascript") {
				find = imported
			}
			for _, found := range find.FindAllStringSubmatch(string(allOf(t, resp.Body)), -1) {
				link, err := resp.Request.URL.Parse(strings.ReplaceAll(found[1], "&amp;", "&"))
				if err != nil {
					t.Fatal(err)
				}
				if link.Fragment = ""; strings.HasPrefix(link.String(), outer.URL+"/rt/") {
					if !strings.Contains(link.Path, "/log") && !seen[link.String()] && len(seen) < 200 {
						seen[link.String()] = true
						todo = append(todo, link.String())
					}
				} else if link.Host == req.URL.Host {
					t.Errorf("%s leads outside, to %s", at, link)
				}
			}
		}
		resp.Body.Close()
		cancel()
	}
	for _, page := range []string{"/rt/assets/dom.js", "/rt/rollcall.js", "/rt/demo/notifications", "/rt/admin/audit", "/rt/admin/server"} {
		if !seen[outer.URL+page] {
			t.Errorf("no page leads to %s", page)
		}
	}

	inner.Publish(t.Context(), []eventlog.Event{{Channel: "a", Type: "t", Payload: []byte("1")}})
	// What a live page is sent leads below the prefix, too.
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, outer.URL+"/rt/admin/stream?page="+url.QueryEscape("/admin/channels?sort=name"), nil)
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	patch := lineOf(t, resp.Body, "data: [")
	if !strings.Contains(patch, `href=\"../admin`) || strings.Contains(patch, `href=\"/`) {
		t.Errorf("a live page is sent %.2000s", patch)
	}

	// A visitor without a login is redirected to the login below the prefix.
	stranger := &http.Client{}
	if resp, err := stranger.Get(outer.URL + "/rt/admin/channels/a?x=1"); err != nil {
		t.Fatal(err)
	} else if resp.Body.Close(); resp.Request.URL.Path != "/rt/admin/login" || resp.Request.URL.Query().Get("next") != "/admin/channels/a?x=1" {
		t.Errorf("led to %s", resp.Request.URL)
	}
}

func allOf(t *testing.T, r io.Reader) []byte {
	t.Helper()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// lineOf returns the first line of a stream with this beginning.
func lineOf(t *testing.T, r io.Reader, prefix string) string {
	t.Helper()
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(line, prefix) {
			return line
		}
	}
}

// The API alone has no pages but those for operators; what it serves to programs and pages elsewhere stays.
func TestNoPages(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, withAdmins(web.Options{NoPages: true}))
	for _, path := range append([]string{"/", "/docs", "/nothing"}, demoPaths...) {
		srv.Get(path, "Accept: text/html").WantFault(404, "not_found", "")
	}
	for _, path := range []string{"/rollcall.js", "/openapi.yaml", "/admin/login", "/presence/clients", "/healthz"} {
		srv.Get(path).WantStatus(200)
	}
}
