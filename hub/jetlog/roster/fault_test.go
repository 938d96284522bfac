package roster

import (
	"context"
	"encoding/json"
	"maps"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// downWithin is how soon a node that is no more must be down for the others.
const downWithin = testLease + testLease/4 + 3*time.Second

func table(node string, n int) map[string]string {
	want := map[string]string{}
	for i := range n {
		want[node+"/c"+strconv.Itoa(i)] = "v" + strconv.Itoa(i)
	}
	return want
}

func TestCrash(t *testing.T) {
	t.Parallel()
	s, _ := serve(t, server.Options{})
	a, b, c := join(t, s.ClientURL(), "a"), join(t, s.ClientURL(), "b"), join(t, s.ClientURL(), "c")
	c.fill(500)
	a.shows(table("c", 500))
	b.shows(table("c", 500))
	session := c.Session()
	c.crash()
	within(t, downWithin, "c is down", func() bool { return a.down("c") == 1 && b.down("c") == 1 })
	a.shows(nil)
	b.shows(nil)
	until(t, "nothing remains", func() bool {
		return stored(t, a, "roster.e."+session+".*") == 0 && stored(t, a, "roster.n."+session) == 0
	})
	again := join(t, s.ClientURL(), "c")
	again.fill(10)
	a.shows(table("c", 10))
	b.shows(table("c", 10))
	if a.down("c") != 1 || b.down("c") != 1 || a.came("c") != 2 || a.down("b") != 0 {
		t.Errorf("a saw c come %d times and go %d, b saw it go %d", a.came("c"), a.down("c"), b.down("c"))
	}
}

// A node that is cut off keeps its view and says so; when it is back, everybody shows
// what it has by then, and it shows the others as they are.
func TestPartition(t *testing.T) {
	for name, held := range map[string]bool{"cut": false, "silent": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := serve(t, server.Options{})
			p := newProxy(t, s.Addr().String())
			a, b := join(t, s.ClientURL(), "a"), join(t, p.url(), "b")
			a.fill(100)
			b.fill(100)
			a.shows(table("b", 100))
			b.shows(table("a", 100))
			old := b.Session()
			p.set(held, !held)
			within(t, downWithin, "b is down", func() bool { return a.down("b") == 1 })
			until(t, "b is degraded", func() bool { _, why, bad := b.Degraded(); return bad && why != "" })
			since, _, _ := b.Degraded()
			if time.Since(since) < testLease/2 {
				t.Errorf("b says that its view is of %v ago", time.Since(since))
			}
			b.shows(table("a", 100))
			for i := range 50 {
				_ = b.Delete("c" + strconv.Itoa(i))
				_ = a.Delete("c" + strconv.Itoa(i+50))
			}
			b.put("new", "1")
			b.put("c99", "other")
			p.set(false, false)
			want := table("b", 100)
			maps.DeleteFunc(want, func(id, _ string) bool { n, _ := strconv.Atoi(id[3:]); return n < 50 })
			want["b/new"], want["b/c99"] = "1", "other"
			a.shows(want)
			b.shows(table("a", 50))
			until(t, "b is well", func() bool { _, _, bad := b.Degraded(); return !bad })
			if a.down("b") != 1 || a.came("b") != 2 || b.down("a") != 0 || b.Session() == old {
				t.Errorf("a saw b go %d times and come %d, b saw a go %d times, b's session was %s and is %s", a.down("b"), a.came("b"), b.down("a"), old, b.Session())
			}
			until(t, "nothing remains", func() bool { return stored(t, a, "roster.e."+old+".*") == 0 })
		})
	}
}

