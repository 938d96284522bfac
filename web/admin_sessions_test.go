package web_test

import (
	"strings"
	"testing"

	"rollcall/web"
)

// A file of sessions that can't be used is an error that says so.
func TestAdminSessionsFileIsRefused(t *testing.T) {
	t.Parallel()
	opts := withAdmins(web.Options{AdminSessions: t.TempDir()})
	if srv, err := web.New(opts); err == nil {
		srv.Close()
		t.Error("a directory was taken for a file of sessions")
	}
}

// Operators see and end the sessions of all users, one by one; viewers those of their own.
func TestAdminEndsOneSession(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	alice, other, vera, veraToo := operator(t, srv), operator(t, srv), viewer(t, srv), viewer(t, srv)
	page := alice.get("/admin/sessions")
	page.wantText("sessions-total", "4 logged in")
	if rows := sessionIDs(page, ""); len(rows) != 4 || strings.Count(page.text, "this one") != 1 {
		t.Fatalf("alice sees %d sessions", len(rows))
	}
	page = vera.get("/admin/sessions")
	hers := sessionIDs(page, "")
	if len(hers) != 2 || strings.Contains(page.says("sessions"), "alice") {
		t.Fatalf("vera sees %d sessions: %s", len(hers), page.says("sessions"))
	}
	open := other.watch("/admin")
	open.patch()
	target := sessionIDs(alice.get("/admin/sessions"), "alice")[1] // the first is alice's present one
	const gone = "There is no such session any more, or it is not yours to end."
	vera.act("bad", gone, "/admin/sessions/end", "session", target)
	vera.act("bad", gone, "/admin/sessions/end", "session", "")
	alice.act("ok", "Ended a session of alice.", "/admin/sessions/end", "session", target)
	open.wantExpired()
	other.do("GET", "/admin", "").wantLogin()
	alice.get("/admin")

	vera.act("ok", "Ended a session of vera.", "/admin/sessions/end", "session", hers[1])
	veraToo.do("GET", "/admin", "").wantLogin()
	alice.act("ok", "Ended a session of vera.", "/admin/sessions/end", "session", hers[0])
	vera.do("GET", "/admin", "").wantLogin()
	alice.get("/admin/audit").wantText("audit-rows", "session.end").wantText("audit-rows", "at 127.0.0.1")

	// The ids of the page are not those of cookies.
	thief := stranger(t, srv)
	thief.plant("rollcall_admin", sessionIDs(alice.get("/admin/sessions"), "")[0])
	thief.do("GET", "/admin", "").wantLogin()
	alice.post("/admin/sessions/end", "session", sessionIDs(alice.get("/admin/sessions"), "")[0]).wantLocation("/admin/sessions")
	alice.do("GET", "/admin/sessions", "").wantLogin()
}

// sessionIDs are the ids of the sessions on a page, those of one user or of all.
func sessionIDs(page *reply, user string) (ids []string) {
	for row := range page.one("sessions-rows").ChildNodes() {
		if attr(row, "id") != "" && (user == "" || attr(row, "data-user") == user) {
			ids = append(ids, attr(element(row, "session-end"), "value"))
		}
	}
	return ids
}
