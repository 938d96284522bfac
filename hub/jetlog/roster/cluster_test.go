package roster

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// cluster starts n servers that are one cluster.
func cluster(t testing.TB, n int) (servers []*server.Server, stops []func()) {
	t.Helper()
	var routes []*url.URL
	var ports []int
	for range n {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_ = ln.Close()
		ports = append(ports, ln.Addr().(*net.TCPAddr).Port)
		routes = append(routes, &url.URL{Scheme: "nats-route", Host: ln.Addr().String()})
	}
	for i := range n {
		s, stop := serve(t, server.Options{
			ServerName: "n" + strconv.Itoa(i),
			Cluster:    server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: ports[i]},
			Routes:     routes,
		})
		servers, stops = append(servers, s), append(stops, stop)
	}
	until(t, "the cluster has a leader", func() bool {
		for _, s := range servers {
			if s.JetStreamIsLeader() && len(s.JetStreamClusterPeers()) == n {
				return true
			}
		}
		return false
	})
	return servers, stops
}

// Not in parallel: another test's server could get a port that is meant for one here.
func TestCluster(t *testing.T) {
	servers, stops := cluster(t, 3)
	three := func(o *Options) { o.Replicas, o.Lease = 3, 5*time.Second }
	var nodes []*watched
	for i, s := range servers {
		nodes = append(nodes, join(t, s.ClientURL(), string(rune('a'+i)), three))
	}
	for _, w := range nodes {
		w.fill(300)
	}
	others := func(i int) map[string]string {
		want := map[string]string{}
		for j, w := range nodes {
			if j != i {
				maps.Copy(want, table(w.opts.Node, 300))
			}
		}
		return want
	}
	for i, w := range nodes {
		w.shows(others(i))
	}
	if err := nodes[0].PutShared("block", []byte("1"), time.Hour); err != nil {
		t.Fatal(err)
	}
	// The stream's leader goes, with a node connected to it.
	stream, err := nodes[0].js.Stream(context.Background(), "ROSTER")
	if err != nil {
		t.Fatal(err)
	}
	until(t, "the block is everywhere", func() bool { return len(nodes[0].blocks())+len(nodes[1].blocks())+len(nodes[2].blocks()) == 3 })
	leader := stream.CachedInfo().Cluster.Leader
	for i, s := range servers {
		if s.Name() == leader {
			stops[i]()
		}
	}
	for _, w := range nodes {
		_ = w.Delete("c0")
		w.put("c1", "after")
	}
	for i, w := range nodes {
		want := others(i)
		for id := range want {
			if id[1:] == "/c0" {
				delete(want, id)
			} else if id[1:] == "/c1" {
				want[id] = "after"
			}
		}
		w.shows(want)
		if b := w.blocks(); b["block"] != "1" {
			t.Errorf("%s has the blocks %v", w.opts.Node, b)
		}
	}
}

// Whatever three nodes put and delete, while one of them crashes and connections and
// consumers are lost: in the end all views are what the nodes have.
func TestChurn(t *testing.T) {
	t.Parallel()
	s, _ := serve(t, server.Options{})
	const perNode = 1700
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	patient := func(o *Options) { o.Lease = 20 * time.Second } // a busy machine must not cost it
	var nodes []*watched
	var proxies []*proxy
	for i := range 3 {
		p := newProxy(t, s.Addr().String())
		proxies = append(proxies, p)
		nodes = append(nodes, join(t, p.url(), string(rune('a'+i)), patient))
	}
	tables := make([]map[string]string, 3)
	crashed := 2
	var running sync.WaitGroup
	for i, w := range nodes {
		running.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(i)))
			own := map[string]string{}
			for n := range 4 * perNode {
				id := strconv.Itoa(random.IntN(perNode * 5 / 4))
				if _, there := own[id]; there && random.IntN(5) == 0 {
					delete(own, id)
					_ = w.Delete(id)
				} else {
					own[id] = fmt.Sprint(i, n)
					w.put(id, own[id])
				}
				switch {
				case n%2048 == 1000 && i != crashed:
					proxies[i].set(false, true)
					proxies[i].set(false, false)
				case n == 2*perNode && i == crashed:
					w.crash()
					w = join(t, s.ClientURL(), "c", patient)
					nodes[i] = w
					clear(own)
				}
			}
			tables[i] = own
		})
	}
	running.Wait()
	total := 0
	for i, w := range nodes {
		want := map[string]string{}
		for j, own := range tables {
			for id, v := range own {
				if j != i {
					want[nodes[j].opts.Node+"/"+id] = v
				}
			}
		}
		total += len(tables[i])
		w.shows(want)
		if w.down("a")+w.down("b") > 0 {
			t.Errorf("%s saw nodes go that did not", w.opts.Node)
		}
	}
	t.Logf("%d entries", total)
	for _, w := range nodes[:2] {
		until(t, "the crashed node is down once", func() bool { return w.down("c") == 1 && w.came("c") == 2 })
	}
}
