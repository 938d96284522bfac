package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"rollcall/web/auth"
)

// apart starts a server whose admin UI has its own listener, and returns both addresses.
func apart(t *testing.T, args ...string) (p *program, admin string) {
	t.Helper()
	p = serve(t, nil, append([]string{"--admin-listen=127.0.0.1:0"}, args...)...)
	url := fmt.Sprint(p.wantLog("the admin UI has its own address")["url"])
	if !strings.HasSuffix(url, "/admin") || strings.HasPrefix(url, p.url) {
		t.Fatalf("logged url %s", url)
	}
	return p, strings.TrimSuffix(url, "/admin")
}

func hashOf(t *testing.T, password string) string {
	t.Helper()
	cmd := command(t, nil, "admin", "hash-password")
	cmd.Stdin = strings.NewReader(password)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

func TestAdminListensApart(t *testing.T) {
	t.Parallel()
	hash := hashOf(t, "correct horse")
	p, admin := apart(t, "--admin-user=ann:"+hash, "--admin-user=vic:viewer:"+hash)
	operator, viewer, nobody := logIn(t, admin, "ann", "correct horse"), logIn(t, admin, "vic", "correct horse"), newClient(t, nil)
	page := "Accept: text/html"

	t.Run("nowhere else", func(t *testing.T) {
		for _, path := range []string{"/admin", "/admin/", "/admin/login", "/admin/stream", "/admin/audit.jsonl", "/admin/debug/pprof/", "/admin/debug/pprof/heap", "/debug/pprof/"} {
			for _, client := range []*http.Client{operator, nobody} { // cookies know no ports
				ask(t, client, p.url+path, "").want(t, 404, `"not_found"`)
			}
		}
		form := "Content-Type: application/x-www-form-urlencoded"
		ask(t, nobody, p.url+"/admin/login", "username=ann&password=correct+horse", form).want(t, 404, "")
		ask(t, operator, p.url+"/admin/server/drain", "rate=1", form).want(t, 404, "")
		ask(t, operator, p.url+"/healthz", "").want(t, 200, "ok")
	})
	t.Run("nothing else there", func(t *testing.T) {
		for _, path := range []string{"/subscribe?channels=news", "/history?channel=news", "/lastEvent?channel=news", "/presence/clients", "/presence/channels", "/presence/stream", "/debug/pprof/"} {
			ask(t, operator, admin+path, "").want(t, 404, "")
		}
		ask(t, operator, admin+"/publish", hello).want(t, 404, "")
		for _, path := range []string{"/healthz", "/readyz"} {
			ask(t, nobody, admin+path, "").want(t, 200, "")
		}
		if to := ask(t, nobody, admin+"/", "").want(t, 303, "").header.Get("Location"); to != "./admin" {
			t.Errorf("/ leads to %s", to)
		}
		wantOut(t, nobody, admin)
		ask(t, nobody, admin+"/admin/login", "", foreign).want(t, 200, "Password") // whatever it is called
	})
	t.Run("profiles", func(t *testing.T) {
		for path, says := range map[string]string{"": "goroutine", "goroutine?debug=1": "goroutine profile:", "heap?debug=1": "heap profile:", "symbol": "num_symbols"} {
			at := admin + "/admin/debug/pprof/" + path
			ask(t, operator, at, "", page).want(t, 200, says)
			ask(t, viewer, at, "", page).want(t, 403, "viewer")
			got := ask(t, nobody, at, "", page).want(t, 303, "")
			if to := got.header.Get("Location"); !strings.HasPrefix(to, "../../../admin/login?next=") {
				t.Errorf("%s leads to %s", path, to)
			}
			ask(t, nobody, at, "", "Accept: application/json").want(t, 401, "login_required")
			if got := ask(t, operator, at, "", "Sec-Fetch-Site: cross-site", page); got.status == 200 && got.header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s is shared with other sites", path)
			}
		}
		ask(t, operator, admin+"/admin/audit", "").want(t, 200, "server.profile")
		ask(t, operator, admin+"/admin/debug/pprof/cmdline", "", "Accept: application/json").want(t, 404, "not_found") // it may have secrets
	})
}

// Without its own listener the admin UI serves no profiles, not even to operators.
func TestNoProfilesOnTheMainListener(t *testing.T) {
	t.Parallel()
	p := serve(t, nil, "--admin-user=ann:"+hashOf(t, "correct horse"))
	operator := logIn(t, p.url, "ann", "correct horse")
	for _, path := range []string{"/admin/debug/pprof/", "/admin/debug/pprof/heap", "/debug/pprof/"} {
		ask(t, operator, p.url+path, "").want(t, 404, "")
	}
}

// A password is generated if only this machine reaches the admin UI, regardless of the server's own address.
func TestAdminPasswordGoesByTheAdminListener(t *testing.T) {
	t.Parallel()
	_, line := newKey(t, "k", auth.Publish, ">")
	socket := filepath.Join(t.TempDir(), "admin")
	const off = "the admin UI is off: no admin user is configured, and other machines reach this address; see --admin-user"
	tests := map[string]struct {
		args []string
		made bool
	}{
		"loopback for both":       {nil, true},
		"public":                  {[]string{"--listen=:0"}, false},
		"public, admin apart":     {[]string{"--listen=:0", "--admin-listen=127.0.0.1:0"}, true},
		"public, admin by socket": {[]string{"--listen=:0", "--admin-listen=unix:" + socket}, true},
		"admin public":            {[]string{"--admin-listen=:0"}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := serve(t, nil, append([]string{"--api-key=" + line}, test.args...)...)
			admin := p.url
			if strings.Contains(name, "admin ") {
				admin = strings.TrimSuffix(fmt.Sprint(p.wantLog("the admin UI has its own address")["url"]), "/admin")
			}
			if !test.made {
				if got := p.wantLog(off); got["level"] != "WARN" {
					t.Errorf("logged %v", got)
				}
				ask(t, newClient(t, nil), admin+"/admin", "", "Accept: application/json").want(t, 404, "admin_off")
				ask(t, newClient(t, nil), admin+"/admin/login", "").want(t, 404, "")
				return
			}
			at, password := p.made()
			if strings.HasPrefix(admin, unixPrefix) {
				return // the address is no URL; the password is as good
			}
			if at != admin+"/admin" {
				t.Errorf("logged %s, want %s", at, admin)
			}
			logIn(t, admin, "admin", password)
		})
	}
}

// With TLS, both listeners have it, and the login cookie is for TLS alone.
func TestAdminListenerHasTLSToo(t *testing.T) {
	t.Parallel()
	p, admin := apart(t, "--tls-dev")
	if !strings.HasPrefix(admin, "https://") || !strings.HasPrefix(p.url, "https://") {
		t.Fatalf("logged %s and %s", p.url, admin)
	}
	client := newClient(t, overTLS(false))
	form := "username=admin&password=" + p.password()
	got := ask(t, client, admin+"/admin/login", form, "Content-Type: application/x-www-form-urlencoded").want(t, 303, "")
	cookie := got.header.Get("Set-Cookie")
	for _, says := range []string{"Secure", "HttpOnly", "SameSite=Strict"} {
		if !strings.Contains(cookie, says) {
			t.Errorf("the cookie is not %s: %s", says, cookie)
		}
	}
}
