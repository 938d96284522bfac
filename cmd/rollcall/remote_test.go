package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"rollcall/web/auth"
)

// outcome is what a command printed and how it ended.
type outcome struct {
	out, errors string
	code        int
}

// runCommand runs a command to its end. input is its standard input.
func runCommand(t testing.TB, env []string, input string, args ...string) outcome {
	t.Helper()
	cmd := command(t, env, args...)
	var out, errors bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &out, &errors
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	killer := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer killer.Stop()
	_ = cmd.Wait()
	return outcome{out.String(), errors.String(), cmd.ProcessState.ExitCode()}
}

// cli runs a command against the server.
func (p *program) cli(args ...string) outcome {
	p.t.Helper()
	return runCommand(p.t, []string{"ROLLCALL_SERVER=" + p.url}, "", args...)
}

// wantEnd fails the test unless the command ended with this code and said this, on either way out.
func (o outcome) wantEnd(t testing.TB, code int, says string) outcome {
	t.Helper()
	if o.code != code || !strings.Contains(o.out+o.errors, says) {
		t.Fatalf("exit code %d, want %d and %q; it printed\n%s\nand said\n%s", o.code, code, says, o.out, o.errors)
	}
	return o
}

// running is a command that goes on.
type running struct {
	t     testing.TB
	cmd   *exec.Cmd
	lines *bufio.Scanner
	said  *bytes.Buffer // on stderr; to be read when it has ended
}

// start runs a command that goes on, until the test ends.
func (p *program) start(args ...string) *running {
	p.t.Helper()
	return startCommand(p.t, []string{"ROLLCALL_SERVER=" + p.url}, args...)
}

func startCommand(t testing.TB, env []string, args ...string) *running {
	t.Helper()
	r := &running{t: t, cmd: command(t, env, args...), said: new(bytes.Buffer)}
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	r.cmd.Stderr = r.said
	r.lines = bufio.NewScanner(out)
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	killer := time.AfterFunc(patience, func() { _ = r.cmd.Process.Kill() })
	t.Cleanup(func() {
		killer.Stop()
		if r.cmd.ProcessState == nil {
			_ = r.cmd.Process.Kill()
			_ = r.cmd.Wait()
		}
	})
	return r
}

// want reads the next line, which must say this.
func (r *running) want(says string) string {
	r.t.Helper()
	if !r.lines.Scan() {
		_ = r.cmd.Wait()
		r.t.Fatalf("it ended (%v), want a line that says %q; it said\n%s", r.cmd.ProcessState, says, r.said)
	}
	if !strings.Contains(r.lines.Text(), says) {
		r.t.Fatalf("it printed %q, want %q", r.lines.Text(), says)
	}
	return r.lines.Text()
}

// wantEvent reads lines of JSON up to the next event of this type.
func (r *running) wantEvent(kind string) wireEvent {
	r.t.Helper()
	for {
		var e wireEvent
		if err := json.Unmarshal([]byte(r.want("")), &e); err != nil {
			r.t.Fatalf("%q: %v", r.lines.Text(), err)
		}
		if e.Type == kind {
			return e
		}
	}
}

// wantEnd reads to the end, and wants no more output.
func (r *running) wantEnd(code int) {
	r.t.Helper()
	for r.lines.Scan() {
		r.t.Errorf("it also printed %q", r.lines.Text())
	}
	_ = r.cmd.Wait()
	if got := r.cmd.ProcessState.ExitCode(); got != code {
		r.t.Fatalf("exit code %d, want %d; it said\n%s", got, code, r.said)
	}
}

// fakeServer starts a server with scripted answers that no real one gives.
func fakeServer(t *testing.T, handle http.HandlerFunc) []string {
	t.Helper()
	fake := httptest.NewServer(handle)
	t.Cleanup(fake.Close)
	return []string{"ROLLCALL_SERVER=" + fake.URL}
}

