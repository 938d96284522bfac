package hooks

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/hub/disklog"
	"rollcall/hub/outbox"
	"rollcall/presence/peers"
)

func directory(t testing.TB, dir string) *disklog.Outbox {
	t.Helper()
	o, err := disklog.OpenOutbox(filepath.Join(dir, "hooks"), false, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.Close() })
	return o
}

// kill ends hooks like a crash: nothing more is reported, stored or sent.
func (w *world) kill() {
	for _, s := range w.h.all() {
		s.setHeld(false) // it gives nothing back
		s.stop()
		<-s.done
	}
	w.h.stop()
	w.h.teller.cancel()
	w.h.teller.mu.Lock()
	w.h.teller.intake = nil
	w.h.teller.mu.Unlock()
	_ = w.h.teller.close(context.Background())
}

// Clients that return after a restart were never gone; the others are reported as gone, after the time to return.
func TestRestartTellsWhoIsGone(t *testing.T) {
	for name, end := range map[string]func(*world){"in order": (*world).close, "killed": (*world).kill} {
		t.Run(name, func(t *testing.T) {
			dir, r := t.TempDir(), receive(t, nil)
			store := directory(t, dir)
			w := unstopped(t, Options{Endpoints: []Endpoint{r.endpoint()}, Store: store})
			w.join("ann", "room")
			w.join("bob", "room", "den")
			first := []string{"client.online ann", "channel.occupied room", "member.joined room ann", "client.online bob",
				"member.joined room bob", "channel.occupied den", "member.joined den bob"}
			r.want(first...)
			end(w)
			if err := store.Close(); err != nil {
				t.Fatal(err)
			}

			p := quick()
			p.settle = time.Second
			w = begin(t, Options{Endpoints: []Endpoint{r.endpoint()}, Store: directory(t, dir), pace: p})
			w.join("bob", "room")
			w.join("cleo", "room")
			r.want(append(first, "client.online cleo", "member.joined room cleo", "member.left room ann", "client.offline ann",
				"member.left den bob", "channel.vacated den")...)
		})
	}
}

func (r *receiver) sorted() []string {
	list := r.told()
	slices.Sort(list)
	return list
}

// A server that is killed with messages that were not taken sends them after its restart, under the ids that they had.
func TestKilledWithUnsentMessages(t *testing.T) {
	var broken atomic.Bool
	broken.Store(true)
	dir := t.TempDir()
	r := receive(t, func(w http.ResponseWriter, _ *http.Request, _ message) bool {
		if broken.Load() {
			w.WriteHeader(500)
		}
		return broken.Load()
	})
	store := directory(t, dir)
	w := unstopped(t, Options{Endpoints: []Endpoint{r.endpoint()}, Store: store})
	for i := range 10 {
		w.leave(w.join(fmt.Sprint("u", i)))
		r.until("it is stored", func() bool { return w.h.teller.at.Load() > uint64(i) })
	}
	r.until("an attempt", func() bool { return len(r.messages()) > 0 })
	id := r.messages()[0].ID
	w.kill()
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	broken.Store(false)
	w = begin(t, Options{Endpoints: []Endpoint{r.endpoint()}, Store: directory(t, dir)})
	w.join("last")
	var want []string
	for i := range 10 {
		want = append(want, fmt.Sprint("client.online u", i), fmt.Sprint("client.offline u", i))
	}
	r.want(append(want, "client.online last")...)
	if !r.seen[id] {
		t.Error("the message that was refused before got another id")
	}
}

// The store drops what all endpoints have.
func TestStoreIsTrimmed(t *testing.T) {
	r := receive(t, nil)
	store := directory(t, t.TempDir())
	w := begin(t, Options{Endpoints: []Endpoint{r.endpoint()}, Store: store})
	w.join("ann")
	r.want("client.online ann")
	r.until("it is dropped", func() bool {
		list, err := store.Read(context.Background(), 0, 10)
		return err == nil && len(list) == 0
	})
}

