package disklog

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/hub/eventlog"
)

// BenchmarkAppend measures events of 300 bytes from so many publishers, so many in a batch, on the disk before the answer.
func BenchmarkAppend(b *testing.B) {
	for _, shape := range [][2]int{{1, 1}, {16, 1}, {64, 1}, {1, 100}, {16, 100}} {
		b.Run(fmt.Sprintf("%dx%d", shape[0], shape[1]), func(b *testing.B) {
			l := open(b, b.TempDir(), Options{})
			var left atomic.Int64
			left.Store(int64(b.N))
			b.ReportAllocs()
			b.ResetTimer()
			began := time.Now()
			var wg sync.WaitGroup
			for p := range shape[0] {
				wg.Go(func() {
					events := make([]eventlog.Event, shape[1])
					for i := range events {
						events[i] = big(fmt.Sprintf("channel.%d", (p*shape[1]+i)%1000), 300)
					}
					for left.Add(-int64(len(events))) > -int64(len(events)) {
						if _, err := l.Append(context.Background(), events); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "events/s")
		})
	}
}

// BenchmarkOpen measures the start with kept events of 100 bytes in 1 000 channels, of which the memory has room for all of the
// first number, and for some of the second.
func BenchmarkOpen(b *testing.B) {
	for _, n := range []int{1_000_000, 10_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			dir := b.TempDir()
			keep := eventlog.Options{Events: n, Bytes: 1 << 30, Age: -1, Budget: 500 << 20}
			l, err := Open(dir, Options{Relaxed: true, Keep: keep})
			if err != nil {
				b.Fatal(err)
			}
			for at := 0; at < n; {
				events := make([]eventlog.Event, 1000)
				for i := range events {
					events[i] = big(fmt.Sprintf("channel.%d", i), 100)
				}
				if _, err := l.Append(context.Background(), events); err != nil {
					b.Fatal(err)
				}
				at += len(events)
			}
			if err := l.Close(); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				began := time.Now()
				l, err := Open(dir, Options{Relaxed: true, Keep: keep})
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(l.Stats().Events), "loaded")
				b.ReportMetric(float64(l.Status().Bytes)/1e6, "MB-on-disk")
				b.ReportMetric(time.Since(began).Seconds(), "s")
				if err := l.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
