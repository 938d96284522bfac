package deploy

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// proxies are the examples, each as it is installed: only ports, files and the timeout are others.
var proxies = map[string]func(p *proxySetup) *process{
	"nginx":   nginx,
	"haproxy": haproxy,
	"caddy":   caddy,
}

// readTimeout is what the tests have proxies wait for, in place of 75s: longer than the servers' heartbeat of 1 s.
const readTimeout = "5s"

// proxySetup is what an example needs to know, and what the test needs to know of it.
type proxySetup struct {
	t               *testing.T
	port            int
	upstream        string // host:port of the server
	cert, key, both string // files

	patient bool // it has no timeout of its own
}

func nginx(p *proxySetup) *process {
	dir := p.t.TempDir()
	conf := substitute(p.t, read(p.t, "nginx.conf"),
		"listen 443", fmt.Sprint("listen 127.0.0.1:", p.port), "127.0.0.1:9090", p.upstream, "75s", readTimeout, "/etc/ssl/events.pem", p.cert,
		"/etc/ssl/events.key", p.key, "/var/log/nginx/events.log", filepath.Join(dir, "access.log"),
		"worker_rlimit_nofile 262144", "worker_rlimit_nofile 1024", "worker_connections 100000", "worker_connections 500")
	global := "daemon off; pid " + filepath.Join(dir, "pid") + ";"
	return start(p.t, nil, need(p.t, "nginx"), "-p", dir, "-e", "stderr", "-c", write(p.t, "nginx.conf", conf), "-g", global)
}

func haproxy(p *proxySetup) *process {
	conf := substitute(p.t, read(p.t, "haproxy.cfg"),
		"bind :443", fmt.Sprint("bind 127.0.0.1:", p.port), "127.0.0.1:9090", p.upstream, "client 75s", "client "+readTimeout,
		"server 75s", "server "+readTimeout, "/etc/ssl/events-and-key.pem", p.both, "maxconn 100000", "maxconn 200")
	return start(p.t, nil, need(p.t, "haproxy"), "-db", "-f", write(p.t, "haproxy.cfg", conf))
}

func caddy(p *proxySetup) *process {
	p.patient = true
	conf := "{\n\tadmin off\n\tauto_https off\n}\n" + substitute(p.t, read(p.t, "Caddyfile"),
		"\t@admin path", fmt.Sprintf("\ttls %s %s\n\t@admin path", p.cert, p.key))
	env := []string{fmt.Sprint("SITE=https://localhost:", p.port), "UPSTREAMS=" + p.upstream, "HOME=" + p.t.TempDir()}
	return start(p.t, env, need(p.t, "caddy"), "run", "--adapter", "caddyfile", "--config", write(p.t, "Caddyfile", conf))
}

