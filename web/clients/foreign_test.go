package clients

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// foreignPage opens a page of another site than the server's, and returns its origin.
func foreignPage(t *testing.T, b *tab) (origin string) {
	t.Helper()
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprint(w, "<!doctype html><title>another site</title>")
	}))
	t.Cleanup(site.Close)
	origin = strings.Replace(site.URL, "127.0.0.1", "localhost", 1) // a site of its own to browsers
	b.do(chromedp.Navigate(origin))
	return origin
}

// A real browser's foreign page neither shows a client in presence nor takes what a
// device has yet to get; a page of an allowed origin opens a stream.
func TestForeignPagesInABrowser(t *testing.T) {
	b := newTab(t)
	origin := foreignPage(t, b)
	s := startServer(t, "--presence-grace=1h")
	b.run(fmt.Sprintf(`
		window.ends = [];
		const source = new EventSource(%[1]q + "/subscribe?channels=a&clientId=ceo");
		source.onerror = () => source.readyState === EventSource.CLOSED && ends.push("EventSource");
		for (const path of ["/events?memberId=ann&deviceId=phone", "/subscribe?channels=a&clientId=ceo", "/messages?room=a&user=ceo"]) {
			const image = new Image();
			image.onerror = () => ends.push(path);
			image.src = %[1]q + path;
		}`, s.url("")))
	b.want("ends.length === 4")
	if err := s.ask(http.MethodGet, "/presence/clients/ceo", nil, http.StatusNotFound, nil); err != nil {
		t.Error(err)
	}
	if err := s.ask(http.MethodGet, "/presence/clients/ann", nil, http.StatusNotFound, nil); err != nil {
		t.Error(err)
	}
	if n := strings.Count(s.printed(), origin); n != 1 {
		t.Errorf("the log names %s %d times:\n%s", origin, n, s.printed())
	}

	allowed := startServer(t, "--cors-origin="+origin)
	b.run(fmt.Sprintf(`
		window.heard = [];
		const ours = new EventSource(%q + "/subscribe?channels=a&clientId=app");
		ours.addEventListener("registered", () => heard.push("registered"));`, allowed.url("")))
	b.want("heard.length === 1")
	if err := allowed.ask(http.MethodGet, "/presence/clients/app", nil, http.StatusOK, nil); err != nil {
		t.Error(err)
	}
	b.run("ours.close()")
}
