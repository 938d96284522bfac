//go:build unix

package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	gosse "github.com/tmaxmax/go-sse"
)

// visitors is the number of EventSources in these tests; ROLLCALL_ROLLING_STREAMS in the environment is another.
const visitors = 200

// tabsOfBrowser is the number of visitors that share a connection of HTTP/2.
const tabsOfBrowser = 20

// front is the address that clients reach two servers by.
type front struct {
	url  string
	dial func(ctx context.Context) (net.Conn, error) // nil: the address itself
}

// client returns an HTTP client with connections of its own.
func (f front) client(t *testing.T, http2 bool) *http.Client {
	return newClient(t, func(transport *http.Transport) {
		transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
		transport.Protocols = new(http.Protocols)
		transport.Protocols.SetHTTP1(!http2)
		transport.Protocols.SetHTTP2(http2)
		if f.dial != nil {
			transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) { return f.dial(ctx) }
		}
	})
}

// audience is EventSources that live through a rolling restart, and one that watches their presence. The EventSources are
// another project's, and come back after the retry that they were told.
type audience struct {
	t        *testing.T
	live     atomic.Int64
	opened   atomic.Int64 // streams, over all visitors
	channels [][]string   // of each visitor

	mu        sync.Mutex
	seqs      [][]uint64 // of each visitor's events
	bad       []string
	snapshots int
}

// retryTime is the usual one of an EventSource that was told none.
const retryTime = time.Second

// follow opens an EventSource until the test's end.
func (a *audience) follow(client *http.Client, url string, on func(gosse.Event)) {
	ctx, cancel := context.WithCancel(context.Background())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		a.t.Fatal(err)
	}
	var is atomic.Bool // live
	away := func() {
		if is.Swap(false) {
			a.live.Add(-1)
		}
	}
	source := gosse.Client{
		HTTPClient: client, Backoff: gosse.Backoff{InitialInterval: retryTime, Multiplier: 1, Jitter: -1},
		OnRetry: func(error, time.Duration) { away() },
		ResponseValidator: func(answer *http.Response) error {
			err := gosse.DefaultValidator(answer)
			if err != nil {
				a.wrong("%s: %v", url, err)
			}
			return err
		},
	}
	conn := source.NewConnection(request)
	conn.Buffer(make([]byte, 512), 8<<20)
	conn.SubscribeToAll(func(e gosse.Event) {
		if (e.Type == "registered" || e.Type == "snapshot") && !is.Swap(true) {
			a.live.Add(1)
		}
		on(e)
	})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = conn.Connect() // until the test's end, or a wrong answer, which is recorded
		away()
	}()
	a.t.Cleanup(func() { cancel(); <-ended })
}

func (a *audience) wrong(format string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.bad = append(a.bad, fmt.Sprintf(format, args...))
}

// visitor opens the i-th EventSource.
func (a *audience) visitor(client *http.Client, url string, i int) {
	channels := []string{rollingChannel(i), rollingChannel(i + 1 + i/rollingChannels%(rollingChannels-1))}
	a.channels, a.seqs = append(a.channels, channels), append(a.seqs, nil)
	url = fmt.Sprintf("%s/subscribe?clientId=visitor%d&channels=%s", url, i, strings.Join(channels, ","))
	a.follow(client, url, func(e gosse.Event) {
		switch e.Type {
		case "registered":
			a.opened.Add(1)
		case "message":
			_, seq := position(e.LastEventID)
			a.mu.Lock()
			a.seqs[i] = append(a.seqs[i], seq)
			a.mu.Unlock()
		case "gap":
			a.wrong("visitor %d is told of a gap: %s", i, e.Data)
		}
	})
}

// observer opens the EventSource of presence, when all visitors are there.
func (a *audience) observer(client *http.Client, url string) {
	a.follow(client, url+"/presence/stream", func(e gosse.Event) {
		switch e.Type {
		case "snapshot":
			if n := strings.Count(e.Data, `"clientId":"visitor`); n != len(a.channels) {
				a.wrong("a snapshot has %d visitors", n)
			}
			a.mu.Lock()
			a.snapshots++
			a.mu.Unlock()
		case "join", "leave":
			a.wrong("a change of presence: %s %s", e.Type, e.Data)
		}
	})
}

