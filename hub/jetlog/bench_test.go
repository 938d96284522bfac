package jetlog

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"rollcall/hub/eventlog"
)

// BenchmarkAppend is the time of one append after another: from the call until the
// event can be read.
func BenchmarkAppend(b *testing.B) {
	for _, c := range []struct {
		name string
		link func() *Link
		opts Options
	}{
		{"server", func() *Link { return newFleet(b, 1).link() }, Options{}},
		{"cluster", func() *Link { return newFleet(b, 3).link() }, Options{Replicas: 3}},
	} {
		for _, size := range []int{1, 2, 100} {
			b.Run(fmt.Sprintf("%s/events=%d", c.name, size), func(b *testing.B) {
				l := open(b, c.link(), fresh(c.opts))
				events := make([]eventlog.Event, size)
				for i := range events {
					events[i] = ev(fmt.Sprint("channel.", i%10), i)
					events[i].Payload = []byte(`"` + strings.Repeat("x", 90) + `"`)
				}
				for b.Loop() {
					if _, err := l.Append(context.Background(), events); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*size), "ns/event")
			})
		}
	}
}

// BenchmarkAppendParallel is many publishers of one event.
func BenchmarkAppendParallel(b *testing.B) {
	l := open(b, newFleet(b, 1).link(), Options{})
	b.SetParallelism(50)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := l.Append(context.Background(), []eventlog.Event{ev("a", 1)}); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkOpen is how fast a stream is loaded.
func BenchmarkOpen(b *testing.B) {
	const events = 100_000
	link := newFleet(b, 1).link()
	opts := fresh(Options{})
	l := open(b, link, opts)
	batch := make([]eventlog.Event, 1000)
	for i := range events / len(batch) {
		for k := range batch {
			batch[k] = ev(fmt.Sprint("channel.", k), i)
			batch[k].Payload = []byte(`"` + strings.Repeat("x", 90) + `"`)
		}
		publish(b, l, batch...)
	}
	closeLog(b, l)
	for b.Loop() {
		l := open(b, link, opts)
		if n := l.Stats().Events; n != events {
			b.Fatal(n)
		}
		closeLog(b, l)
	}
	b.ReportMetric(float64(events*b.N)/b.Elapsed().Seconds(), "events/s")
}