// A node that stood still while its lease ran out, with things on their way.
func TestPause(t *testing.T) {
	t.Parallel()
	s, _ := serve(t, server.Options{})
	p := newProxy(t, s.Addr().String())
	patient, err := nats.Connect(p.url(), nats.MaxReconnects(-1), nats.ReconnectBufSize(-1), nats.PingInterval(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(patient.Close)
	a, b := join(t, s.ClientURL(), "a"), joinOver(t, patient, "b")
	b.fill(10)
	a.shows(table("b", 10))
	old := b.Session()
	p.set(true, false)
	b.fill(1000) // under the old session
	within(t, downWithin, "b is down", func() bool { return a.down("b") == 1 })
	p.set(false, false)
	a.shows(table("b", 1000))
	if a.down("b") != 1 || a.came("b") != 2 || b.down("a") != 0 || b.Session() == old {
		t.Errorf("a saw b go %d times and come %d, b saw a go %d times", a.down("b"), a.came("b"), b.down("a"))
	}
	until(t, "nothing remains", func() bool { return stored(t, a, "roster.e."+old+".*") == 0 })
}

// A drop that is shorter than the lease is not seen by anybody.
func TestShortDrop(t *testing.T) {
	t.Parallel()
	s, _ := serve(t, server.Options{})
	p := newProxy(t, s.Addr().String())
	a, b := join(t, s.ClientURL(), "a", longLease), join(t, p.url(), "b", longLease)
	b.fill(100)
	a.fill(100)
	a.shows(table("b", 100))
	b.shows(table("a", 100))
	old := b.Session()
	p.set(false, true)
	until(t, "b is cut off", func() bool { return !b.nc.IsConnected() })
	_ = b.Delete("c99")
	_ = a.Delete("c99")
	p.set(false, false)
	a.shows(table("b", 99))
	b.shows(table("a", 99))
	if a.down("b") != 0 || b.down("a") != 0 || b.Session() != old {
		t.Errorf("a saw b go %d times, b saw a go %d times", a.down("b"), b.down("a"))
	}
	if a.changes != 102 || b.changes != 102 { // up, 100 entries, one gone
		t.Errorf("a saw %d changes and b %d", a.changes, b.changes)
	}
}

// The stored table is gone: every node writes its entries again. Nodes is called all the time, which would reveal a
// write to the entries without the mutex.
func TestStreamLost(t *testing.T) {
	for name, lose := range map[string]func(t *testing.T, s *server.Server, stop func(), js jetstream.JetStream){
		"restart": func(t *testing.T, s *server.Server, stop func(), _ jetstream.JetStream) {
			_, port, _ := strings.Cut(s.Addr().String(), ":")
			n, _ := strconv.Atoi(port)
			stop()
			serve(t, server.Options{Port: n})
		},
		"deleted": func(t *testing.T, _ *server.Server, _ func(), js jetstream.JetStream) {
			if err := js.DeleteStream(context.Background(), "ROSTER"); err != nil {
				t.Fatal(err)
			}
		},
		"purged": func(t *testing.T, _ *server.Server, _ func(), js jetstream.JetStream) {
			stream, err := js.Stream(context.Background(), "ROSTER")
			if err == nil {
				err = stream.Purge(context.Background())
			}
			if err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, stop := serve(t, server.Options{})
			a, b := join(t, s.ClientURL(), "a"), join(t, s.ClientURL(), "b")
			a.fill(300)
			b.fill(200)
			a.shows(table("b", 200))
			b.shows(table("a", 300))
			if err := a.PutShared("block", []byte("1"), time.Hour); err != nil {
				t.Fatal(err)
			}
			until(t, "the block is everywhere", func() bool { return len(a.blocks())+len(b.blocks()) == 2 })
			olda, oldb := a.Session(), b.Session()
			quit := make(chan struct{})
			var watching sync.WaitGroup
			watching.Go(func() { // as the admin UI and the metrics do
				for {
					select {
					case <-quit:
						return
					default:
						a.Nodes()
						runtime.Gosched()
					}
				}
			})
			defer func() { close(quit); watching.Wait() }()
			lose(t, s, stop, a.js)
			until(t, "both have new sessions", func() bool { return a.Session() != olda && b.Session() != oldb })
			until(t, "each has seen the other go", func() bool { return a.down("b") == 1 && b.down("a") == 1 })
			a.shows(table("b", 200))
			b.shows(table("a", 300))
			late := join(t, s.ClientURL(), "late")
			both := table("a", 300)
			maps.Copy(both, table("b", 200))
			late.shows(both)
			if name != "purged" {
				until(t, "the block is there again", func() bool { return len(a.blocks()) == 1 && len(b.blocks()) == 1 && late.blocks()["block"] == "1" })
			}
		})
	}
}

// The consumer is lost and made anew: what happened meanwhile is found by comparing.
func TestConsumerReset(t *testing.T) {
	t.Parallel()
	s, _ := serve(t, server.Options{})
	a, b := join(t, s.ClientURL(), "a", longLease), join(t, s.ClientURL(), "b", longLease)
	b.fill(500)
	a.shows(table("b", 500))
	stream, err := a.js.Stream(context.Background(), "ROSTER")
	if err != nil {
		t.Fatal(err)
	}
	names := stream.ConsumerNames(context.Background())
	for name := range names.Name() {
		if err := stream.DeleteConsumer(context.Background(), name); err != nil {
			t.Error(err)
		}
	}
	_ = b.Delete("c499")
	b.put("c0", "zero")
	want := table("b", 499)
	want["b/c0"] = "zero"
	a.shows(want)
	// A message whose acknowledgement was late is sent again, and is one more change. What was read again is none.
	info, err := stream.Info(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if a.down("b") != 0 || a.changes < 503 || a.changes > int(info.State.LastSeq) {
		t.Errorf("a saw b go %d times and %d changes, of %d messages", a.down("b"), a.changes, info.State.LastSeq)
	}
}

// A message that was late on its way does not stay the last word.
func TestOwnEntriesAreMended(t *testing.T) {
	t.Parallel()
	s, _ := serve(t, server.Options{})
	a, b := join(t, s.ClientURL(), "a"), join(t, s.ClientURL(), "b")
	b.put("x", "new")
	b.put("gone", "1")
	a.shows(map[string]string{"b/x": "new", "b/gone": "1"})
	_ = b.Delete("gone")
	a.shows(map[string]string{"b/x": "new"})
	nc := connect(t, s.ClientURL())
	_ = nc.Publish(b.names.entry(b.Session(), "x"), []byte("\x01old"))
	_ = nc.Publish(b.names.entry(b.Session(), "gone"), []byte("\x011"))
	_ = nc.Publish(b.names.entry(b.Session(), "never"), []byte("\x011"))
	until(t, "a has seen both mended", func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.gone == 3
	})
	a.shows(map[string]string{"b/x": "new"})
	join(t, s.ClientURL(), "late").shows(map[string]string{"b/x": "new"})
}

// Each node uses its own clock, even if the stream keeps a lease too long; and a node that proves to be alive is back
// with all its entries.
func TestOwnClock(t *testing.T) {
	t.Parallel()
	s, _ := serve(t, server.Options{})
	a := join(t, s.ClientURL(), "a")
	nc := connect(t, s.ClientURL())
	lease := func(count uint64) {
		body, _ := json.Marshal(card{Node: "slow", Count: count})
		_ = nc.Publish("roster.n.SLOW", body)
	}
	lease(1)
	_ = nc.Publish(a.names.entry("SLOW", "x"), []byte("\x01y"))
	a.shows(map[string]string{"slow/x": "y"})
	within(t, downWithin, "it is down", func() bool { return a.down("slow") == 1 })
	lease(2)
	a.shows(map[string]string{"slow/x": "y"})
	within(t, downWithin, "it is down again", func() bool { return a.down("slow") == 2 })
	_ = nc.Publish("roster.n.SLOW", nil)
	until(t, "nothing remains", func() bool { return stored(t, a, "roster.e.*.*") == 0 })
}

// A reader that does not read for longer than the lease holds up nothing but itself.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	s, _ := serve(t, server.Options{})
	const lease = 3 * testLease // long enough for b to keep it through all its publishing, on a busy machine too
	longer := func(o *Options) { o.Lease = lease }
	a, b := join(t, s.ClientURL(), "a", longer), join(t, s.ClientURL(), "b", longer)
	a.out.mu.Lock()
	a.out.most = 100
	a.out.mu.Unlock()
	until(t, "a is there", func() bool { return a.came("b") == 1 })
	a.mu.Lock() // its reader waits
	b.fill(5000)
	within(t, downWithin, "a says so", func() bool { _, why, _ := a.Degraded(); return why == "the changes are not accepted" })
	for i := range 5000 {
		_ = b.Delete("c" + strconv.Itoa(i))
	}
	b.fill(10)
	since := time.Now()
	until(t, "the lease is over", func() bool { return time.Since(since) > lease+lease/4+time.Second })
	a.mu.Unlock()
	a.shows(table("b", 10))
	if a.down("b") != 0 {
		t.Error("a saw b go")
	}
	until(t, "a is well", func() bool { _, _, bad := a.Degraded(); return !bad })
}

