package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"rollcall/web/auth"
)

// wantOut wants a client to be asked to log in.
func wantOut(t *testing.T, client *http.Client, base string) {
	t.Helper()
	got := ask(t, client, base+"/admin", "", "Accept: text/html").want(t, http.StatusSeeOther, "")
	if to := got.header.Get("Location"); !strings.HasPrefix(to, "./admin/login") {
		t.Errorf("sent to %s", to)
	}
}

func TestAdminsAreReloaded(t *testing.T) {
	t.Parallel()
	hashes := []string{hashOf(t, "correct horse"), hashOf(t, "battery staple")}
	yaml := func(users ...string) string { return "admin-user:\n  - " + strings.Join(users, "\n  - ") + "\n" }
	ann, bob := "ann:"+hashes[0], "bob:viewer:"+hashes[1]
	config := newFile(t, "rollcall.yaml", yaml(ann, bob))
	p := serve(t, nil, "--config="+config)
	annIn, bobIn := logIn(t, p.url, "ann", "correct horse"), logIn(t, p.url, "bob", "battery staple")

	replaced(t, config, yaml(ann)) // bob is gone
	p.wantLog(reloaded)
	wantOut(t, bobIn, p.url)
	ask(t, annIn, p.url+"/admin", "").want(t, 200, "ann")
	ask(t, bobIn, p.url+"/admin/login", "username=bob&password=battery+staple", "Content-Type: application/x-www-form-urlencoded").want(t, 401, "wrong")

	replaced(t, config, yaml(ann, "bob:boss:"+hashes[1]))
	if got := p.wantLog(notReloaded); !strings.Contains(fmt.Sprint(got["error"]), "--admin-user: ") || strings.Contains(fmt.Sprint(got), hashes[1]) {
		t.Errorf("logged %v", got)
	}
	ask(t, annIn, p.url+"/admin", "").want(t, 200, "ann")

	replaced(t, config, yaml("ann:viewer:"+hashes[0])) // another role
	p.wantLog(reloaded)
	wantOut(t, annIn, p.url)
	annIn = logIn(t, p.url, "ann", "correct horse")

	replaced(t, config, "# nobody\n")
	p.wantLog(reloaded)
	ask(t, annIn, p.url+"/admin", "").want(t, 404, "off until an admin is configured")
	ask(t, annIn, p.url+"/admin/login", "").want(t, 404, "")

	replaced(t, config, yaml(ann))
	p.wantLog(reloaded)
	logIn(t, p.url, "ann", "correct horse")
}

// A password in a file is hashed anew each time; users stay logged in until it changes.
func TestPasswordFileIsReloaded(t *testing.T) {
	t.Parallel()
	password := newFile(t, "password", "correct horse\n")
	p := serve(t, nil, "--admin-password-file="+password, "--admin-user=ann", "--admin-user=bob:viewer")
	in, bob := logIn(t, p.url, "ann", "correct horse"), logIn(t, p.url, "bob", "correct horse")
	p.signal(syscall.SIGHUP)
	p.wantLog(reloaded)
	ask(t, in, p.url+"/admin", "").want(t, 200, "ann")
	ask(t, bob, p.url+"/admin", "").want(t, 200, "bob")

	replaced(t, password, "short\n")
	if got := p.wantLog(notReloaded); !strings.Contains(fmt.Sprint(got["error"]), "--admin-password-file: the password has 5 bytes") {
		t.Errorf("logged %v", got)
	}
	ask(t, in, p.url+"/admin", "").want(t, 200, "ann")

	replaced(t, password, "battery staple\n")
	p.wantLog(reloaded)
	wantOut(t, in, p.url)
	wantOut(t, bob, p.url)
	form := "Content-Type: application/x-www-form-urlencoded"
	ask(t, in, p.url+"/admin/login", "username=ann&password=correct+horse", form).want(t, 401, "")
	logIn(t, p.url, "ann", "battery staple")
}

