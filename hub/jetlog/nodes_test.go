package jetlog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"rollcall/hub/eventlog"
)

// all reads a tail until it has the record end.
func all(t *testing.T, tail *eventlog.Tail, end uint64) (recs []*eventlog.Record) {
	t.Helper()
	until(t, fmt.Sprintf("the tail comes to %d", end), func() bool {
		recs = tail.Next(recs, 1<<20)
		tail.Done()
		return len(recs) > 0 && recs[len(recs)-1].Seq >= end
	})
	return recs
}

func frames(recs []*eventlog.Record) []string {
	out := make([]string, len(recs))
	for i, r := range recs {
		out[i] = string(r.Frame().SSE())
	}
	return out
}

// Two nodes that both publish have the same events, in the same order, byte for byte;
// batches are whole; and one that comes later reads the same.
func testNodesAgree(t *testing.T, f *fleet, opts Options) {
	opts = fresh(opts)
	nodes := []*Log{open(t, f.link(), opts), open(t, f.link(), opts)}
	var tails []*eventlog.Tail
	for _, n := range nodes {
		tails = append(tails, n.Tail(nil))
	}
	const each = 60
	var wg sync.WaitGroup
	for n, node := range nodes {
		for w := range 2 {
			wg.Go(func() {
				for i := range each {
					events := make([]eventlog.Event, 1+i%4)
					for k := range events {
						events[k] = ev(fmt.Sprint("c", (i+k)%3), i)
						events[k].Type = fmt.Sprintf("%d.%d.%d.%d.%d", n, w, i, k, len(events))
					}
					results, err := node.Append(context.Background(), events)
					if err != nil {
						t.Errorf("Append: %v", err)
						return
					}
					for k := range results {
						if results[k].Seq != results[0].Seq+uint64(k) {
							t.Errorf("a batch at %v", results)
						}
					}
				}
			})
		}
	}
	wg.Wait()
	end := publish(t, nodes[0], ev("end", 0))[0].Seq
	var flows [][]string
	for i, tail := range tails {
		flows = append(flows, frames(all(t, tail, end)))
		tail.Close()
		caughtUp(t, nodes[i], end)
	}
	if !slices.Equal(flows[0], flows[1]) || len(flows[0]) != 2*2*each/4*(1+2+3+4)+1 {
		t.Fatalf("%d and %d events, not the same", len(flows[0]), len(flows[1]))
	}
	if nodes[0].Head() != nodes[1].Head() {
		t.Errorf("heads %v and %v", nodes[0].Head(), nodes[1].Head())
	}
	late := open(t, f.link(), opts)
	channels := []string{"c0", "c1", "c2", "end"}
	b := late.Next(&eventlog.Cursor{Channels: channels}, eventlog.Limit{}, nil)
	if got := frames(b.Records); !slices.Equal(got, flows[0]) || len(b.Gaps) != 0 {
		t.Errorf("a later node reads %d events and gaps %v", len(got), b.Gaps)
	}
	want := ""
	for _, r := range b.Records { // batches stand together
		var n, w, i, k, size int
		if _, err := fmt.Sscanf(r.Type(), "%d.%d.%d.%d.%d", &n, &w, &i, &k, &size); err != nil {
			continue
		}
		if want != "" && r.Type() != want || want == "" && k != 0 {
			t.Fatalf("%s came, %q was due", r.Type(), want)
		}
		if want = ""; k+1 < size {
			want = fmt.Sprintf("%d.%d.%d.%d.%d", n, w, i, k+1, size)
		}
	}
}

// A key holds on every node, at once, in batches, and for a node that begins later.
func testNodesKeys(t *testing.T, f *fleet, opts Options) {
	opts = fresh(opts)
	nodes := []*Log{open(t, f.link(), opts), open(t, f.link(), opts)}
	const keys = 30
	var results [4][keys]eventlog.Result
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for k := range keys {
				events := []eventlog.Event{keyed("a", fmt.Sprint(k), k)}
				if k%2 == 0 {
					events = append(events, ev("noise", w))
				}
				r, err := nodes[w%2].Append(context.Background(), events)
				if err != nil {
					t.Errorf("Append: %v", err)
					return
				}
				results[w][k] = r[0]
			}
		})
	}
	wg.Wait()
	late := open(t, f.link(), opts)
	for k := range keys {
		firsts := 0
		for w := range 4 {
			if !results[w][k].Duplicate {
				firsts++
			}
			if results[w][k].Seq != results[0][k].Seq {
				t.Errorf("key %d: %v and %v", k, results[w][k], results[0][k])
			}
		}
		if firsts != 1 {
			t.Errorf("key %d counts %d times", k, firsts)
		}
		r := publish(t, late, ev("noise", 9), keyed("a", fmt.Sprint(k), k))
		if r[1] != (eventlog.Result{Seq: results[0][k].Seq, Duplicate: true}) {
			t.Errorf("key %d on a later node: %+v", k, r[1])
		}
	}
	if got := read(late, "a"); len(got) != keys {
		t.Errorf("%d events with %d keys", len(got), keys)
	}
}