// TestProxies is what a proxy in front of a server is to do, with each example.
func TestProxies(t *testing.T) {
	for name, run := range proxies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			trust, cert, certKey, both := writeCertificate(t)
			key, line := newKey(t)
			behind := func(flags ...string) (*rollcall, *proxySetup, string) {
				s := serve(t, nil, append([]string{"serve", "--listen=127.0.0.1:0", "--trusted-proxy=127.0.0.1", "--api-key=" + line}, flags...)...)
				p := &proxySetup{t: t, port: freePort(t), upstream: strings.TrimPrefix(s.url, "http://"), cert: cert, key: certKey, both: both}
				proxy := run(p)
				address := fmt.Sprint("127.0.0.1:", p.port)
				eventually(t, name+" listens", func() bool {
					select {
					case <-proxy.ended:
						t.Fatalf("%s ended at once:\n%s", name, proxy.printed())
					default:
					}
					conn, err := net.Dial("tcp", address)
					if err == nil {
						conn.Close()
					}
					return err == nil
				})
				return s, p, fmt.Sprint("https://localhost:", p.port)
			}
			s, _, url := behind("--heartbeat=1s")
			b := newBrowser(t, trust, "127.0.0.1", false)

			t.Run("events come at once", func(t *testing.T) {
				stream := b.subscribe(t, url, key, "channels=once")
				for i := range 3 { // each is awaited before the next is published
					b.publish(t, url, key, "once", fmt.Sprint("event ", i))
					stream.wantPayload(fmt.Sprint("event ", i))
				}
			})
			t.Run("a stream resumes", func(t *testing.T) {
				stream := b.subscribe(t, url, key, "channels=resume")
				b.publish(t, url, key, "resume", "seen")
				last := stream.wantPayload("seen").id
				stream.Body.Close()
				b.publish(t, url, key, "resume", "missed 1")
				b.publish(t, url, key, "resume", "missed 2")
				stream = b.subscribe(t, url, key, "channels=resume", "Last-Event-ID", last)
				stream.wantPayload("missed 1")
				stream.wantPayload("missed 2")
			})
			t.Run("heartbeats keep a silent stream", func(t *testing.T) {
				stream := b.subscribe(t, url, key, "channels=silent")
				for stream.beats < 7 { // one a second, which is longer than the timeout
					stream.beat()
				}
				b.publish(t, url, key, "silent", "after all")
				stream.wantPayload("after all")
			})
			t.Run("addresses are those of clients", func(t *testing.T) {
				guest := newBrowser(t, trust, "127.0.0.9", false)
				guest.subscribe(t, url, key, "channels=who&clientId=guest", "X-Forwarded-For", "6.6.6.6", "Forwarded", "for=6.6.6.6")
				var client struct {
					Connections []struct{ RemoteAddr string }
				}
				answer := b.do(t, http.MethodGet, url+"/presence/clients/guest", key, nil)
				if err := json.NewDecoder(answer.Body).Decode(&client); err != nil || len(client.Connections) != 1 {
					t.Fatalf("%v, %+v", err, client)
				}
				if got := client.Connections[0].RemoteAddr; !strings.HasPrefix(got, "127.0.0.9") {
					t.Errorf("the client's address is told as %q, it is 127.0.0.9", got)
				}
			})
			t.Run("many streams share an HTTP/2 connection", func(t *testing.T) {
				many := newBrowser(t, trust, "127.0.0.1", true)
				var streams []*stream
				for range 20 {
					streams = append(streams, many.subscribe(t, url, key, "channels=many"))
				}
				many.publish(t, url, key, "many", "to all")
				for _, stream := range streams {
					stream.wantPayload("to all")
					if stream.ProtoMajor != 2 {
						t.Errorf("a stream is %s", stream.Proto)
					}
				}
				if dials := many.dials.Load(); dials != 1 {
					t.Errorf("%d connections", dials)
				}
			})
			t.Run("the largest batch passes", func(t *testing.T) {
				batch := make([]map[string]any, 17)
				for i := range batch {
					batch[i] = map[string]any{"channelName": "large", "type": "message", "payload": strings.Repeat("x", 60<<10-2)}
				}
				b.batch(t, url, key, batch...)
			})
			t.Run("the admin UI is not there", func(t *testing.T) {
				for _, path := range []string{"/admin", "/admin/", "/admin/clients"} {
					if answer := b.do(t, http.MethodGet, url+path, key, nil); answer.StatusCode != http.StatusNotFound {
						t.Errorf("%s: %s", path, answer.Status)
					}
				}
			})
			t.Run("without heartbeats it is cut", func(t *testing.T) {
				_, p, url := behind("--heartbeat=10m")
				if p.patient {
					return
				}
				stream := b.subscribe(t, url, key, "channels=silent")
				for {
					if _, err := stream.read(); err != nil {
						if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
							return // as the heartbeat's test requires
						}
						t.Fatal(err)
					}
				}
			})
			t.Run("an EventSource comes back to a server that is away", func(t *testing.T) {
				s.stop()
				eventually(t, "EventSource is told to come back", func() bool {
					answer := b.do(t, http.MethodGet, url+"/subscribe?channels=a", key, nil, "Accept", "text/event-stream")
					text, err := io.ReadAll(answer.Body)
					return err == nil && answer.StatusCode == http.StatusOK && answer.Header.Get("Content-Type") == "text/event-stream" &&
						string(text) == "retry: 3000\n\n"
				})
				answer := b.do(t, http.MethodPost, url+"/publish", key, []byte(`{"events":[]}`))
				if answer.StatusCode < 502 || answer.StatusCode > 504 {
					t.Errorf("a publish to a server that is away: %s", answer.Status)
				}
			})
		})
	}
}
