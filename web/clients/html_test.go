package clients

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// htmlExample is a page of docs/html.md with what is published to it.
type htmlExample struct {
	name, page string
	events     []event
}

var htmlSection = regexp.MustCompile("(?s)\n## (\\w+)\n.*?\n```html\n(.*?)```\n\n```json\n(.*?)```\n")

// htmlExamples reads docs/html.md.
func htmlExamples(t *testing.T) (list []htmlExample) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "html.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, section := range htmlSection.FindAllStringSubmatch(string(text), -1) {
		var body struct{ Events []event }
		if err := json.Unmarshal([]byte(section[3]), &body); err != nil || len(body.Events) != 2 {
			t.Fatalf("%s: %d events, error %v", section[1], len(body.Events), err)
		}
		if lines := strings.Count(section[2], "\n"); lines > 10 {
			t.Errorf("the page for %s has %d lines", section[1], lines)
		}
		list = append(list, htmlExample{section[1], section[2], body.Events})
	}
	if len(list) != 3 {
		t.Fatalf("docs/html.md has %d examples, want 3", len(list))
	}
	return list
}

// cdn is the examples' address of packages, with the version.
var cdn = regexp.MustCompile(`https://cdn\.jsdelivr\.net/npm/((?:@[\w-]+/)?[\w.-]+)@[\w.-]+/`)

// pageSite serves one page, and the packages of node_modules in place of the CDN's.
func pageSite(t *testing.T, page func() string) string {
	t.Helper()
	packages := http.StripPrefix("/npm/", http.FileServer(http.Dir("node_modules")))
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/npm/"):
			packages.ServeHTTP(w, r)
		case r.URL.Path == "/":
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			fmt.Fprint(w, cdn.ReplaceAllString(page(), "/npm/$1/"))
		default:
			w.WriteHeader(http.StatusNoContent) // the icon
		}
	}))
	t.Cleanup(site.Close)
	return site.URL
}

// TestPagesFromHTML opens the pages of docs/html.md, and breaks their connection: what is published reaches them once and
// in order.
func TestPagesFromHTML(t *testing.T) {
	t.Parallel()
	node.need(t)
	for _, example := range htmlExamples(t) {
		t.Run(example.name, func(t *testing.T) {
			t.Parallel()
			var page string
			site := pageSite(t, func() string { return page })
			srv := startServer(t, "--cors-origin="+site, "--presence-grace=0s")
			net := startProxy(t, srv.addr)
			page = strings.ReplaceAll(example.page, "http://127.0.0.1:9090", net.url(""))
			b, log := newTab(t), &ledger{server: srv}
			b.do(chromedp.Navigate(site))
			srv.wantStreams(1)
			log.publish(example.events...)
			b.want(`document.querySelector("#stock").textContent === "7"`)
			const orders = `[...document.querySelectorAll("#orders li")].map((li) => li.textContent.replace(/\s+/g, " ")).join("; ")`
			b.want(orders + ` === "Order 1 2 books"`)
			if got := value[string](b, `document.querySelector("#orders li small").textContent`); got != "2 books" {
				t.Errorf("the order has %q", got)
			}

			b.wantQuiet(false)

			// What is published while the connection is broken comes when it is back.
			again := func(n int) event {
				e := example.events[1]
				e.Payload = strings.ReplaceAll(e.Payload.(string), "Order 1", fmt.Sprint("Order ", n))
				return e
			}
			net.to("")
			net.cut(rst)
			srv.wantStreams(0)
			log.publish(again(2), again(3))
			net.to(srv.addr)
			log.publish(again(4))
			b.want(orders + ` === "Order 1 2 books; Order 2 2 books; Order 3 2 books; Order 4 2 books"`)
		})
	}
}

// wantStreams waits until so many clients are online.
func (s *server) wantStreams(n int) {
	s.t.Helper()
	eventually(s.t, fmt.Sprintf("%d clients are online", n), func() bool {
		var list struct{ Total int }
		if err := s.ask(http.MethodGet, "/presence/clients", nil, http.StatusOK, &list); err != nil {
			s.t.Fatal(err)
		}
		return list.Total == n
	})
}
