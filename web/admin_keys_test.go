package web_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rollcall/web"
	"rollcall/web/auth"
	"rollcall/web/webtest"
)

// An operator makes a key, sees it once, and revokes it, which ends its streams. Keys of the configuration stay.
func TestAdminKeys(t *testing.T) {
	t.Parallel()
	all, err := auth.ParsePatterns(">")
	if err != nil {
		t.Fatal(err)
	}
	configured, line, err := auth.NewKey("configured", auth.Publish|auth.Subscribe, all)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "keys")
	opts := withAdmins(web.Options{AdminKeys: file, Access: &auth.Options{Keys: []auth.Key{line}}})
	srv := webtest.Start(t, opts)
	alice, vera := operator(t, srv), viewer(t, srv)
	alice.get("/admin/keys").wantText("keys-rows", "No key was made here.")

	page := alice.act("ok", "The key billing was made. It is shown once, below.", "/admin/keys", "name", "billing", "allow", "publish", "allow", "subscribe", "channels", "orders.>, news", "for", "720h")
	text := page.says("key-text")
	page.wantText("keys-rows", "billing publish subscribe orders.>,news").wantText("keys-rows", "alice")
	for _, again := range []*reply{alice.get("/admin/keys"), operator(t, srv).get("/admin/keys"), vera.get("/admin/keys"), alice.get("/admin/audit")} {
		if strings.Contains(again.text, text) {
			t.Errorf("%s shows the key again", again.what)
		}
	}
	written, err := os.ReadFile(file)
	if err != nil || strings.Contains(string(written), text) || !strings.Contains(string(written), "sha256:") {
		t.Errorf("the file is %s, %v", written, err)
	}
	publish := func(key, channel string) int {
		return alice.do("POST", "/publish", `{"events":[{"channelName":"`+channel+`","type":"m","payload":1}]}`, "Content-Type: application/json", "X-API-Key: "+key).status
	}
	if got := []int{publish(text, "orders.1"), publish(text, "other"), publish(configured, "other")}; got[0] != 200 || got[1] != 403 || got[2] != 200 {
		t.Errorf("publishing is answered %v", got)
	}
	st := openAs(t, srv, text)

	// A viewer sees the keys, and makes and revokes none.
	vera.post("/admin/keys", "name", "x", "allow", "admin", "channels", ">").want(403)
	id := formValue(t, alice.get("/admin/keys"), "key-revoke")
	vera.post("/admin/keys/revoke", "key", id).want(403)
	vera.get("/admin/keys").wantText("viewer-note", "may look")

	for _, wrong := range [][]string{
		{"name", "a b", "allow", "publish", "channels", ">"}, {"name", "a", "channels", ">"}, {"name", "a", "allow", "root", "channels", ">"},
		{"name", "a", "allow", "publish", "channels", ""}, {"name", "a", "allow", "admin", "channels", "a"}, {"name", "a", "allow", "publish", "channels", "a", "for", "-1h"},
	} {
		to := alice.post("/admin/keys", wrong...).want(303).header.Get("Location")
		if told := alice.get(to).says("flash"); !strings.HasPrefix(told, "No key was made: ") {
			t.Errorf("%q: %s", wrong, told)
		}
	}

	// Configuration that is reloaded changes nothing about made keys.
	if err := srv.Reload(web.Changes{Admins: opts.Admins, Access: opts.Access}); err != nil {
		t.Fatal(err)
	}
	if got := publish(text, "orders.1"); got != 200 {
		t.Errorf("after a reload: %d", got)
	}
	alice.act("ok", "Revoked the key billing. Its streams end.", "/admin/keys/revoke", "key", id)
	st()
	if got := []int{publish(text, "orders.1"), publish(configured, "other")}; got[0] != 401 || got[1] != 200 {
		t.Errorf("publishing is answered %v", got)
	}
	alice.act("bad", "There is no such key any more.", "/admin/keys/revoke", "key", id)
	alice.get("/admin/audit").wantText("audit-rows", "key.revoke billing publish,subscribe on orders.>,news").wantText("audit-rows", "key.add billing")
}

// openAs opens a stream with a key. The function that it returns waits for the stream's end.
func openAs(t *testing.T, srv *webtest.Server, key string) (ended func()) {
	t.Helper()
	v := stranger(t, srv)
	resp := v.request("GET", "/subscribe?channels=news", "", []string{"Accept: text/event-stream", "Authorization: Bearer " + key})
	if resp.StatusCode != 200 {
		t.Fatalf("the stream is answered %s", resp.Status)
	}
	return func() {
		t.Helper()
		defer resp.Body.Close()
		for part := make([]byte, 4096); ; {
			if _, err := resp.Body.Read(part); err != nil {
				if err.Error() != "EOF" {
					t.Errorf("the stream ended with %v", err)
				}
				return
			}
		}
	}
}

// Keys of the file are in effect after a start, and follow the file when it changes.
func TestAdminKeysFollowTheFile(t *testing.T) {
	t.Parallel()
	all, err := auth.ParsePatterns(">")
	if err != nil {
		t.Fatal(err)
	}
	text, key, err := auth.NewKey("backend", auth.Publish, all)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(file, []byte(key.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	access := &auth.Options{}
	opts := withAdmins(web.Options{AdminKeys: file, Access: access})
	srv := webtest.Start(t, opts)
	publish := func() int {
		return stranger(t, srv).do("POST", "/publish", `{"events":[{"channelName":"a","type":"m","payload":1}]}`, "Content-Type: application/json", "X-API-Key: "+text).status
	}
	if got := publish(); got != 200 {
		t.Errorf("at the start: %d", got)
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := srv.Reload(web.Changes{Admins: opts.Admins, Access: access}); err != nil {
		t.Fatal(err)
	}
	if got := publish(); got != 401 {
		t.Errorf("without the key: %d", got)
	}
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := srv.Reload(web.Changes{Admins: opts.Admins, Access: access}); err == nil {
		t.Error("a file that others read was taken")
	}
}