// A purge holds on every node, at the same place, and for later nodes.
func testNodesPurge(t *testing.T, f *fleet, opts Options) {
	opts = fresh(opts)
	a, b := open(t, f.link(), opts), open(t, f.link(), opts)
	for i := range 10 {
		publish(t, a, ev("gone", i), ev("stays", i))
	}
	before := a.Head().Seq
	n, err := b.Purge(context.Background(), "gone")
	if err != nil || n != 10 {
		t.Fatalf("Purge: %d, %v", n, err)
	}
	after := publish(t, b, ev("gone", 10))[0].Seq
	caughtUp(t, a, after)
	for i, l := range []*Log{a, b, open(t, f.link(), opts)} {
		if got := read(l, "gone"); len(got) != 1 {
			t.Errorf("node %d keeps %q", i, got)
		}
		if got := read(l, "stays"); len(got) != 10 {
			t.Errorf("node %d: %d events of another channel", i, len(got))
		}
		if got := gaps(l, before-1, "gone", "stays"); !slices.Equal(got, []string{"gone"}) {
			t.Errorf("node %d: gaps of %q", i, got)
		}
		if got := gaps(l, after-1, "gone", "stays"); len(got) != 0 {
			t.Errorf("node %d: gaps of %q behind the purge", i, got)
		}
	}
}

// A stream that is deleted, or deleted and made again, ends the log; the next one has
// another epoch, and what an old node publishes goes nowhere.
func testStreamDeleted(t *testing.T, f *fleet, opts Options) {
	for _, again := range []bool{false, true} {
		opts := fresh(opts)
		link := f.link()
		a, b := open(t, link, opts), open(t, f.link(), opts)
		for i := range 20 {
			publish(t, a, ev("c", i))
		}
		old := a.Head()
		caughtUp(t, b, old.Seq)
		ctx := context.Background()
		if err := link.js.DeleteStream(ctx, opts.Stream); err != nil {
			t.Fatal(err)
		}
		if again {
			c := open(t, f.link(), opts)
			for i := range 30 {
				publish(t, c, ev("c", 100+i))
			}
		}
		_, err := a.Append(ctx, []eventlog.Event{ev("c", 99)})
		if !errors.Is(err, ErrUnavailable) && !errors.Is(err, ErrLost) {
			t.Errorf("Append to a stream that is gone: %v", err)
		}
		for _, l := range []*Log{a, b} {
			<-l.Lost()
			if err := l.Err(); !errors.Is(err, ErrLost) {
				t.Errorf("Err: %v", err)
			}
			if l.Head() != old || len(read(l, "c")) != 20 {
				t.Errorf("the mirror changed: %v", l.Head())
			}
			if _, err := l.Append(ctx, []eventlog.Event{ev("c", 99)}); !errors.Is(err, ErrLost) {
				t.Errorf("Append to a lost log: %v", err)
			}
			if !l.Degraded() {
				t.Error("a lost log is not degraded")
			}
		}
		next := open(t, link, opts)
		if next.Head().Epoch == old.Epoch {
			t.Error("the epoch is the same")
		}
		publish(t, next, ev("c", 1))
	}
}

