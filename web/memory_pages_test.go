package web_test

import (
	"net/url"
	"strings"
	"testing"
)

// TestDeepPayloadPages: a page that shows small, deeply nested payloads is as long as
// these are, not as their square.
func TestDeepPayloadPages(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	const depth, events = 9900, 5
	deep := strings.Repeat("[", depth) + strings.Repeat("]", depth)
	for range events {
		srv.Post("/publish", oneEvent("deep", deep)).WantStatus(200)
	}
	srv.Subscribe("channels=a&clientId=ann&info=" + url.QueryEscape(`{"a":`+strings.Repeat("[", 500)+strings.Repeat("]", 500)+`}`)).WantRegistered()
	alice := operator(t, srv)
	for _, page := range []string{"/admin/tail", "/admin/channels/deep", "/admin/clients/ann", "/admin"} {
		if text := alice.get(page).text; len(text) > 100<<10+2*events*len(deep) {
			t.Errorf("%s has %d bytes for %d events of %d", page, len(text), events, len(deep))
		}
	}
}