// check waits until each visitor has all events of its channels, and checks that it got each once and in order.
func (a *audience) check(published map[string][]uint64) {
	a.t.Helper()
	got := func(i int) []uint64 {
		a.mu.Lock()
		defer a.mu.Unlock()
		return slices.Clone(a.seqs[i])
	}
	for i, channels := range a.channels {
		want := slices.Sorted(slices.Values(append(slices.Clone(published[channels[0]]), published[channels[1]]...)))
		until(a.t, fmt.Sprintf("visitor %d has all events", i), func() bool { return len(got(i)) >= len(want) })
		if seqs := got(i); !slices.Equal(seqs, want) {
			a.t.Errorf("visitor %d got %v, want %v", i, seqs, want)
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.bad) > 0 || a.snapshots == 0 {
		a.t.Errorf("%d faults, such as %.2000q; %d snapshots", len(a.bad), a.bad[:min(5, len(a.bad))], a.snapshots)
	}
}

// rollUnder restarts two servers one after the other, and does what else is to be done, under an audience: one half of it
// speaks HTTP/1.1 if mixed, all the others HTTP/2.
func rollUnder(t *testing.T, nodes []*node, f front, mixed bool, before, after func(a *audience, settled func())) {
	t.Helper()
	n := int(number(t, "ROLLCALL_ROLLING_STREAMS", visitors))
	a := &audience{t: t}
	direct := newClient(t, func(transport *http.Transport) { transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} })
	settled := func() {
		t.Helper()
		until(t, "all streams are open", func() bool { return a.live.Load() >= int64(n) })
		for _, node := range nodes {
			until(t, "all visitors are known to "+node.url, func() bool {
				return decoded[struct{ Total int }](t, direct, node.url+"/presence/clients?limit=1&q=visitor").Total == n
			})
		}
	}
	single := f.client(t, false)
	browser := f.client(t, true)
	for i := range n {
		if i%tabsOfBrowser == 0 {
			browser = f.client(t, true)
		}
		client := browser
		if mixed && i/tabsOfBrowser%2 == 0 {
			client = single
		}
		a.visitor(client, f.url, i)
	}
	t.Cleanup(func() {
		if t.Failed() {
			a.mu.Lock()
			defer a.mu.Unlock()
			t.Logf("%d of %d streams open; %.2000q", a.live.Load(), n, a.bad[:min(5, len(a.bad))])
		}
	})
	settled()
	a.observer(single, f.url)
	until(t, "the observer sees", func() bool { return a.live.Load() == int64(n)+1 })

	published, end := trickle(t, f.client(t, false), []string{f.url})
	more := func(n int64) {
		t.Helper()
		goal := published.Load() + n
		until(t, "more is published", func() bool { return published.Load() >= goal })
	}
	more(25)
	before(a, settled)
	for _, node := range nodes {
		more(25)
		node.signal(syscall.SIGTERM)
		node.wantExit(0)
		more(5)
		node.again()
		settled()
	}
	more(25)
	after(a, settled)
	more(25)
	a.check(end())
	t.Logf("%d visitors, %d streams, %d events", n, a.opened.Load(), published.Load())
}

// TestRollingRestartBehindNginx is docs/operations.md's rolling restart with docs/deploy's nginx.conf: its configuration is
// reloaded, both servers are restarted, and it is reloaded again, with workers that cut their streams soon after. Clients see
// nothing but 200, each event once, and no change of presence.
func TestRollingRestartBehindNginx(t *testing.T) {
	t.Parallel()
	enough(t, 4) // a stream takes two of nginx's, and one at each end
	nodes, bases := newFleet(t, 1).nodes(2, "--trusted-proxy=127.0.0.1", "--presence-grace=1m")
	proxy := startNginx(t, bases)
	rollUnder(t, nodes, front{url: proxy.url}, true,
		func(a *audience, settled func()) {
			streams := a.opened.Load()
			proxy.reload("worker_shutdown_timeout 1s;")
			settled()
			if now := a.opened.Load(); now != streams {
				t.Errorf("the reload ended %d streams", now-streams)
			}
		},
		func(a *audience, settled func()) {
			streams := a.opened.Load()
			proxy.reload("")
			until(t, "the workers have cut their streams", func() bool { return a.opened.Load() >= streams+int64(len(a.channels)) })
			settled()
		})
}