// shared is a store in memory that several servers use. It loses answers at times.
type shared struct {
	outbox.Store
	changed chan struct{}
	others  *[]*shared
	flaky   *atomic.Bool
	n       atomic.Int64
	down    atomic.Bool // for this server alone
}

func (s *shared) Durable() bool            { return true }
func (s *shared) Shared() bool             { return true }
func (s *shared) Changed() <-chan struct{} { return s.changed }

var errFlaky = fmt.Errorf("%w: the answer was lost", outbox.ErrUnavailable)

func (s *shared) Append(ctx context.Context, after uint64, data []byte) error {
	if s.down.Load() {
		return outbox.ErrUnavailable
	}
	err := s.Store.Append(ctx, after, data)
	for _, other := range *s.others {
		poke(other.changed)
	}
	if err == nil && s.flaky.Load() && s.n.Add(1)%3 == 0 {
		return errFlaky
	}
	return err
}

func (s *shared) Put(ctx context.Context, key string, data []byte, rev uint64) (uint64, error) {
	if s.down.Load() {
		return 0, outbox.ErrUnavailable
	}
	rev, err := s.Store.Put(ctx, key, data, rev)
	if err == nil && s.flaky.Load() && s.n.Add(1)%7 == 0 {
		return 0, errFlaky
	}
	return rev, err
}

// roster is a roster of which only the nodes are used.
type roster struct {
	peers.Roster
	mu    sync.Mutex
	nodes []peers.Node
}

func (r *roster) Nodes() []peers.Node {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.nodes)
}

func (r *roster) without(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.nodes = slices.DeleteFunc(r.nodes, func(n peers.Node) bool { return n.Name == name })
}

// cluster is three servers that share a store and see the same presence.
type cluster struct {
	worlds  []*world
	stores  []*shared
	rosters []*roster
	flaky   atomic.Bool
}

func newClusterOf(t *testing.T, n int, o Options) *cluster {
	c := &cluster{}
	memory := outbox.NewMemory(64 << 20)
	var stores []*shared
	for range n {
		stores = append(stores, &shared{Store: memory, changed: make(chan struct{}, 1), others: &stores, flaky: &c.flaky})
	}
	c.stores = stores
	for i := range n {
		r := &roster{}
		for j := range n {
			name := string(rune('a' + (i+j)%n))
			r.nodes = append(r.nodes, peers.Node{Name: name, Session: name, Self: j == 0})
		}
		c.rosters = append(c.rosters, r)
		o.Store, o.Roster = stores[i], r
		c.worlds = append(c.worlds, unstopped(t, o))
	}
	return c
}

// join and leave are seen by all servers.
func (c *cluster) join(client string, channels ...string) func() {
	var leaves []func()
	for _, w := range c.worlds {
		conn := w.join(client, channels...)
		leaves = append(leaves, func() { w.leave(conn) })
	}
	return func() {
		for _, leave := range leaves {
			leave()
		}
	}
}

// lose ends a server, as a crash would, and the others find out.
func (c *cluster) lose(i int) {
	name := c.rosters[i].nodes[0].Name
	c.worlds[i].kill()
	for _, r := range c.rosters {
		r.without(name)
	}
	c.worlds, c.stores, c.rosters = slices.Delete(c.worlds, i, i+1), slices.Delete(slices.Clone(c.stores), i, i+1), slices.Delete(c.rosters, i, i+1)
}

func (c *cluster) close() {
	for _, w := range c.worlds {
		w.close()
	}
}