// Entries that the stream lost come back when their owner reads it again.
func TestLostEntries(t *testing.T) {
	t.Parallel()
	s, _ := serve(t, server.Options{})
	p := newProxy(t, s.Addr().String())
	a, b := join(t, s.ClientURL(), "a", longLease), join(t, p.url(), "b", longLease)
	b.fill(100)
	a.shows(table("b", 100))
	if err := a.sweep(context.Background(), b.Session()); err != nil {
		t.Fatal(err)
	}
	p.set(false, true)
	p.set(false, false)
	until(t, "they are back", func() bool { return stored(t, a, "roster.e.*.*") == 100 })
	join(t, s.ClientURL(), "late", longLease).shows(table("b", 100))
}

// A deletion that the stream remembers no more is found by comparing.
func TestForgottenDeletion(t *testing.T) {
	t.Parallel()
	s, _ := serve(t, server.Options{})
	p := newProxy(t, s.Addr().String())
	a, b := join(t, s.ClientURL(), "a", longLease), join(t, p.url(), "b", longLease)
	a.fill(100)
	b.shows(table("a", 100))
	p.set(false, true)
	until(t, "b is cut off", func() bool { return !b.nc.IsConnected() })
	_ = a.Delete("c99")
	subject := a.Roster.names.entry(a.Session(), "c99")
	until(t, "the stream forgets it", func() bool {
		a.own.mu.Lock()
		_, there := a.own.items[key{false, "c99"}]
		a.own.mu.Unlock()
		stream, err := a.js.Stream(context.Background(), "ROSTER")
		return !there && err == nil && stream.Purge(context.Background(), jetstream.WithPurgeSubject(subject)) == nil
	})
	p.set(false, false)
	b.shows(table("a", 99))
}
