package roster

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// lease is short, and long enough for a busy machine.
const testLease = 4 * time.Second

// serve starts a nats-server in this process. stop ends it; it is also ended with the
// test.
func serve(t testing.TB, opts server.Options) (s *server.Server, stop func()) {
	t.Helper()
	opts.NoSigs, opts.NoLog, opts.JetStream = true, true, true
	opts.Host = "127.0.0.1"
	if opts.Port == 0 {
		opts.Port = server.RANDOM_PORT
	}
	if opts.StoreDir == "" {
		opts.StoreDir = t.TempDir()
	}
	s, err := server.NewServer(&opts)
	if err != nil {
		t.Fatal(err)
	}
	go s.Start()
	if !s.ReadyForConnections(20 * time.Second) {
		t.Fatal("the server does not start")
	}
	stop = sync.OnceFunc(func() { s.Shutdown(); s.WaitForShutdown() })
	t.Cleanup(stop)
	return s, stop
}

// connect connects as the event log does.
func connect(t testing.TB, urls string) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(urls,
		nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.ReconnectBufSize(-1),
		nats.ReconnectWait(50*time.Millisecond), nats.ReconnectJitter(10*time.Millisecond, 10*time.Millisecond),
		nats.PingInterval(time.Second), nats.MaxPingsOutstanding(2), nats.Timeout(2*time.Second),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// watched is a roster and what its changes add up to.
type watched struct {
	*Roster
	t    testing.TB
	nc   *nats.Conn
	done chan struct{}

	light bool // changes are only counted

	mu      sync.Mutex
	ready   bool
	entries map[string]map[string]string // by session
	who     map[string]string            // of nodes that are up
	shared  map[string]string
	ups     map[string]int // by node name
	downs   map[string]int
	lifts   map[string]int // ends of shared entries
	gone    int
	changes int
	wrong   []string // what must not happen
}

// join opens a roster over a connection of its own.
// longLease is a lease that a busy machine does not cost a node.
func longLease(o *Options) { o.Lease = time.Minute }

func join(t testing.TB, urls, name string, change ...func(*Options)) *watched {
	t.Helper()
	return joinOver(t, connect(t, urls), name, change...)
}

func joinOver(t testing.TB, nc *nats.Conn, name string, change ...func(*Options)) *watched {
	t.Helper()
	opts := Options{Stream: "ROSTER", Prefix: "roster", Node: name, Lease: testLease}
	for _, f := range change {
		f(&opts)
	}
	w := &watched{
		t: t, nc: nc, done: make(chan struct{}),
		entries: map[string]map[string]string{}, who: map[string]string{}, shared: map[string]string{},
		ups: map[string]int{}, downs: map[string]int{}, lifts: map[string]int{},
	}
	w.open(opts)
	return w
}

func (w *watched) open(opts Options) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	r, err := Open(ctx, w.nc, opts)
	if err != nil {
		w.t.Fatal(err)
	}
	w.Roster = r
	go w.watch()
	w.t.Cleanup(func() {
		_ = r.Close()
		<-w.done
		for _, s := range w.wrong {
			w.t.Error(opts.Node + ": " + s)
		}
	})
}

func (w *watched) watch() {
	defer close(w.done)
	for batch := range w.Changes() {
		w.mu.Lock()
		w.ready = true
		w.changes += len(batch)
		for i := 0; i < len(batch) && !w.light; i++ {
			w.apply(batch[i])
		}
		w.mu.Unlock()
	}
}

// apply checks that a change is consistent with the previous ones.
func (w *watched) apply(c Change) {
	of, up := w.entries[c.Session]
	bad := false
	switch c.Kind {
	case NodeUp:
		bad = up
		w.ups[c.Node]++
		w.entries[c.Session], w.who[c.Session] = map[string]string{}, c.Node
	case NodeDown:
		bad = !up
		w.downs[c.Node]++
		delete(w.entries, c.Session)
		delete(w.who, c.Session)
	case Entry:
		if bad = !up; up {
			of[c.ID] = string(c.Value)
		}
	case Gone:
		_, there := of[c.ID]
		bad = !there
		delete(of, c.ID)
		w.gone++
	case SharedEntry:
		w.shared[c.ID] = string(c.Value)
		bad = c.Until.Before(time.Now().Add(-time.Minute))
	case SharedGone:
		_, there := w.shared[c.ID]
		bad = !there
		delete(w.shared, c.ID)
		w.lifts[c.ID]++
	}
	if bad {
		w.wrong = append(w.wrong, fmt.Sprintf("%v %s %s %q makes no sense here", c.Kind, c.Node, c.Session, c.ID))
	}
}

// all returns the entries of all other nodes: node/id → value. An id that two
// sessions have is shown with both.
func (w *watched) all() map[string]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := map[string]string{}
	for session, of := range w.entries {
		for id, v := range of {
			all[w.who[session]+"/"+id] += v
		}
	}
	return all
}

func (w *watched) up() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Sorted(maps.Values(w.who))
}

func (w *watched) count(of func() map[string]int, name string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return of()[name]
}

func (w *watched) down(name string) int {
	return w.count(func() map[string]int { return w.downs }, name)
}
func (w *watched) lifted(id string) int {
	return w.count(func() map[string]int { return w.lifts }, id)
}
func (w *watched) came(name string) int {
	return w.count(func() map[string]int { return w.ups }, name)
}

func (w *watched) blocks() map[string]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.shared)
}

func (w *watched) put(id, value string) {
	w.t.Helper()
	if err := w.Put(id, []byte(value)); err != nil {
		w.t.Errorf("Put(%q): %v", id, err)
	}
}

func (w *watched) fill(n int) {
	w.t.Helper()
	for i := range n {
		w.put("c"+strconv.Itoa(i), "v"+strconv.Itoa(i))
	}
}

// crash ends a roster as the end of its process does.
func (w *watched) crash() {
	w.hard.Store(true)
	w.nc.Close()
	_ = w.Close()
}

// until waits until the condition holds.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	within(t, time.Minute, what, ok)
}

func within(t testing.TB, bound time.Duration, what string, ok func() bool) {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(bound); !ok(); <-ticker.C {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// shows waits until w shows exactly the entries.
func (w *watched) shows(want map[string]string) {
	w.t.Helper()
	until(w.t, fmt.Sprintf("%s shows %d entries; it shows %d", w.opts.Node, len(want), len(w.all())), func() bool { return maps.Equal(w.all(), want) })
}

// stored returns how many messages the stream has under a subject.
func stored(t testing.TB, w *watched, subject string) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	s, err := w.js.Stream(ctx, w.opts.Stream)
	if err != nil {
		return -1
	}
	info, err := s.Info(ctx, withSubjects(subject))
	if err != nil {
		return -1
	}
	return len(info.State.Subjects)
}
