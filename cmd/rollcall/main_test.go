package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// asProgram in the environment makes the test binary behave as rollcall itself. The whole program is therefore tested
// as compiled for the tests, with the race detector if they have it.
const asProgram = "TEST_BINARY_IS_ROLLCALL"

func TestMain(m *testing.M) {
	if text := os.Getenv(asNATS); text != "" {
		runNATS(text)
	}
	if os.Getenv(asProgram) != "" {
		watchEvery = 20 * time.Millisecond
		main()
	}
	flag.Parse()
	if !isSet("test.parallel") { // most of the time the tests wait for processes
		_ = flag.Set("test.parallel", "6")
	}
	goleak.VerifyTestMain(m)
}

// isSet reports whether a flag was given.
func isSet(name string) bool {
	set := false
	flag.Visit(func(f *flag.Flag) { set = set || f.Name == name })
	return set
}

// patience bounds every wait for the program; it is reached only by a failure.
const patience = 30 * time.Second

// command prepares a run of the program with nothing but env in its environment.
func command(t testing.TB, env []string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append([]string{asProgram + "=1", "GORACE=atexit_sleep_ms=0"}, env...)
	return cmd
}

// program is a running "rollcall serve".
type program struct {
	t    testing.TB
	cmd  *exec.Cmd
	logs chan map[string]any // closed when the program has ended
	url  string              // from the "listening" line, without the slash

	warned map[string]any // the warning about unknown variables
	all    bytes.Buffer   // what it printed; to be read when it has ended
}

// serve starts a server on a free port and waits for its address.
func serve(t testing.TB, env []string, args ...string) *program {
	t.Helper()
	p := launch(t, env, args...)
	p.listening()
	return p
}

// listening waits for the server's address.
func (p *program) listening() {
	p.t.Helper()
	p.url = strings.TrimSuffix(fmt.Sprint(p.wantLog("listening")["url"]), "/")
}

// launch is serve without the waiting.
func launch(t testing.TB, env []string, args ...string) *program {
	t.Helper()
	p := &program{t: t, logs: make(chan map[string]any, 1000)}
	env = append([]string{"TMPDIR=" + t.TempDir()}, env...) // for the password that is made
	p.cmd = command(t, env, append([]string{"serve", "--log-format=json", "--listen=127.0.0.1:0"}, args...)...)
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.logs)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			fmt.Fprintf(&p.all, "%s\n", lines.Bytes())
			entry := map[string]any{}
			if json.Unmarshal(lines.Bytes(), &entry) != nil {
				entry["msg"] = "not JSON: " + lines.Text()
			}
			p.logs <- entry
		}
	}()
	t.Cleanup(func() {
		if p.cmd.ProcessState == nil {
			_ = p.cmd.Process.Kill()
			p.wantExit(-1)
		}
		if t.Failed() {
			t.Logf("%s logged:\n%s", p.url, lastLines(p))
		}
		http.DefaultClient.CloseIdleConnections()
	})
	return p
}

// wantLog reads log lines up to the one with this message.
func (p *program) wantLog(msg string) map[string]any {
	p.t.Helper()
	late := time.After(patience)
	var seen []string
	for {
		select {
		case entry, ok := <-p.logs:
			if !ok {
				p.t.Fatalf("the program ended without logging %q; it logged %q", msg, seen)
			}
			if entry["msg"] == msg {
				return entry
			}
			if entry["level"] == "WARN" {
				p.warned = entry
			}
			seen = append(seen, fmt.Sprint(entry))
		case <-late:
			p.t.Fatalf("no log line %q within %v; seen %q", msg, patience, seen)
		}
	}
}

func (p *program) signal(sig syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.t.Fatal(err)
	}
}

// wantExit waits for the end of the program and checks its exit code. -1 is "killed".
func (p *program) wantExit(code int) {
	p.t.Helper()
	killer := time.AfterFunc(patience, func() { _ = p.cmd.Process.Kill() })
	defer killer.Stop()
	for range p.logs {
		continue // what it logged is in p.all
	}
	_ = p.cmd.Wait()
	if got := p.cmd.ProcessState.ExitCode(); got != code {
		p.t.Fatalf("exit code %d, want %d; last log lines:\n%s", got, code, lastLines(p))
	}
}

