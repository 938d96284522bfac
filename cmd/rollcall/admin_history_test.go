package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// After the server was killed, the admin UI has its audit log and its alarms, with the times at which they were raised. A
// file that was damaged meanwhile is told of in the log, and the server starts.
func TestAdminHistorySurvivesAKill(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	n := newNode(t, "--data="+data, "--admin-user=root", "--admin-password-file="+newFile(t, "password", clusterPassword))
	enter := func() *seen { return &seen{t, logIn(t, n.url, "root", clusterPassword), n.url} }
	root := enter()
	root.act("/admin/blocks", "clientId", "mallory", "for", "1h", "reason", "after midnight")
	root.act("/admin/server/drain", "rate", "1")
	root.until("/admin/alarms", "alarms-rows", "Draining")
	raised := func() string {
		return strings.Join(regexp.MustCompile(`class="when" datetime="[^"]+"`).FindAllString(root.source("/admin/alarms"), 2), " ")
	}
	before := raised()
	stored := func(name, text string) {
		until(t, name+" has "+text, func() bool {
			got, _ := os.ReadFile(filepath.Join(data, name))
			return strings.Contains(string(got), text)
		})
		if info, err := os.Stat(filepath.Join(data, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	stored("audit", "server.drain")
	stored("alarms", "draining")
	n.signal(syscall.SIGKILL)
	n.wantExit(-1)

	n.again()
	root = enter()
	root.until("/admin/audit", "audit-rows", "server.drain.*mallory.*after midnight")
	root.until("/admin/alarms", "alarms-rows", `Draining.*absent Cleared soon.*Open mode.*active`)
	if got := raised(); got != before || got == "" {
		t.Errorf("the alarms were raised at %s, that was %s", got, before)
	}

	n.signal(syscall.SIGTERM)
	n.wantExit(0)
	for _, name := range []string{"audit", "alarms"} {
		file := filepath.Join(data, name)
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, text[:len(text)-3], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	n.again()
	root = enter()
	if got := root.text("/admin/audit", "audit-rows"); strings.Contains(got, "mallory") || !strings.Contains(got, "login") {
		t.Errorf("the audit log has %s", got)
	}
	if got := root.text("/admin/alarms", "past-alarms-rows"); !strings.Contains(got, "No alarm was cleared yet.") {
		t.Errorf("cleared are %s", got)
	}
	n.signal(syscall.SIGTERM)
	n.wantExit(0)
	for _, says := range []string{"the audit log begins anew: its file cannot be used", "the history of alarms begins anew: its file cannot be used"} {
		if !strings.Contains(n.all.String(), says) {
			t.Errorf("%q is not in the log", says)
		}
	}
}
