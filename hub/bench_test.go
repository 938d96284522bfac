package hub

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"rollcall/hub/eventlog"
)

// sink is a Transport that takes everything and counts what the streams that
// share its tally got.
type sink struct{ *tally }

// tally counts frames until the awaited number. A write counts as many frames as it has buffers.
type tally struct {
	frames atomic.Int64
	want   atomic.Int64
	done   chan struct{}
	opened atomic.Int64
	closed atomic.Int64
}

func newTally() *tally { return &tally{done: make(chan struct{}, 1)} }

func (s sink) Open(*Conn)    { s.opened.Add(1) }
func (s sink) Chunked() bool { return true }

func (s sink) Write(bufs [][]byte) (int, error) {
	n := 0
	for _, b := range bufs {
		n += len(b)
	}
	if s.frames.Add(int64(len(bufs))) == s.want.Load() {
		s.done <- struct{}{}
	}
	return n, nil
}

func (s sink) Close(bool) { s.closed.Add(1) }

// expect makes done get a value after n frames more. No frame is on its way.
func (y *tally) expect(n int) { y.want.Store(y.frames.Load() + int64(n)) }

// Ended implements Owner.
func (y *tally) Ended(*Conn, Reason) {}

var benchEvent = eventlog.Event{Channel: "bench", Type: "message", Payload: []byte(`"` + fmt.Sprintf("%098d", 7) + `"`)}

// The hot path makes nothing that a garbage collector has to pick up: giving an
// event to a thousand streams allocates as much as giving it to one.
func TestAllocs(t *testing.T) {
	for _, batch := range []int{1, 20} {
		one, thousand := allocs(t, 1, batch), allocs(t, 1000, batch)
		t.Logf("batches of %d: %v allocations with one stream, %v with a thousand", batch, one, thousand)
		if thousand > one+1 {
			t.Errorf("batches of %d: %v allocations with a thousand streams, %v with one", batch, thousand, one)
		}
	}
}

// allocs counts the allocations of publishing and delivering a batch.
func allocs(t *testing.T, streams, batch int) float64 {
	log := eventlog.NewMemory(eventlog.Options{Events: 8})
	defer log.Close()
	h := &Hub{log: log, idle: make(chan struct{}, 1)}
	s := newShard(h, newWheel(1<<40, 1<<40)) // without its goroutine
	h.shards = []*shard{s}
	tally := newTally()
	for range streams {
		h.Attach(Subscription{Channels: []string{"other", "bench"}, Transport: sink{tally}, Owner: tally})
	}
	s.readMail()
	events := make([]eventlog.Event, batch)
	for i := range events {
		events[i] = benchEvent
	}
	before, runs := tally.frames.Load(), int64(0)
	n := testing.AllocsPerRun(100, func() {
		if _, err := log.Append(context.Background(), events); err != nil {
			t.Fatal(err)
		}
		s.deliver()
		runs++
	})
	if got, want := tally.frames.Load()-before, runs*int64(batch*streams); got != want {
		t.Fatalf("%d deliveries, want %d", got, want)
	}
	s.cutAll()
	s.deliver()
	if s.poll != nil {
		s.poll.close()
	}
	return n
}

// benchHub is a hub with streams on a channel each of which wants all of its events.
func benchHub(b *testing.B, keep eventlog.Options) (*Hub, *tally) {
	log := eventlog.NewMemory(keep)
	h := New(log, Options{})
	b.Cleanup(func() { h.Close(); _ = log.Close() })
	return h, newTally()
}

func (h *Hub) benchPublish(b *testing.B, events ...eventlog.Event) {
	if _, err := h.Publish(context.Background(), events); err != nil {
		b.Fatal(err)
	}
}

// One event to 1000 streams, from publishing it until the last has it; and the
// same with 100 events back to back.
func BenchmarkFanOut1000(b *testing.B) {
	for _, batch := range []int{1, 100} {
		b.Run(fmt.Sprintf("events=%d", batch), func(b *testing.B) {
			const streams = 1000
			h, tally := benchHub(b, eventlog.Options{})
			tally.expect(streams) // lastEvent
			for range streams {
				h.Attach(Subscription{Channels: []string{"bench"}, Transport: sink{tally}, Owner: tally})
			}
			<-tally.done
			events := make([]eventlog.Event, batch)
			for i := range events {
				events[i] = benchEvent
			}
			b.ReportAllocs()
			for b.Loop() {
				tally.expect(streams * batch)
				h.benchPublish(b, events...)
				<-tally.done
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*streams*batch), "ns/delivery")
		})
	}
}

// 1000 streams come back at once and get 100 events each of 3 channels.
func BenchmarkResume1000x3(b *testing.B) {
	const streams, events = 1000, 100
	h, tally := benchHub(b, eventlog.Options{Epoch: "e"})
	channels := []string{"a", "b", "c"}
	for range events {
		for _, name := range channels {
			ev := benchEvent
			ev.Channel = name
			h.benchPublish(b, ev)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		tally.expect(streams * events * len(channels))
		conns := make([]*Conn, streams)
		for i := range conns {
			conns[i] = h.Attach(Subscription{Channels: channels, Resume: "e-0", Transport: sink{tally}, Owner: tally})
		}
		<-tally.done
		for _, c := range conns {
			c.Lost()
		}
		for h.Streams() > 0 {
			h.shards[0].sync()
			h.shards[len(h.shards)-1].sync()
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*streams*events*len(channels)), "ns/delivery")
}

// sync returns when the shard has read its mail.
func (s *shard) sync() {
	read := make(chan struct{})
	s.post(func() { close(read) })
	<-read
}

// A stream of 3 channels comes and goes, while 1000 others are there.
func BenchmarkAttachDetach(b *testing.B) {
	h, tally := benchHub(b, eventlog.Options{})
	channels := []string{"a", "b", "c"}
	sub := Subscription{Channels: channels, Transport: sink{tally}, Owner: tally}
	for range 1000 {
		h.Attach(sub)
	}
	b.ReportAllocs()
	for b.Loop() {
		c := h.Attach(sub)
		c.Lost()
		c.shard.sync()
	}
}
