package hub

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"

	"rollcall/hub/eventlog"
)

// The cost of an event on one of 100 000 channels, for one stream on a pattern: alone, and beside 100 000 streams that each follow
// one of the channels by its name, by a pattern, or follow a pattern of other channels; and the memory of one of those.
func BenchmarkPatterns(b *testing.B) {
	const channels, batch = 100_000, 1000
	events := make([]eventlog.Event, channels)
	for i := range events {
		events[i] = eventlog.Event{Channel: fmt.Sprintf("orders.%d.paid", i), Type: "message", Payload: benchEvent.Payload}
	}
	for _, with := range []struct {
		name, others string
		each         int // streams beside it that get an event
	}{{"alone", "", 0}, {"names=100000", "orders.%d.paid", 1}, {"patterns=100000", "orders.%d.*", 1}, {"foreign=100000", "invoices.%d.*", 0}} {
		b.Run(with.name, func(b *testing.B) {
			h, _ := benchHub(b, eventlog.Options{Budget: 1 << 30})
			got := &eventTally{done: make(chan struct{}, 1)}
			h.Attach(Subscription{Channels: []string{"orders.*.paid"}, From: FromNow, Transport: got, Owner: got})
			streams, before, size := 1+with.each, heap(), uint64(0)
			if with.others != "" {
				for i := range channels {
					h.Attach(Subscription{Channels: []string{fmt.Sprintf(with.others, i)}, From: FromNow, Transport: got, Owner: got})
				}
				h.Stats() // when all are attached
				size = heap() - before
			}
			at := 0
			publish := func() {
				got.want.Add(int64(streams * batch))
				if _, err := h.Publish(context.Background(), events[at:at+batch]); err != nil {
					b.Fatal(err)
				}
				<-got.done
				at = (at + batch) % channels
			}
			for range channels / batch { // each channel is matched once before
				publish()
			}
			b.ResetTimer()
			for b.Loop() {
				publish()
			}
			b.ReportMetric(float64(size)/channels, "B/stream")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch), "ns/event")
		})
	}
}

// eventTally is a Transport and an Owner that counts events, whatever the writes that they come in.
type eventTally struct {
	tally
	events, want atomic.Int64
	done         chan struct{}
}

func (y *eventTally) Open(*Conn)    {}
func (y *eventTally) Chunked() bool { return false }
func (y *eventTally) Close(bool)    {}

func (y *eventTally) Write(bufs [][]byte) (n int, err error) {
	events := 0
	for _, b := range bufs {
		n += len(b)
		events += bytes.Count(b, []byte("\nevent: message\n"))
	}
	if events > 0 && y.events.Add(int64(events)) == y.want.Load() {
		y.done <- struct{}{}
	}
	return n, nil
}

// heap returns the bytes of live objects.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
