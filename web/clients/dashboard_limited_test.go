package clients

import (
	"os"
	"path/filepath"
	"testing"
)

// A role that is limited to channels sees these and nothing of the others, live, and acts on them.
func TestDashboardOfALimitedRole(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(operatorPassword+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	srv := startServer(t, "--admin-role=support=operator:lobby,news.>", "--admin-user="+operator+":support", "--admin-password-file="+file)
	log := &ledger{server: srv}
	log.publish(batch...)
	bob := listenAs(t, srv, "bob")
	bob.awaitType(t, "registered", 1)
	d := &dashboard{newTab(t), srv.url}
	d.acceptDialogs()
	d.open("/admin")
	d.logIn(operator, operatorPassword)
	d.wantPath("/admin/channels")
	d.wantState("live")
	d.want(`[...document.querySelectorAll("nav .rail-link")].map((a) => new URL(a.href).pathname).join() === "/admin/channels,/admin/tail"`)
	d.wantSome(`main a[href$="/channels/lobby"]`)
	d.wantNone(`main a[href$="/channels/news"]`) // the pattern is of longer names
	for _, path := range []string{"/admin/clients", "/admin/clients?group=network", "/admin/blocks/network", "/admin/channels/news", clientPath("bob")} {
		d.open(path)
		d.want(`document.querySelector("main").innerText.includes("limited to the channels")`)
	}
	d.openLive("/admin/channels/lobby")
	d.fill(hook("publish-type"), "message")
	d.fill(hook("publish-payload"), `"hello"`)
	d.submit(hook("publish-send"))
	d.want(`document.querySelector("#flash").textContent.includes("Published 1 event")`)
	bob.awaitType(t, "message", 1)
	d.wantQuiet(true)
}