// publish sends one event and wants it accepted.
func (p *program) publish(channel, kind, payload string) {
	p.t.Helper()
	body, _ := json.Marshal(map[string]any{"events": []any{
		map[string]any{"channelName": channel, "type": kind, "payload": payload},
	}})
	answer, err := http.Post(p.url+"/publish", "application/json", bytes.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	defer answer.Body.Close()
	if text, _ := io.ReadAll(answer.Body); answer.StatusCode != http.StatusOK {
		p.t.Fatalf("publish: %s %s", answer.Status, text)
	}
}

// stream is a minimal SSE client: the fields of one event at a time.
type stream struct {
	t     testing.TB
	lines *bufio.Scanner
	retry string // the last one seen
}

func (p *program) subscribe(channels string) *stream {
	p.t.Helper()
	return p.resume(channels, "")
}

// resume subscribes from a position, "" for none.
func (p *program) resume(channels, position string) *stream {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	p.t.Cleanup(cancel)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/subscribe?channels="+url.QueryEscape(channels), nil)
	if err != nil {
		p.t.Fatal(err)
	}
	if position != "" {
		request.Header.Set("Last-Event-ID", position)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { answer.Body.Close() })
	if got := answer.Header.Get("Content-Type"); answer.StatusCode != 200 || !strings.HasPrefix(got, "text/event-stream") {
		p.t.Fatalf("subscribe: %s, %s", answer.Status, got)
	}
	return &stream{t: p.t, lines: bufio.NewScanner(answer.Body)}
}

// want reads the next event, which must be of this type, and returns its data.
func (s *stream) want(kind string) string {
	s.t.Helper()
	event := map[string]string{}
	for s.lines.Scan() {
		if name, value, ok := strings.Cut(s.lines.Text(), ":"); ok {
			event[name] = strings.TrimPrefix(value, " ")
		}
		if retry := event["retry"]; retry != "" {
			s.retry = retry
		}
		if s.lines.Text() == "" && event["event"] != "" {
			if event["event"] != kind {
				s.t.Fatalf("got %v, want a %s", event, kind)
			}
			return event["data"]
		}
	}
	s.t.Fatalf("the stream ended (%v), want a %s", s.lines.Err(), kind)
	return ""
}

func (s *stream) wantEnd() {
	s.t.Helper()
	for s.lines.Scan() {
		if s.lines.Text() != "" {
			s.t.Fatalf("got %q, want the end of the stream", s.lines.Text())
		}
	}
}

func TestServesUntilItIsToldToStop(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(sig.String(), func(t *testing.T) {
			p := serve(t, nil)
			answer, err := http.Get(p.url + "/healthz")
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
			if answer.StatusCode != http.StatusOK {
				t.Fatalf("/healthz: %s", answer.Status)
			}

			s := p.subscribe("news")
			s.want("registered")
			s.want("lastEvent")
			p.publish("news", "message", "hello")
			if data := s.want("message"); !strings.Contains(data, `"hello"`) {
				t.Fatalf("got data %s", data)
			}

			s.retry = ""
			p.signal(sig)
			if data := s.want("goodbye"); !strings.Contains(data, "draining") {
				t.Fatalf("got data %s", data)
			}
			if s.retry == "" {
				t.Error("the goodbye came without a retry")
			}
			s.wantEnd()
			if cause := p.wantLog("shutting down")["cause"]; cause != sig.String() {
				t.Errorf("logged cause %v, want %v", cause, sig)
			}
			p.wantExit(0)
		})
	}
}

// holdRequest opens a request whose body never ends and returns once the server reads it.
func (p *program) holdRequest() {
	p.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { conn.Close() })
	fmt.Fprint(conn, "POST /publish HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n")
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || !strings.Contains(line, "100 Continue") {
		p.t.Fatalf("got %q, %v; want the server to ask for the body", line, err)
	}
}

func TestSecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	for sig, code := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		t.Run(sig.String(), func(t *testing.T) {
			p := serve(t, nil, "--shutdown-timeout=1h")
			p.holdRequest()
			p.signal(syscall.SIGTERM)
			p.wantLog("shutting down")
			p.signal(sig)
			p.wantExit(code)
		})
	}
}

func TestShutdownTimeoutHasItsOwnExitCode(t *testing.T) {
	t.Parallel()
	p := serve(t, nil, "--shutdown-timeout=100ms")
	p.holdRequest()
	p.signal(syscall.SIGTERM)
	p.wantExit(3)
}

func TestServesOnASocketFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s")
	p := serve(t, nil, "--listen=unix:"+path)
	if want := "unix:" + path; p.url != want {
		t.Fatalf("logged url %s, want %s", p.url, want)
	}
	client := http.Client{Transport: &http.Transport{
		DialContext:       func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", path) },
		DisableKeepAlives: true,
	}}
	answer, err := client.Get("http://rollcall/healthz")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	p.signal(syscall.SIGTERM)
	p.wantExit(0)
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket file is still there: %v", err)
	}
}

func TestWarnsOfUnknownVariables(t *testing.T) {
	t.Parallel()
	p := serve(t, []string{
		"ROLLCALL_HISTROY_AGE=secret", "ROLLCALL_HISTORY_AGE=5m",
		"ROLLCALL_SERVICE_HOST=10.0.0.1", "ROLLCALL_PORT=tcp://10.0.0.1:80", "ROLLCALL_PORT_80_TCP=tcp://10.0.0.1:80",
	})
	if got := fmt.Sprint(p.warned["names"]); got != "[ROLLCALL_HISTROY_AGE]" {
		t.Errorf("warned of %s, want of ROLLCALL_HISTROY_AGE alone", got)
	}
	p.signal(syscall.SIGTERM)
	p.wantExit(0)
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	tests := map[string]struct {
		args []string
		code int
		says string
	}{
		"version":         {[]string{"version"}, 0, "rollcall "},
		"version flag":    {[]string{"--version"}, 0, "rollcall "},
		"no command":      {nil, 2, "serve"},
		"unknown command": {[]string{"sevre"}, 2, "sevre"},
		"unknown flag":    {[]string{"serve", "--lisen=:1"}, 2, "--listen"},
		"bad value":       {[]string{"serve", "--heartbeat=fast"}, 2, `--heartbeat: "fast" is not a duration`},
		"no such file":    {[]string{"serve", "--config=no/such.yaml"}, 2, "no/such.yaml"},
		"address taken":   {[]string{"serve", "--listen=" + taken.Addr().String()}, 1, "address already in use"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			cmd := command(t, nil, test.args...)
			out, err := cmd.CombinedOutput()
			if got := cmd.ProcessState.ExitCode(); got != test.code {
				t.Errorf("exit code %d (%v), want %d", got, err, test.code)
			}
			if !strings.Contains(string(out), test.says) {
				t.Errorf("printed\n%s\nwant it to say %q", out, test.says)
			}
		})
	}
}