// NATS is away while events are published, and comes back: appends fail at once and
// say so, what was acknowledged is there, and everybody catches up in order.
func testOutage(t *testing.T, f *fleet, opts Options) {
	opts = fresh(opts)
	nodes := []*Log{open(t, f.link(), opts), open(t, f.link(), opts)}
	tail := nodes[1].Tail(nil)
	defer tail.Close()
	acked := make(map[uint64]string)
	publishFor := func(n int) {
		for i := range n {
			e := ev("c", len(acked)*1000+i)
			r, err := nodes[0].Append(context.Background(), []eventlog.Event{e})
			switch {
			case err == nil:
				acked[r[0].Seq] = string(e.Payload)
			case !errors.Is(err, ErrUnavailable) && !errors.Is(err, ErrUnknown):
				t.Fatalf("Append: %v", err)
			}
		}
	}
	publishFor(20)
	for i := range f.servers {
		f.stop(i)
	}
	until(t, "the nodes see it", func() bool { return !nodes[0].Status().Connected && !nodes[1].Status().Connected })
	began := time.Now()
	for range 100 {
		if _, err := nodes[0].Append(context.Background(), []eventlog.Event{ev("c", -1)}); !errors.Is(err, ErrUnavailable) {
			t.Fatalf("Append without NATS: %v", err)
		}
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("100 appends without NATS took %v", took)
	}
	if s := nodes[0].Status(); s.Connected || s.Reason == "" {
		t.Errorf("status %+v", s)
	}
	if got := read(nodes[0], "c"); len(got) < 20 {
		t.Errorf("%d events can be read", len(got))
	}
	if !nodes[0].Degraded() {
		t.Error("a node without NATS is not degraded")
	}
	for i := range f.servers {
		f.start(i)
	}
	f.ready()
	before := len(acked)
	until(t, "appends succeed again", func() bool { publishFor(1); return len(acked) > before })
	publishFor(20)
	until(t, "nobody is degraded", func() bool { return !nodes[0].Degraded() && !nodes[1].Degraded() })
	end := publish(t, nodes[1], ev("end", 0))[0].Seq
	recs := all(t, tail, end)
	var last uint64
	for _, r := range recs {
		if r.Seq <= last {
			t.Fatalf("%d behind %d", r.Seq, last)
		}
		last = r.Seq
		if want, ok := acked[r.Seq]; ok && want != string(r.Payload()) {
			t.Errorf("%d is %s, acknowledged was %s", r.Seq, r.Payload(), want)
		}
		delete(acked, r.Seq)
	}
	if len(acked) > 0 {
		t.Errorf("acknowledged and not delivered: %v", acked)
	}
	for _, n := range nodes {
		if err := n.Err(); err != nil {
			t.Error(err)
		}
	}
}

// The stream's leader goes in the middle of the load: nothing acknowledged is lost.
func testLeaderChange(t *testing.T, f *fleet, opts Options) {
	opts = fresh(opts)
	a, b := open(t, f.link(), opts), open(t, f.link(), opts)
	tail := b.Tail(nil)
	defer tail.Close()
	acked := make(map[uint64]int)
	down := -1
	for i := 0; i < 120; i++ {
		if i == 40 {
			down = f.leader(a)
			f.stop(down)
		}
		e := keyed("c", fmt.Sprint(i), i)
		until(t, "an append succeeds", func() bool {
			r, err := a.Append(context.Background(), []eventlog.Event{e})
			if err == nil {
				acked[r[0].Seq] = i
			}
			return err == nil
		})
	}
	f.start(down)
	f.ready()
	end := publish(t, b, ev("end", 0))[0].Seq
	got := make(map[string]bool)
	for _, r := range all(t, tail, end) {
		if got[string(r.Payload())] && r.Channel() == "c" {
			t.Errorf("%s came twice", r.Payload())
		}
		if r.Channel() == "c" {
			got[string(r.Payload())] = true
		}
		if i, ok := acked[r.Seq]; ok && fmt.Sprint(i) != string(r.Payload()) {
			t.Errorf("%d is %s, acknowledged was %d", r.Seq, r.Payload(), i)
		}
		delete(acked, r.Seq)
	}
	if len(acked) > 0 || len(got) != 120 {
		t.Errorf("%d of 120 events, acknowledged and not delivered: %v", len(got), acked)
	}
}

type nodesTest struct {
	name string
	run  func(t *testing.T, f *fleet, opts Options)
}

func runNodes(t *testing.T, f *fleet, opts Options, tests []nodesTest) {
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			g := *f
			g.t = t
			c.run(t, &g, opts)
			copy(f.servers, g.servers)
		})
	}
}

var commonTests = []nodesTest{
	{"Agree", testNodesAgree}, {"Keys", testNodesKeys}, {"Purge", testNodesPurge},
	{"Deleted", testStreamDeleted}, {"Outage", testOutage},
}

func TestNodesOnOneServer(t *testing.T) {
	runNodes(t, newFleet(t, 1), Options{}, commonTests)
}

func TestNodesOnCluster(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a cluster")
	}
	f := newFleet(t, 3)
	runNodes(t, f, Options{Replicas: 3}, append(slices.Clone(commonTests), nodesTest{"LeaderChange", testLeaderChange}))
}

// A node that begins while NATS is away waits as long as it may, and begins when NATS
// is there.
func TestAwayAtStart(t *testing.T) {
	f := newFleet(t, 1)
	f.stop(0)
	link := f.link()
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if _, err := Open(ctx, link, Options{}); !errors.Is(err, ErrUnavailable) {
		t.Fatalf("Open: %v", err)
	}
	f.start(0)
	l := open(t, link, Options{})
	publish(t, l, ev("a", 1))
	if l.Degraded() {
		t.Errorf("%+v", l.Status())
	}
}