// The admin that was made for a run is there for all of it.
func TestReloadKeepsTheAdminOfTheRun(t *testing.T) {
	t.Parallel()
	p := serve(t, nil)
	in := logIn(t, p.url, "admin", p.password())
	for range 2 {
		p.signal(syscall.SIGHUP)
		p.wantLog(reloaded)
		ask(t, in, p.url+"/admin", "").want(t, 200, "admin")
	}
}

func TestOriginsAreReloaded(t *testing.T) {
	t.Parallel()
	config := newFile(t, "rollcall.yaml", "cors-origin: https://one.example\n")
	p := serve(t, nil, "--config="+config)
	client := newClient(t, nil)
	wantOrigins := func(one, two bool) {
		t.Helper()
		for origin, wanted := range map[string]bool{"https://one.example": one, "https://two.example": two, "https://evil.example": false} {
			got := ask(t, client, p.url+"/publish", hello, "Origin: "+origin)
			if shared := got.header.Get("Access-Control-Allow-Origin") == origin; (got.status == 200) != wanted || shared != wanted {
				t.Errorf("%s: %d, shared %v; want %v", origin, got.status, shared, wanted)
			}
		}
	}
	wantOrigins(true, false)
	replaced(t, config, "cors-origin: [https://two.example]\n")
	p.wantLog(reloaded)
	wantOrigins(false, true)
	replaced(t, config, "cors-origin: [https://one.example/, https://two.example]\n")
	if got := p.wantLog(notReloaded); !strings.Contains(fmt.Sprint(got["error"]), `did you mean "https://one.example"?`) {
		t.Errorf("logged %v", got)
	}
	wantOrigins(false, true)
	replaced(t, config, "cors-origin: [https://one.example, https://two.example]\n")
	p.wantLog(reloaded)
	wantOrigins(true, true)
}

// Changes of settings that apply only at the start are reported, and the rest of the file still applies.
func TestReloadTellsWhatTakesARestart(t *testing.T) {
	t.Parallel()
	_, line := newKey(t, "k", auth.Publish, ">")
	key, other := newKey(t, "other", auth.Publish, ">")
	cert, private := writePair(t)
	config := newFile(t, "rollcall.yaml", "max-events: 5\napi-key: "+line+"\n")
	p := serve(t, nil, "--config="+config)
	replaced(t, config, "address-connects: 5\nadmin-listen: 127.0.0.1:0\nheartbeat: 7s\nhsts: 1h\ninsecure: true\nmax-events: 6\ntls-cert: "+cert+
		"\ntls-key: "+private+"\ntrusted-proxy: 10.0.0.0/8\nlisten: ':1'\napi-key: "+other+"\ncors-origin: https://one.example\njwt-secret: "+jwtSecret+"\n")
	var told []string
	late := time.After(patience)
	for done := false; !done; {
		var entry map[string]any
		select {
		case entry = <-p.logs:
		case <-late:
			t.Fatalf("not reloaded; told of %v", told)
		}
		if done = entry == nil || entry["msg"] == reloaded; entry["level"] == "ERROR" {
			t.Fatalf("not reloaded: %v", entry)
		}
		if entry["level"] == "WARN" && entry["msg"] == "this setting has changed and needs a restart" {
			told = append(told, fmt.Sprint(entry["setting"]))
		}
	}
	want := []string{"address-connects", "admin-listen", "heartbeat", "hsts", "insecure", "max-events", "tls-cert", "tls-key", "trusted-proxy"}
	if !slices.Equal(told, want) { // listen is a flag here, which wins over the file
		t.Errorf("told of %v, want %v", told, want)
	}
	ask(t, newClient(t, nil), p.url+"/publish", hello, "X-API-Key: "+key, "Origin: https://one.example").want(t, 200, "")
}

