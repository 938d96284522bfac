package roster

import (
	"context"
	"maps"
	"math/rand/v2"
	"net"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
)

// All machines of a NATS cluster restart at once: the stream in memory comes back empty and with the time of
// creation that it had. Shared entries, which are blocks, hold on all nodes, and late nodes find them.
//
// Not in parallel: another test's server could get a port that is meant for one here.
func TestSharedEntriesOutliveNATS(t *testing.T) {
	const machines = 3
	var options []server.Options
	var routes []*url.URL
	for range machines {
		route, client := freePort(t), freePort(t)
		routes = append(routes, &url.URL{Scheme: "nats-route", Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(route))})
		options = append(options, server.Options{
			ServerName: "n" + strconv.Itoa(len(options)), Port: client, StoreDir: t.TempDir(),
			Cluster: server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: route},
		})
	}
	start := func() (urls string, stops []func()) {
		for _, o := range options {
			o.Routes = routes
			s, stop := serve(t, o)
			urls, stops = urls+","+s.ClientURL(), append(stops, stop)
		}
		return urls[1:], stops
	}
	urls, stops := start()
	replicated := func(o *Options) { o.Replicas, o.Lease = machines, 5*time.Second }
	a, b := join(t, urls, "a", replicated), join(t, urls, "b", replicated)
	a.fill(20)
	b.fill(20)
	a.shows(table("b", 20))
	b.shows(table("a", 20))
	if err := a.PutShared("eve", []byte("1"), time.Hour); err != nil {
		t.Fatal(err)
	}
	until(t, "the block is everywhere", func() bool { return a.blocks()["eve"] == "1" && b.blocks()["eve"] == "1" })
	created := createdAt(t, a)
	olda, oldb := a.Session(), b.Session()

	for _, stop := range stops {
		stop()
	}
	urls, _ = start()
	until(t, "both have new sessions", func() bool { return a.Session() != olda && b.Session() != oldb })
	a.shows(table("b", 20))
	b.shows(table("a", 20))
	if at := createdAt(t, a); !at.Equal(created) {
		t.Fatalf("the stream was created at %v, and at %v before: this test is for a stream that comes back", at, created)
	}
	late := join(t, urls, "late", replicated)
	both := table("a", 20)
	maps.Copy(both, table("b", 20))
	late.shows(both)
	until(t, "a late node has the block", func() bool { return late.blocks()["eve"] == "1" })
	for _, w := range []*watched{a, b} {
		if n := w.lifted("eve"); n != 0 || w.blocks()["eve"] != "1" {
			t.Errorf("%s saw the block end %d times and has the blocks %v", w.opts.Node, n, w.blocks())
		}
	}
}

// The stream loses its contents and has as many messages as before when a node looks again: only the name of its
// contents reveals that. A node that missed an ordinary deletion still removes the entry.
func TestContentsLostBehindANode(t *testing.T) {
	t.Parallel()
	s, _ := serve(t, server.Options{})
	p := newProxy(t, s.Addr().String())
	a, b := join(t, s.ClientURL(), "a", longLease), join(t, p.url(), "b", longLease)
	for _, id := range []string{"eve", "mallory"} {
		if err := a.PutShared(id, []byte("1"), time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "the blocks are everywhere", func() bool { return len(a.blocks())+len(b.blocks()) == 4 })
	until(t, "the contents have a name", func() bool { return stored(t, a, "roster.i.*") == 1 })

	p.set(false, true)
	until(t, "b is cut off", func() bool { return !b.nc.IsConnected() })
	if err := a.DeleteShared("mallory"); err != nil {
		t.Fatal(err)
	}
	until(t, "a has one block", func() bool { return len(a.blocks()) == 1 })
	p.set(false, false)
	until(t, "b has one block", func() bool { return b.blocks()["eve"] == "1" && len(b.blocks()) == 1 })

	p.set(false, true)
	until(t, "b is cut off again", func() bool { return !b.nc.IsConnected() })
	before := b.Session()
	stream, err := a.js.Stream(context.Background(), "ROSTER")
	if err == nil {
		err = stream.Purge(context.Background()) // which keeps the time of creation and the sequence number
	}
	if err != nil {
		t.Fatal(err)
	}
	p.set(false, false)
	until(t, "the block is in the stream again", func() bool { return stored(t, a, "roster.s.*") == 1 })
	if n := b.lifted("eve"); n != 0 || b.blocks()["eve"] != "1" {
		t.Errorf("b saw the block end %d times and has the blocks %v", n, b.blocks())
	}
	until(t, "b has a new session", func() bool { return b.Session() != before })
}

func createdAt(t *testing.T, w *watched) (created time.Time) {
	t.Helper()
	until(t, "the stream says when it was created", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		var s jetstream.Stream
		s, err := w.js.Stream(ctx, w.opts.Stream)
		if err == nil {
			created = s.CachedInfo().Created
		}
		return err == nil
	})
	return created
}

// freePort finds a port below those that systems give to outgoing connections, so that it stays free over a restart.
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 12_000 + rand.IntN(20_000)
		if ln, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			_ = ln.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}
