package web_test

import (
	"net/url"
	"strings"
	"testing"
)

// TestFormsAreNotKept: what the audit log and the blocks remember of a form does not
// hold the rest of the form in memory.
func TestFormsAreNotKept(t *testing.T) {
	const forms, most = 400, 3 << 10
	srv := startAdmin(t)
	nobody, vera, alice := stranger(t, srv), viewer(t, srv), operator(t, srv)
	pad := "&pad=" + strings.Repeat("A", 12<<10)
	send := map[string]func(i int){
		"login": func(int) { nobody.do("POST", "/admin/login", "username=a&password=b"+pad) },
		"refused": func(int) {
			vera.do("POST", "/admin/blocks", "clientId=a&for=1h"+pad).want(403)
		},
		"blocks": func(i int) {
			alice.do("POST", "/admin/blocks", "clientId=bob"+string(rune('A'+i))+"&for=1h"+pad).want(303)
		},
		"path": func(i int) {
			alice.do("POST", "/admin/clients/bob/block?pad="+strings.Repeat("A", 12<<10), "for=1h").want(303)
		},
	}
	for name, one := range send {
		one(0)
		before := heap()
		for i := range forms {
			one(i)
		}
		if grown := heap() - before; grown > forms*most {
			t.Errorf("%s: %d forms of 12 KiB keep %d KiB", name, forms, grown>>10)
		}
	}
}

// TestFormLimits: strangers' forms are read up to what a login needs, and only at the
// login; other forms after it, up to what each needs.
func TestFormLimits(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	large := "pad=" + strings.Repeat("A", 17<<10)
	stranger(t, srv).do("POST", "/admin/login", large).want(413).wantText("error", "too large")
	alice := operator(t, srv)
	for _, path := range []string{"/blocks", "/blocks/remove", "/server/drain", "/clients/a/block", "/clients/a/disconnect", "/logout"} {
		alice.do("POST", "/admin"+path, large).want(413)
		alice.do("GET", "/admin", "").want(200)
		w := srv.Dial()
		w.Send("POST /admin" + path + " HTTP/1.1\nHost: x\nContent-Type: application/x-www-form-urlencoded\nContent-Length: 16\nExpect: 100-continue\n\n")
		if line := w.WantLine("HTTP/1.1 "); !strings.Contains(line, "401") {
			t.Errorf("%s: %s, want 401 before the form", path, line)
		}
		w.Cut()
	}
	alice.do("POST", "/admin/clients/a/send", url.Values{"type": {"t"}, "payload": {strings.Repeat("A", 50<<10)}}.Encode()).want(404) // was read: there is no such client
	alice.do("POST", "/admin/channels/a/publish", url.Values{"mode": {"one"}, "type": {"t"}, "payload": {`"` + strings.Repeat("A", 50<<10) + `"`}}.Encode()).want(303)
}
