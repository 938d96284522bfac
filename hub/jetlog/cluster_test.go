package jetlog

import (
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// fleet is NATS servers of this process that listen on loopback.
type fleet struct {
	t       testing.TB
	opts    []server.Options
	servers []*server.Server
}

// newFleet starts n servers, a cluster if there is more than one, until the test's end.
func newFleet(t testing.TB, n int) *fleet {
	t.Helper()
	f := &fleet{t: t, opts: make([]server.Options, n), servers: make([]*server.Server, n)}
	ports := freePorts(t, 2*n)
	var routes []*url.URL
	for i := range n {
		routes = append(routes, &url.URL{Scheme: "nats", Host: fmt.Sprint("127.0.0.1:", ports[n+i])})
	}
	for i := range n {
		o := &f.opts[i]
		*o = server.Options{
			ServerName: fmt.Sprint("server", i), Host: "127.0.0.1", Port: ports[i],
			JetStream: true, StoreDir: scratch(t), NoSigs: true, NoLog: true,
		}
		if n > 1 {
			o.Cluster = server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: ports[n+i]}
			o.Routes = routes
		}
	}
	t.Cleanup(func() {
		for i := range f.servers {
			f.stop(i)
		}
	})
	for i := range n {
		f.start(i)
	}
	f.ready()
	return f
}

func freePorts(t testing.TB, n int) (ports []int) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

func (f *fleet) start(i int) {
	f.t.Helper()
	o := f.opts[i]
	s, err := server.NewServer(&o)
	if err != nil {
		f.t.Fatal(err)
	}
	s.Start()
	f.servers[i] = s
}

func (f *fleet) stop(i int) {
	if s := f.servers[i]; s != nil {
		s.Shutdown()
		s.WaitForShutdown()
		f.servers[i] = nil
	}
}

// ready waits until the servers know each other and have a leader.
func (f *fleet) ready() {
	f.t.Helper()
	until(f.t, "the servers are ready", func() bool {
		leader, running, known := len(f.servers) == 1, 0, 0
		for _, s := range f.servers {
			if s == nil {
				continue
			}
			running++
			if !s.ReadyForConnections(10*time.Millisecond) || len(f.servers) > 1 && !s.JetStreamIsCurrent() {
				return false
			}
			if len(f.servers) > 1 && s.JetStreamIsLeader() {
				leader, known = true, len(s.JetStreamClusterPeers())
			}
		}
		return leader && (len(f.servers) == 1 || known >= running) // the leader may not have heard of all yet
	})
}

func (f *fleet) url(i int) string { return fmt.Sprint("nats://127.0.0.1:", f.opts[i].Port) }

func (f *fleet) urls() string {
	var all []string
	for i := range f.opts {
		all = append(all, f.url(i))
	}
	return strings.Join(all, ",")
}

// link links to the fleet until the test's end.
func (f *fleet) link() *Link {
	f.t.Helper()
	l, err := Connect(f.urls(), ConnectOptions{Log: quiet})
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { closeLink(f.t, l) })
	return l
}

// leader returns the server that leads the log's stream.
func (f *fleet) leader(l *Log) int {
	f.t.Helper()
	found := -1
	until(f.t, "the stream has a leader", func() bool {
		for i, s := range f.servers {
			if s != nil && s.JetStreamIsStreamLeader("$G", l.opts.Stream) {
				found = i
				return true
			}
		}
		return false
	})
	return found
}
