package web_test

import (
	"strings"
	"testing"
	"time"

	"rollcall/web"
	"rollcall/web/webtest"
)

// Who was slow or told a gap, and who opened short streams one after the other, is listed with counts and a link. The page
// is live, and says since when the server remembers.
func TestAdminSlow(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, withAdmins(web.Options{PresenceGrace: -1, StallTimeout: time.Second}))
	vera := viewer(t, srv)
	vera.get("/admin/slow").wantText("slow-rows", "No client was slow in the last 1 h.").wantText("flapping-rows", "No client flapped in the last 1 h.").
		wantText("slow-since", "is remembered since")
	live := vera.watch("/admin/slow")
	live.patch()
	for range 6 {
		srv.Subscribe("channels=news&clientId=flip").Close()
	}
	for range 4 {
		srv.Subscribe("channels=news&clientId=few").Close()
	}
	srv.Subscribe("channels=news&clientId=late&info=%7B%22name%22%3A%22Late%20Lee%22%7D", "Last-Event-ID: gone-1").WantRegistered()
	live.until("flapping-rows", "flip", func(o op) bool { return strings.Contains(o.markup(), `/clients/flip"`) })
	var page *reply
	until(t, "all is listed", func() bool {
		page = vera.get("/admin/slow?range=24h")
		return strings.HasPrefix(page.says("flapping-rows"), "flip 6 6 6 ") && strings.HasPrefix(page.says("slow-rows"), "Late Lee late 0 1 0 ")
	})
	if got := page.says("flapping-rows"); strings.Contains(got, "few") {
		t.Errorf("flapping are %s", got)
	}
	if !strings.Contains(page.text, `href="/admin/clients/late"`) {
		t.Error("the client is not linked")
	}
	vera.get("/admin/clients").wantText("main", "Slow and flapping")
	vera.get("/admin/find?q=flapping").wantText("main", "Slow and flapping")
}
