package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// fleet is NATS servers of this process that listen on loopback.
type fleet struct {
	t       *testing.T
	opts    []server.Options
	servers []*server.Server
}

// newFleet starts n NATS servers, a cluster if there is more than one, until the test's end.
func newFleet(t *testing.T, n int) *fleet {
	t.Helper()
	f := preparedFleet(t, n)
	for i := range n {
		f.start(i)
	}
	f.ready()
	return f
}

// preparedFleet is a fleet whose servers are not started.
func preparedFleet(t *testing.T, n int) *fleet {
	t.Helper()
	f := &fleet{t: t, opts: make([]server.Options, n), servers: make([]*server.Server, n)}
	for i, o := range natsCluster(t, n) {
		f.opts[i] = o.server()
		f.opts[i].NoSigs = true
	}
	t.Cleanup(func() {
		for i := range f.servers {
			f.stop(i)
		}
	})
	return f
}

// lastingPort finds a port that is free, and stays so while nothing listens there: it is below those that systems give to
// outgoing connections, and no other test gets it, because this one holds the UDP port of the same number.
func lastingPort(t *testing.T) int {
	t.Helper()
	for range 100 {
		address := fmt.Sprint("127.0.0.1:", 12_000+rand.IntN(20_000))
		held, err := net.ListenPacket("udp", address)
		if err != nil {
			continue
		}
		if l, err := net.Listen("tcp", address); err == nil {
			_ = l.Close()
			t.Cleanup(func() { _ = held.Close() })
			return l.Addr().(*net.TCPAddr).Port
		}
		_ = held.Close()
	}
	t.Fatal("no port is free")
	return 0
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
	until(f.t, "the NATS servers are ready", func() bool {
		leader := len(f.servers) == 1
		for _, s := range f.servers {
			if s == nil {
				continue
			}
			if !s.ReadyForConnections(10*time.Millisecond) || len(f.servers) > 1 && !s.JetStreamIsCurrent() {
				return false
			}
			leader = leader || s.JetStreamIsLeader()
		}
		return leader
	})
}

func (f *fleet) url(i int) string { return fmt.Sprint("nats://127.0.0.1:", f.opts[i].Port) }

// deleteStream deletes the stream of the events under the servers.
func (f *fleet) deleteStream() {
	f.t.Helper()
	nc, err := nats.Connect(f.url(0))
	if err != nil {
		f.t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		f.t.Fatal(err)
	}
	if err := js.DeleteStream(f.t.Context(), "ROLLCALL"); err != nil {
		f.t.Fatal(err)
	}
}

// node is a Rollcall server that can be started again at the same address.
type node struct {
	*program
	t    *testing.T
	args []string
}

// node starts a Rollcall server of this name on the fleet.
func (f *fleet) node(name string, args ...string) *node {
	f.t.Helper()
	args = append(slices.Clone(args), "--node="+name)
	for i := range f.opts {
		args = append(args, "--nats="+f.url(i))
	}
	return newNode(f.t, args...)
}

// nodes starts n Rollcall servers, n1 and so on.
func (f *fleet) nodes(n int, args ...string) (list []*node, bases []string) {
	f.t.Helper()
	for i := range n {
		p := f.node(fmt.Sprint("n", i+1), args...)
		list, bases = append(list, p), append(bases, p.url)
	}
	return list, bases
}

func newNode(t *testing.T, args ...string) *node {
	t.Helper()
	n := &node{t: t, args: append([]string{fmt.Sprint("--listen=127.0.0.1:", lastingPort(t))}, args...)}
	n.program = serve(t, nil, n.args...)
	return n
}

// again starts the server once more, after it has ended.
func (n *node) again() { n.t.Helper(); n.program = serve(n.t, nil, n.args...) }

// until waits until the condition holds.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(2 * patience); !ok(); <-ticker.C {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// event is an event as it is published.
type event struct {
	Channel string `json:"channelName"`
	Type    string `json:"type"`
	Payload string `json:"payload"`
	Key     string `json:"idempotencyKey,omitempty"`
}

// posted is how a publish was answered. Status 0 is not at all.
type posted struct {
	Status int
	Events []struct {
		ID        string
		Duplicate bool
	}
	Error struct{ Code string }
}

// post publishes events. Any goroutine may call it.
func post(client *http.Client, base string, events ...event) (p posted) {
	body, _ := json.Marshal(map[string]any{"events": events})
	answer, err := client.Post(base+"/publish", "application/json", bytes.NewReader(body))
	if err != nil {
		return p
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || json.Unmarshal(text, &p) != nil {
		return posted{}
	}
	p.Status = answer.StatusCode
	return p
}

// patient is a client that gives up a request after a while.
func patient(t *testing.T) *http.Client {
	client := newClient(t, nil)
	client.Timeout = patience
	return client
}

// ready returns the status of /readyz, 0 without an answer.
func ready(client *http.Client, base string) int {
	answer, err := client.Get(base + "/readyz")
	if err != nil {
		return 0
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

// decoded asks for JSON that must be there.
func decoded[T any](t *testing.T, client *http.Client, url string) (v T) {
	t.Helper()
	got := ask(t, client, url, "").want(t, http.StatusOK, "")
	if err := json.Unmarshal([]byte(got.body), &v); err != nil {
		t.Fatalf("%s: %v in %s", url, err, got.body)
	}
	return v
}

// kept is an event of /history.
type kept struct {
	ID, ChannelName, Payload string
}

// history reads all that a channel keeps.
func history(t *testing.T, client *http.Client, base, channel string) (all []kept) {
	t.Helper()
	for after := ""; ; {
		page := decoded[struct {
			Events []kept
			Next   string
			Gap    bool
		}](t, client, base+"/history?limit=1000&channel="+channel+"&after="+after)
		if page.Gap {
			t.Errorf("the history of %s has a gap after %q", channel, after)
		}
		if all = append(all, page.Events...); len(page.Events) == 0 {
			return all
		}
		after = page.Next
	}
}

// remove makes a DELETE that must succeed.
func remove(t *testing.T, client *http.Client, url string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, url, strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusNoContent {
		t.Fatalf("DELETE %s: %s", url, answer.Status)
	}
}