// Of three servers that see the same, one reports each event, even while answers of the store are lost.
func TestClusterTellsOnce(t *testing.T) {
	for _, flaky := range []bool{false, true} {
		t.Run(fmt.Sprint("answers are lost ", flaky), func(t *testing.T) {
			r := receive(t, nil)
			slow := quick()
			slow.lease = time.Hour // a server that is slow is none that has ended
			c := newClusterOf(t, 3, Options{Endpoints: []Endpoint{r.endpoint()}, pace: slow})
			defer c.close()
			c.flaky.Store(flaky)
			var want []string
			for i := range 50 {
				name := fmt.Sprint("u", i)
				leave := c.join(name)
				c.worlds[i%3].h.Ended(name, "gone")
				leave()
				want = append(want, "client.online "+name, "client.offline "+name, "stream.ended "+name+" gone")
			}
			slices.Sort(want)
			r.until("all is told", func() bool { return len(r.told()) >= len(want) })
			c.flaky.Store(false)
			c.join("last")
			r.until("the last", func() bool { return slices.Contains(r.told(), "client.online last") })
			want = append(want, "client.online last")
			slices.Sort(want)
			if got := r.sorted(); !slices.Equal(got, want) {
				t.Errorf("told\n%v, want\n%v", got, want)
			}
			ids := map[string]int{}
			for _, m := range r.messages() {
				ids[m.ID]++
			}
			for id, n := range ids {
				if n > 1 && !flaky {
					t.Errorf("%s was sent %d times", id, n)
				}
			}
		})
	}
}

// The server that reports and sends dies before it has reported what it saw, and before its report was accepted.
func TestAnotherServerTakesOver(t *testing.T) {
	var broken atomic.Bool
	r := receive(t, func(w http.ResponseWriter, _ *http.Request, _ message) bool {
		if broken.Load() {
			w.WriteHeader(500)
		}
		return broken.Load()
	})
	c := newClusterOf(t, 3, Options{Endpoints: []Endpoint{r.endpoint()}})
	defer c.close()
	leave := c.join("ann", "room")
	r.want("client.online ann", "channel.occupied room", "member.joined room ann")

	broken.Store(true)
	c.join("bob") // is stored, and not taken
	r.until("an attempt", func() bool {
		return strings.Contains(c.worlds[0].status().LastErr+c.worlds[1].status().LastErr+c.worlds[2].status().LastErr, "500")
	})
	c.stores[0].down.Store(true)
	c.join("cleo") // is seen, and not stored by the first
	leave()
	c.lose(0)
	holder := slices.IndexFunc(c.worlds, func(w *world) bool { return w.status().Held })
	if holder >= 0 {
		c.lose(holder) // the one that sends, too
	}
	broken.Store(false)
	want := []string{"client.online ann", "channel.occupied room", "member.joined room ann", "client.online bob", "client.online cleo",
		"member.left room ann", "channel.vacated room", "client.offline ann"}
	r.want(want...)
	c.join("dan")
	r.want(append(want, "client.online dan")...)
}

// The stored table is the loaded one, whatever was reported after it.
func TestTableIsStored(t *testing.T) {
	ctx := context.Background()
	s := &shared{Store: outbox.NewMemory(1 << 20), others: &[]*shared{}, flaky: &atomic.Bool{}}
	table, at := newTable(), uint64(0)
	for i := range 400 {
		kind := []string{MemberJoined, MemberLeft}[i/7%2]
		e := Event{Type: kind, ClientID: fmt.Sprint("u", i%13), ChannelName: fmt.Sprint("c", i%5)}
		data, _ := json.Marshal(batch{Events: []Event{e}})
		if err := s.Append(ctx, at, data); err != nil {
			t.Fatal(err)
		}
		at++
		table.fold(&e)
		if i%50 == 20 {
			if err := table.save(ctx, s, at); err != nil {
				t.Fatal(err)
			}
		}
		again := newTable()
		if got, err := again.load(ctx, s); err != nil || got != at {
			t.Fatalf("loaded through %d, %v; want %d", got, err, at)
		}
		if fmt.Sprint(again.told) != fmt.Sprint(table.told) || fmt.Sprint(again.members) != fmt.Sprint(table.members) {
			t.Fatalf("after %d events the table is %v, want %v", i+1, again.told, table.told)
		}
	}
}