// A server with TLS does not fall back to a certificate of its own, or to none.
func TestReloadKeepsTLS(t *testing.T) {
	t.Parallel()
	cert, key := writePair(t)
	config := newFile(t, "rollcall.yaml", "tls-cert: "+cert+"\ntls-key: "+key+"\n")
	p := serve(t, nil, "--config="+config)
	first := p.served()
	for _, without := range []string{"# none\n", "tls-dev: true\n"} {
		replaced(t, config, without)
		p.wantLog("this setting has changed and needs a restart")
		p.wantLog(reloaded)
		if got := p.served(); got != first {
			t.Errorf("%s: new connections get %s, want %s", without, got, first)
		}
	}
	replaced(t, config, "tls-cert: "+cert+"\ntls-key: "+key+"\n")
	p.wantLog(reloaded)
	second := replacePair(t, cert, key)
	p.wantLog(reloaded)
	if got := p.served(); got != second {
		t.Errorf("new connections get %s, want %s", got, second)
	}
}

// logLines receives the log of a server in this process.
type logLines struct {
	mu    sync.Mutex
	text  bytes.Buffer
	lines chan string
}

func (l *logLines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.lines <- string(line):
	default: // no test reads that much
	}
	return l.text.Write(line)
}

// Reloading leaves nothing running behind, whether it works or not.
func TestReloadLeaksNothing(t *testing.T) {
	others := goleak.IgnoreCurrent()
	usual := watchEvery
	watchEvery = 5 * time.Millisecond
	defer func() { watchEvery = usual }()
	jwks := newKeySet(t)
	_, line := newKey(t, "k", auth.Publish, ">")
	config := newFile(t, "rollcall.yaml", "")
	files := []string{
		"jwks-url: " + jwks.URL, "jwks-url: " + jwks.URL + "\ncors-origin: '*'", "jwks-url: " + jwks.URL + "/other\napi-key: " + line,
		"jwks-url: " + jwks.URL + "\njwt-secret: short", "jwt-secret: " + jwtSecret, "jwks-url: " + jwks.URL + "\njwt-secret: " + jwtSecret,
		"jwks-url: " + jwks.URL + "\ntoken-cookie: t\ncors-origin: '*'", "garbage", "", "jwks-url: " + jwks.URL,
		"authorize-url: " + jwks.URL, "authorize-url: " + jwks.URL + "\ncors-origin: https://a.org", "authorize-url: " + jwks.URL + "/other",
		"authorize-url: " + jwks.URL + "/other\nadmin-user: ann:x", "authorize-url: none", "jwks-url: " + jwks.URL,
	}
	s := &settings{args: []string{"serve", "--listen=127.0.0.1:0", "--config=" + config, "--admin-user=ann:" + sampleHash}}
	var c cli
	if _, err := newParser(&c, s).Parse(s.args); err != nil {
		t.Fatal(err)
	}
	logs := &logLines{lines: make(chan string, 10_000)}
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	log := newLogger(logs, "json", "info")
	done := make(chan error, 1)
	go func() {
		reload := &reloader{log: log, now: &c.Serve, parse: s.reread, values: map[string]string{}}
		l := life{serveCmd: &c.Serve, log: log, terminal: io.Discard, reload: reload}
		done <- l.run(ctx, nil, new(sockets))
	}()
	wantLine := func(says ...string) {
		t.Helper()
		late := time.After(patience)
		for {
			select {
			case line := <-logs.lines:
				for _, text := range says {
					if strings.Contains(line, text) {
						return
					}
				}
			case <-late:
				logs.mu.Lock()
				defer logs.mu.Unlock()
				t.Fatalf("no line with %q; logged\n%s", says, &logs.text)
			}
		}
	}
	wantLine("open to all programs")
	for _, text := range files {
		replaced(t, config, text+"\n")
		wantLine(`"`+reloaded+`"`, notReloaded)
	}
	if err := os.Remove(config); err != nil {
		t.Fatal(err)
	}
	wantLine(notReloaded)
	cancel(errors.New("told to"))
	if err := <-done; err != nil {
		t.Error(err)
	}
	jwks.Close()
	http.DefaultClient.CloseIdleConnections()
	goleak.VerifyNone(t, others)
}