// TestRollingRestartOverTLS is the same without a proxy: over HTTP/2, to the servers' own TLS listeners. Clients find them as
// under one name with two addresses.
func TestRollingRestartOverTLS(t *testing.T) {
	t.Parallel()
	enough(t, 2)
	nodes, bases := newFleet(t, 1).nodes(2, "--tls-dev", "--presence-grace=1m")
	var turn atomic.Int64
	dial := func(ctx context.Context) (conn net.Conn, err error) {
		first := int(turn.Add(1))
		for i := range bases {
			var dialer net.Dialer
			if conn, err = dialer.DialContext(ctx, "tcp", strings.TrimPrefix(bases[(first+i)%len(bases)], "https://")); err == nil {
				return conn, nil
			}
		}
		return nil, err
	}
	nothing := func(*audience, func()) {}
	rollUnder(t, nodes, front{url: "https://localhost", dial: dial}, false, nothing, nothing)
}

// enough skips the test if so many descriptors for each visitor are more than are allowed in one process.
func enough(t *testing.T, each uint64) {
	t.Helper()
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err == nil && files.Max < each*number(t, "ROLLCALL_ROLLING_STREAMS", visitors)+500 {
		t.Skipf("%d open files are allowed", files.Max)
	}
}

// nginxProcess is nginx as docs/deploy/nginx.conf sets it up: only addresses, files and limits are others.
type nginxProcess struct {
	t         *testing.T
	url       string
	path, dir string
	conf      string
	cmd       *exec.Cmd
	log       string // file
}

func startNginx(t *testing.T, bases []string) *nginxProcess {
	t.Helper()
	path, err := exec.LookPath("nginx")
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/nginx") // only root searches there
	}
	switch {
	case err != nil && os.Getenv("CI") == "true":
		t.Fatal(err)
	case err != nil:
		t.Skip("no nginx on this machine")
	}
	p := &nginxProcess{t: t, path: path, dir: t.TempDir(), url: fmt.Sprint("https://localhost:", lastingPort(t))}
	p.log = filepath.Join(p.dir, "error.log")
	cert, key := filepath.Join(p.dir, "cert.pem"), filepath.Join(p.dir, "key.pem")
	replacePair(t, cert, key)
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "deploy", "nginx.conf"))
	if err != nil {
		t.Fatal(err)
	}
	var servers strings.Builder
	for _, base := range bases {
		fmt.Fprintf(&servers, "server %s max_fails=0;\n", strings.TrimPrefix(base, "http://"))
	}
	p.conf = string(text)
	for old, new := range map[string]string{
		"listen 443":                         "listen " + strings.Replace(strings.TrimPrefix(p.url, "https://"), "localhost", "127.0.0.1", 1),
		"server 127.0.0.1:9090 max_fails=0;": servers.String(),
		"/etc/ssl/events.pem":                cert, "/etc/ssl/events.key": key,
		"/var/log/nginx/events.log":   filepath.Join(p.dir, "access.log"),
		"worker_rlimit_nofile 262144": "worker_rlimit_nofile 16384", "worker_connections 100000": "worker_connections 8192",
	} {
		if !strings.Contains(p.conf, old) {
			t.Fatalf("nginx.conf has no %q", old)
		}
		p.conf = strings.ReplaceAll(p.conf, old, new)
	}
	p.write("")
	p.cmd = exec.Command(path, "-p", p.dir, "-e", p.log, "-c", filepath.Join(p.dir, "nginx.conf"),
		"-g", "daemon off; pid "+filepath.Join(p.dir, "pid")+";")
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		_ = p.cmd.Wait()
	})
	address := strings.Replace(strings.TrimPrefix(p.url, "https://"), "localhost", "127.0.0.1", 1)
	until(t, "nginx listens", func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	return p
}

// write writes the configuration, with more in front of it.
func (p *nginxProcess) write(more string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, "nginx.conf"), []byte(more+"\n"+p.conf), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// reload is "nginx -s reload" with a changed configuration. It waits until new workers have taken over.
func (p *nginxProcess) reload(more string) {
	p.t.Helper()
	p.write(more)
	old := p.workers()
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		p.t.Fatal(err)
	}
	until(p.t, "nginx has new workers", func() bool {
		return slices.ContainsFunc(p.workers(), func(pid string) bool { return !slices.Contains(old, pid) })
	})
}

// workers returns the worker processes.
func (p *nginxProcess) workers() []string {
	p.t.Helper()
	list, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", p.cmd.Process.Pid))
	if err != nil || len(list) == 0 {
		p.t.Skip("the children of a process are not told here")
	}
	text, err := os.ReadFile(list[0])
	if err != nil {
		p.t.Fatal(err)
	}
	return strings.Fields(string(text))
}