func TestRemoteExitCodes(t *testing.T) {
	t.Parallel()
	gone := []string{"ROLLCALL_SERVER=http://127.0.0.1:1"}
	for _, args := range [][]string{
		{"publish", "a", "b", "1"}, {"subscribe", "a"}, {"clients"}, {"clients", "--watch"}, {"client", "ada"}, {"channels"},
		{"history", "a"}, {"kick", "ada"}, {"block", "ada", "1m"},
	} {
		runCommand(t, gone, "", args...).wantEnd(t, 4, "can't be reached at http://127.0.0.1:1: ")
	}
	for says, args := range map[string][]string{
		`"x" is not a server`:                  {"clients", "--server=x"},
		"only one credential":                  {"clients", "--key=a", "--token=b"},
		"a space or another invalid character": {"clients", "--key=a\nb"},
		"no/such.pem":                          {"clients", "--ca=no/such.pem"},
		"--timeout: 0s is out of range":        {"clients", "--timeout=0"},
		"is not JSON":                          {"publish", "a", "b", "hello"},
		`an event is CHANNEL TYPE PAYLOAD`:     {"publish", "a", "b"},
		"need one event":                       {"publish", "--text", "-"},
		"give a client or --connection":        {"kick"},
		"--block needs a client":               {"kick", "--connection=x", "--block=1m"},
		`"5" is not a duration`:                {"block", "ada", "5"},
		"--once: it means --count 1":           {"subscribe", "a", "--once", "--count=3"},
		`"a" is not an origin`:                 {"doctor", "--origin=a"},
		`expected "<channel> ..."`:             {"subscribe"},
		"--interval: 0s is out of range":       {"channels", "--interval=0"},
		"--retry: 5m is out of range; allowed": {"publish", "a", "b", "1", "--retry=5m"},
	} {
		runCommand(t, nil, "", args...).wantEnd(t, 2, says)
	}
}

// An answer that is not Rollcall's is said to be none, and a redirect does not get the credentials.
func TestAnswersOfOthers(t *testing.T) {
	t.Parallel()
	proxy := fakeServer(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadGateway)
		_, _ = io.WriteString(w, "<html>\x1b]0;owned\x07")
	})
	runCommand(t, proxy, "", "clients").wantEnd(t, 1, "502 Bad Gateway: the answer is not from Rollcall")
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }))
	defer other.Close()
	moved := fakeServer(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, http.StatusFound) })
	runCommand(t, moved, "", "clients", "--key=secret").wantEnd(t, 1, other.URL)
	rude := fakeServer(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":{"code":"x","message":"\u001b]0;owned\u0007"}}`)
	})
	if o := runCommand(t, rude, "", "clients").wantEnd(t, 1, `\u001b]0;owned\u0007 (x)`); strings.Contains(o.errors, "\x1b") {
		t.Errorf("it printed an escape sequence: %q", o.errors)
	}
	runCommand(t, fakeServer(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }), "", "clients").wantEnd(t, 4, "can't be read")
	silent := fakeServer(t, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body); <-r.Context().Done() })
	for _, args := range [][]string{{"clients"}, {"subscribe", "a"}, {"publish", "a", "b", "1", "--retry=0"}} {
		runCommand(t, silent, "", append(args, "--timeout=50ms")...).wantEnd(t, 4, "no answer within 50ms")
	}
}

// Ctrl-C while a request is under way is no server that can't be reached.
func TestInterruptedRequest(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{})
	env := fakeServer(t, func(_ http.ResponseWriter, r *http.Request) { close(asked); <-r.Context().Done() })
	r := startCommand(t, env, "clients")
	<-asked
	if err := r.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	r.wantEnd(1)
}

// Credentials are sent as configured, over TLS and a unix socket, too.
func TestRemoteCredentials(t *testing.T) {
	t.Parallel()
	key, line := newKey(t, "k", auth.Publish|auth.Presence|auth.Admin, ">")
	p := serve(t, []string{"ROLLCALL_JWT_SECRET=" + jwtSecret}, "--tls-dev", "--api-key="+line)
	env := []string{"ROLLCALL_SERVER=" + p.url, "ROLLCALL_KEY=" + key}
	runCommand(t, env, "", "clients").wantEnd(t, 4, "certificate")
	env = append(env, "ROLLCALL_INSECURE_TLS=1")
	runCommand(t, env, "", "clients").wantEnd(t, 0, "CLIENT")
	runCommand(t, env, "", "publish", "a", "b", "1").wantEnd(t, 0, "-1")
	runCommand(t, env, "", "history", "a").wantEnd(t, 1, "forbidden")
	runCommand(t, append(env, "ROLLCALL_KEY="), "", "clients").wantEnd(t, 1, "(unauthorized, field channel); set ROLLCALL_KEY or")
	token := newToken(t, []byte(jwtSecret), nil)
	runCommand(t, append(env, "ROLLCALL_KEY=", "ROLLCALL_TOKEN="+token), "", "history", "room.1").wantEnd(t, 0, "")
	runCommand(t, append(env, "ROLLCALL_KEY="), "", "doctor", "--wait=0").wantEnd(t, 1, "give --key or --token")
	runCommand(t, append(env, "ROLLCALL_KEY=", "ROLLCALL_TOKEN="+token), "", "doctor", "--wait=0", "--channel=room.1").wantEnd(t, 0, "HTTP/2")

	path := filepath.Join(t.TempDir(), "s")
	serve(t, nil, "--listen=unix:"+path)
	runCommand(t, []string{"ROLLCALL_SERVER=unix:" + path}, "", "publish", "a", "b", "1").wantEnd(t, 0, "-1")
}

