package deploy

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait for something that must happen; only a failure reaches it.
const patience = time.Minute

// binary is the path of the program under test.
var binary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "rollcall-deploy")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "rollcall")
	build := exec.Command("go", "build", "-race", "-ldflags=-w", "-o", binary, "./cmd/rollcall")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building rollcall: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// need returns the path of a program. Without it the test is skipped, in CI it fails.
func need(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil { // Debian has servers in directories that only root searches
		path, err = exec.LookPath(filepath.Join("/usr/sbin", name))
	}
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatal(err)
	} else if err != nil {
		t.Skipf("no %s on this machine", name)
	}
	return path
}

// read returns the text of a file of this folder.
func read(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// write puts text into a file of a folder of its own and returns its path.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// substitute replaces old texts by new ones, in pairs. Each of the old ones must be there.
func substitute(t *testing.T, text string, pairs ...string) string {
	t.Helper()
	for pair := range slices.Chunk(pairs, 2) {
		if !strings.Contains(text, pair[0]) {
			t.Fatalf("there is no %q in\n%s", pair[0], text)
		}
		text = strings.ReplaceAll(text, pair[0], pair[1])
	}
	return text
}

// process is a program that runs until it is stopped, at the test's end at the latest.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	ended chan struct{} // closed when it has ended and all it printed was read
	lines chan string   // what it prints; it never waits for a reader

	mu  sync.Mutex
	log []string
}

// start starts a program with nothing but env in its environment.
func start(t *testing.T, env []string, path string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(path, args...), ended: make(chan struct{}), lines: make(chan string, 1000)}
	p.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "LD_LIBRARY_PATH=" + os.Getenv("LD_LIBRARY_PATH")}, env...)
	output, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stdout = p.cmd.Stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		for scan := bufio.NewScanner(output); scan.Scan(); {
			p.mu.Lock()
			p.log = append(p.log, scan.Text())
			p.mu.Unlock()
			select {
			case p.lines <- scan.Text():
			default:
			}
		}
	}()
	t.Cleanup(func() { p.stop() })
	return p
}

func (p *process) printed() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.log, "\n")
}

// stop asks the program to end, waits for it and returns its exit code. A second call does nothing else.
func (p *process) stop() int {
	if p.cmd.ProcessState == nil {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		killer := time.AfterFunc(patience, func() { _ = p.cmd.Process.Kill() })
		defer killer.Stop()
		<-p.ended
		_ = p.cmd.Wait()
	}
	return p.cmd.ProcessState.ExitCode()
}

// rollcall is a running "rollcall serve".
type rollcall struct {
	*process
	url string // without the slash
}

// serve runs the server with this command line and waits until it is ready. At the end of the test it must end in order.
func serve(t *testing.T, env []string, args ...string) *rollcall {
	t.Helper()
	s := &rollcall{process: start(t, append(env, "GORACE=atexit_sleep_ms=0"), binary, args...)}
	late := time.After(patience)
	for s.url == "" {
		select {
		case text := <-s.lines:
			var line struct{ Msg, URL string }
			if json.Unmarshal([]byte(text), &line) == nil && line.Msg == "listening" {
				s.url = strings.TrimSuffix(line.URL, "/")
			}
		case <-s.ended:
			t.Fatalf("rollcall %q ended at once:\n%s", args, s.printed())
		case <-late:
			t.Fatalf("rollcall %q doesn't listen:\n%s", args, s.printed())
		}
	}
	t.Cleanup(func() {
		if code := s.stop(); code != 0 {
			t.Errorf("rollcall %q ended with exit code %d; it printed\n%s", args, code, s.printed())
		}
	})
	if out, err := exec.Command(binary, "health", "--ready", "--server", s.url).CombinedOutput(); err != nil {
		t.Fatalf("rollcall %q is not ready: %s", args, out)
	}
	return s
}

// secret signs tokens.
const secret = "a secret of thirty-two bytes at the least"

// newKey makes an API key that may do everything, and the line that a server is to know of it.
func newKey(t *testing.T) (key, line string) {
	t.Helper()
	out, err := exec.Command(binary, "key", "new", "--name=test", "--allow=publish,subscribe,history,presence,admin", "--channels=>").Output()
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if err != nil || len(lines) < 2 {
		t.Fatalf("rollcall key new: %v, %q", err, out)
	}
	return lines[0], lines[len(lines)-1]
}

// freePort finds a port of 127.0.0.1 that is free, and stays so while nothing listens there: it is below those that
// systems give to outgoing connections.
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 12_000 + rand.IntN(20_000)
		if l, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", port)); err == nil {
			_ = l.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

// eventually waits until the condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	late := time.After(patience)
	for again := time.Tick(20 * time.Millisecond); !holds(); {
		select {
		case <-again:
		case <-late:
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}
