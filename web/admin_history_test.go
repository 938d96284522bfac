package web_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"rollcall/web"
	"rollcall/web/alarms"
	"rollcall/web/privatefile"
	"rollcall/web/webtest"
)

// The audit log and the alarms are there after a restart: what was done, what was put away, and what was cleared. An alarm
// whose cause is gone is cleared with the time at which it was found absent.
func TestAdminHistoryIsKeptOverARestart(t *testing.T) {
	t.Parallel()
	opts := withAdmins(web.Options{Node: "node-7", AdminHistory: t.TempDir()})
	srv := webtest.Start(t, opts)
	alice := operator(t, srv)
	alice.post("/admin/clients/nobody/disconnect").want(303)
	alice.act("ok", "Put away for 1 h: Open to everybody.", "/admin/alarms/away", "alarm", formValue(t, alice.get("/admin/alarms"), "alarm-away"))
	raised := firstTime(alice.get("/admin/alarms").one("alarms-rows"))
	before := auditOf(t, alice)
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	book := privatefile.Record[alarms.History]{Path: filepath.Join(opts.AdminHistory, "alarms"), Line: "rollcall alarms 1", Most: 1 << 20}
	h, err := book.Load()
	if err != nil || len(h.Active) != 1 || h.Active[0].Kind != alarms.Open {
		t.Fatalf("the stored alarms are %+v, %v", h, err)
	}
	long := time.Now().Add(-3 * time.Hour)
	stalled := alarms.Alarm{Condition: alarms.Condition{Kind: alarms.Stalled, Title: "One stalled"}, Seq: 77, Raised: long, Quiet: long.Add(time.Hour)}
	full := alarms.Alarm{Condition: alarms.Condition{Kind: alarms.Full, Title: "Was full"}, Seq: 76, Raised: long, Quiet: long.Add(2 * time.Minute), Cleared: long.Add(2 * time.Minute)}
	h.Seq, h.Active, h.Past = 77, append(h.Active, stalled), []alarms.Alarm{full}
	if err := book.Store(h); err != nil {
		t.Fatal(err)
	}

	again := operator(t, webtest.Start(t, opts))
	after := auditOf(t, again)
	if len(after) != len(before)+1 || after[0] != before[0] || after[len(before)-1] != before[len(before)-1] || after[len(before)].Action != "login" {
		t.Errorf("the audit log was %+v, and is %+v", before, after)
	}
	again.get("/admin/audit").wantText("audit-rows", "client.disconnect").wantText("audit-scope", "also from before a restart.")
	page := again.get("/admin/alarms").wantText("alarms-rows", "put away by alice").wantText("past-alarms-scope", "also from before a restart.")
	if got := firstTime(page.one("alarms-rows")); got != raised || raised == "" {
		t.Errorf("the alarm was raised at %q, it was %q", got, raised)
	}
	if got := page.says("past-alarms-rows"); !strings.Contains(got, "One stalled") || !strings.Contains(got, "1 h") || !strings.Contains(got, "Was full") || !strings.Contains(got, "2 min") {
		t.Errorf("cleared are %s", got)
	}
	if got := page.says("alarms-rows"); strings.Contains(got, "One stalled") {
		t.Errorf("active are %s", got)
	}
}

// firstTime returns the first time within an element.
func firstTime(n *html.Node) string {
	for d := range n.Descendants() {
		if at := attr(d, "datetime"); at != "" {
			return at
		}
	}
	return ""
}

// Files that cannot be used are told of in the log, the server starts without what they had, and stores anew. They are
// readable by their owner only.
func TestAdminHistoryThatIsDamaged(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	opts := withAdmins(web.Options{AdminHistory: t.TempDir(), Log: slog.New(slog.NewTextHandler(&log, nil))})
	files := []string{filepath.Join(opts.AdminHistory, "audit"), filepath.Join(opts.AdminHistory, "alarms")}
	for i, file := range files {
		if err := os.WriteFile(file, []byte([]string{"rollcall audit 1\nabcdefgh", ""}[i]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	srv := webtest.Start(t, opts)
	alice := operator(t, srv)
	alice.get("/admin/alarms").wantText("past-alarms-rows", "No alarm was cleared yet.")
	if list := auditOf(t, alice); len(list) != 1 || list[0].Seq != 1 {
		t.Errorf("the audit log has %+v", list)
	}
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, says := range []string{"the audit log begins anew: its file cannot be used", "its checksum is wrong", "the history of alarms begins anew", "not one of this version"} {
		if !strings.Contains(log.String(), says) {
			t.Errorf("%q is not in the log: %s", says, log.String())
		}
	}
	for _, file := range files {
		if info, err := os.Stat(file); err != nil || info.Size() < 50 || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", file, info, err)
		}
	}
	if list := auditOf(t, operator(t, webtest.Start(t, opts))); len(list) != 2 {
		t.Errorf("after that the audit log has %+v", list)
	}
}