// The variables of commands are no settings of the server, nor unknown to it.
func TestServeLeavesTheVariablesOfCommandsAlone(t *testing.T) {
	t.Parallel()
	p := serve(t, []string{"ROLLCALL_SERVER=x", "ROLLCALL_KEY=k", "ROLLCALL_TOKEN=t", "ROLLCALL_TIMEOUT=-1", "ROLLCALL_JSON=1"})
	if p.warned != nil {
		t.Errorf("it warned: %v", p.warned)
	}
	p.cli("publish", "a", "b", "1").wantEnd(t, 0, "-1")
	p.signal(syscall.SIGTERM)
	p.wantExit(0)
}

// All pages of a list are asked for.
func TestPagesFollowTheCursor(t *testing.T) {
	t.Parallel()
	const pages = 3
	env := fakeServer(t, func(w http.ResponseWriter, r *http.Request) {
		n := 0
		_, _ = fmt.Sscanf(r.URL.Query().Get("cursor"), "c%d", &n)
		next := fmt.Sprintf("c%d", n+1)
		if n+1 == pages {
			next = ""
		}
		fmt.Fprintf(w, `{"clients":[{"clientId":"u%d","info":{"n":%d},"connections":1,"channels":["a"],"connectedAt":"2026-11-20T15:04:05.123Z"}],
			"channels":[{"channelName":"ch%d","clients":1,"connections":2,"lastEventAt":null}],"total":3,"next":%q}`, n, n, n, next)
	})
	for command, names := range map[string][]string{"clients": {"u0", "u1", "u2"}, "channels": {"ch0", "ch1", "ch2"}} {
		for _, flag := range []string{"--json", "--json=false"} {
			o := runCommand(t, env, "", command, flag).wantEnd(t, 0, "")
			for _, name := range names {
				if strings.Count(o.out, name) != 1 {
					t.Errorf("%s %s:\n%s\nwant %s once", command, flag, o.out, name)
				}
			}
		}
	}
}

func TestPrintable(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"hello": "hello", "Grüße 日本 👩": "Grüße 日本 👩", "a\x1b[2J": `a\u001b[2J`, "\u009b31m": `\u009b31m`, "a\u202eb": `a\u202eb`, "\x7f\n": `\u007f\u000a`,
	} {
		if got := printable(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// JSON on a terminal is the same JSON, without what a terminal acts on. In a file or a pipe it stays as it came.
func TestJSONOnATerminal(t *testing.T) {
	t.Parallel()
	event := wireEvent{ChannelName: "a", Type: "t\u0090", Payload: json.RawMessage("{\"k\u009b2J\":\"\\\\\u202e\x7f <\u00fc>\"}")}
	for _, screen := range []bool{true, false} {
		var out bytes.Buffer
		if err := (&printer{out: &out, json: true, screen: screen}).event(event); err != nil {
			t.Fatal(err)
		}
		if text := out.String(); strings.ContainsAny(text, "\u0090\u009b\u202e\x7f") == screen || strings.Count(text, "\n") != 1 || !strings.Contains(text, "<\u00fc>") {
			t.Errorf("terminal %v: %q", screen, text)
		}
		var got wireEvent
		var payload, want any
		if err := errors.Join(json.Unmarshal(out.Bytes(), &got), json.Unmarshal(got.Payload, &payload), json.Unmarshal(event.Payload, &want)); err != nil {
			t.Fatalf("terminal %v: %v", screen, err)
		}
		if got.Type != event.Type || !reflect.DeepEqual(payload, want) {
			t.Errorf("terminal %v: %+v is another value", screen, got)
		}
	}
}
