package clients

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// startProvider starts an OpenID Connect provider and returns its address.
func startProvider(t *testing.T, redirect string) string {
	t.Helper()
	cmd := exec.Command("node", "provider.mjs", redirect)
	cmd.Dir = "node"
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	said := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(stdout)
		lines.Scan()
		said <- lines.Text()
		for lines.Scan() { // until it ends
		}
	}()
	select {
	case issuer := <-said:
		if issuer == "" {
			t.Fatal("the provider ended at once")
		}
		return issuer
	case <-time.After(patience):
		t.Fatal("the provider doesn't listen")
	}
	return ""
}

// A user logs in at a real provider, in a browser: the group is the role, and a user of no known group is told so.
func TestDashboardLoginAtAProvider(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	base := "http://" + addr
	issuer := startProvider(t, base+"/admin/oidc-callback")
	srv := startDashboard(t, "--listen="+addr, "--oidc-issuer="+issuer, "--admin-url="+base+"/admin", "--oidc-client-id=rollcall",
		"--oidc-client-secret=a secret of 16+ bytes", "--oidc-role=ops=operator")
	doctor := exec.Command(binary, "doctor", "--wait=0", "--server="+base, "--oidc-issuer="+issuer, "--admin-url="+base+"/admin", "--oidc-client-id=rollcall",
		"--oidc-client-secret=a secret of 16+ bytes")
	if out, err := doctor.CombinedOutput(); err != nil || strings.Count(string(out), "ok    oidc") != 3 {
		t.Errorf("rollcall doctor: %v\n%s", err, out)
	}
	log := func(name string) *dashboard {
		d := &dashboard{newTab(t), srv.url}
		d.acceptDialogs()
		d.open("/admin/clients?q=a")
		d.click(hook("login-provider"))
		d.want(fmt.Sprintf("location.origin === %q && document.readyState === 'complete'", issuer))
		d.fill(`input[name="login"]`, name)
		d.fill(`input[name="password"]`, "any")
		d.submit(`button[type="submit"]`)
		d.submit(`button[type="submit"]`) // the consent
		return d
	}
	d := log("opal")
	d.wantPath("/admin/clients")
	d.want(`location.search === "?q=a" && document.querySelector("#user-menu").textContent.includes("oidc:opal")`)
	d.wantState("live")
	d.openLive("/admin/sessions")
	d.want(`document.querySelector("#sessions-rows").textContent.includes("oidc:opal")`)

	// A user of no known group has no session, and is told why.
	other := log("sam")
	other.wantPath("/admin/oidc-callback")
	other.want(`document.querySelector("[data-testid=login-error]").textContent.includes("none of your groups")`)

	// The session of another ends at once, with its pages.
	alice := openDashboard(t, srv.url)
	alice.openLive("/admin/sessions")
	alice.submit(`tr[data-user="oidc:opal"] ` + hook("session-end"))
	alice.want(`document.querySelector("#flash").textContent.includes("Ended a session of oidc:opal.")`)
	d.wantState("closed")
}

// A key is made, shown once, and revoked.
func TestDashboardMakesAKey(t *testing.T) {
	t.Parallel()
	srv := startDashboard(t, "--admin-keys="+filepath.Join(t.TempDir(), "keys"))
	d := openDashboard(t, srv.url)
	d.openLive("/admin/keys")
	d.fill(hook("key-name"), "billing")
	d.fill(hook("key-channels"), "orders.>")
	d.click(hook("key-publish"))
	d.submit(hook("key-add"))
	d.want(`/^rk_[a-z2-7]{40}$/.test(document.querySelector("#key-text").textContent)`)
	d.wantState("live")
	if dir := os.Getenv("SCREENSHOTS"); dir != "" {
		d.shoot(dir, "keys")
		d.openLive("/admin/sessions")
		d.shoot(dir, "sessions")
	}
	d.openLive("/admin/keys")
	d.wantNone("#key-text")
	d.submit(`tr[data-key="billing"] ` + hook("key-revoke"))
	d.wantNone(`tr[data-key="billing"]`)
	d.wantQuiet(false)
}
