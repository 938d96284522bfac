package hub

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"rollcall/hub/eventlog"
)

// fanOuts collects a hub's reports of traced events.
type fanOuts struct {
	mu   sync.Mutex
	list []FanOut
}

func (f *fanOuts) add(one FanOut) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, one)
}

// take returns what came since it was last asked, in order of events.
func (f *fanOuts) take() (texts []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, one := range f.list {
		texts = append(texts, fmt.Sprintf("%d %s %s: %d", one.Record.Seq, one.Record.Channel(), one.Record.Trace(), one.Streams))
	}
	f.list = nil
	slices.Sort(texts)
	return texts
}

// Every traced event is reported once for each shard that wrote it to live streams, and no other event is.
func TestTraced(t *testing.T) {
	var got fanOuts
	inBubble(t, eventlog.Options{}, Options{Shards: 2, Traced: got.add}, func(h *harness) {
		var peers []*peer
		for range 5 { // three in one shard, two in the other
			peers = append(peers, h.join("", "a", "b"))
		}
		h.append(
			eventlog.Event{Channel: "a", Type: "m", Payload: []byte("1"), Trace: "t1"},
			eventlog.Event{Channel: "a", Type: "m", Payload: []byte("2")},
			eventlog.Event{Channel: "nobody", Type: "m", Payload: []byte("3"), Trace: "t2"},
			eventlog.Event{Channel: "b", Type: "m", Payload: []byte("4"), Trace: "t3"},
		)
		h.rest()
		if texts := got.take(); !slices.Equal(texts, []string{"1 a t1: 2", "1 a t1: 3", "4 b t3: 2", "4 b t3: 3"}) {
			h.Fatalf("told %q", texts)
		}
		h.join("e-0", "a").want("registered resumed@0", "a 1@1", "a 2@2") // a stream that catches up is not reported
		if texts := got.take(); len(texts) > 0 {
			h.Fatalf("told %q", texts)
		}
		for _, p := range peers[1:] {
			p.conn.End(Kicked)
		}
		h.rest()
		peers[0].ambush(func() { time.Sleep(time.Second) })
		h.append(eventlog.Event{Channel: "a", Type: "m", Payload: []byte("5"), Trace: "t4"})
		h.rest()
		slowest := slices.MaxFunc(got.list, func(a, b FanOut) int { return cmp.Compare(a.Took, b.Took) })
		if len(got.list) != 2 || slowest.Took < time.Second { // the other shard has the stream that caught up
			h.Fatalf("a stream took the event after a second, told is %+v", got.list)
		}
	})
}

// An event that several entries of a stream match is reported once, with each stream once.
func TestTracedPatterns(t *testing.T) {
	var got fanOuts
	inBubble(t, eventlog.Options{}, Options{Shards: 1, Traced: got.add}, func(h *harness) {
		h.join("", "a.x", "a.*", ">")
		h.join("", "a.>")
		h.join("", "b")
		h.append(eventlog.Event{Channel: "a.x", Type: "m", Payload: []byte("1"), Trace: "t1"})
		h.rest()
		if texts := got.take(); !slices.Equal(texts, []string{"1 a.x t1: 2"}) {
			h.Fatalf("told %q", texts)
		}
	})
}

// Giving events to streams costs no allocation for what traces there might be, and none
// for the traces but what is made of them.
func TestTracedAllocs(t *testing.T) {
	log := eventlog.NewMemory(eventlog.Options{Events: 8})
	defer log.Close()
	told := 0
	h := &Hub{log: log, idle: make(chan struct{}, 1), traced: func(f FanOut) { told += f.Streams }}
	s := newShard(h, newWheel(1<<40, 1<<40)) // without its goroutine
	h.shards = []*shard{s}
	defer func() {
		s.cutAll()
		s.deliver()
		if s.poll != nil {
			s.poll.close()
		}
	}()
	tally := newTally()
	for range 10 {
		h.Attach(Subscription{Channels: []string{"bench"}, Transport: sink{tally}, Owner: tally})
	}
	s.readMail()
	publish := func(trace string) float64 {
		ev := benchEvent
		ev.Trace = trace
		events := []eventlog.Event{ev}
		return testing.AllocsPerRun(100, func() {
			if _, err := log.Append(context.Background(), events); err != nil {
				t.Fatal(err)
			}
			s.deliver()
		})
	}
	plain := publish("")
	if told > 0 {
		t.Fatalf("%d streams are told of without a trace", told)
	}
	if traced := publish("t"); traced > plain || told == 0 {
		t.Errorf("%v allocations with a trace that %d streams got, %v without", traced, told, plain)
	}
}
