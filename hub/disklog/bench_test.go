package disklog

import (
	"context"
	"fmt"
	"math/rand/v2"
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

// BenchmarkWritten measures what is written to the disk for an event of 100 bytes over its life, from as many publishers: into the log
// of commits, the sorted files, and by compaction and sweeping. Channels keep a tenth of what is stored. Half of each payload
// is random.
func BenchmarkWritten(b *testing.B) {
	for _, shape := range [][2]int{{1, 1}, {64, 1}, {16, 100}} {
		b.Run(fmt.Sprintf("%dx%d", shape[0], shape[1]), func(b *testing.B) {
			l := open(b, b.TempDir(), Options{Keep: eventlog.Options{Events: max(b.N/1000/10, 10), Age: time.Hour}})
			var left atomic.Int64
			left.Store(int64(b.N))
			var wg sync.WaitGroup
			for p := range shape[0] {
				wg.Go(func() {
					random := rand.New(rand.NewPCG(1, uint64(p)))
					events := make([]eventlog.Event, shape[1])
					for left.Add(-int64(len(events))) > -int64(len(events)) {
						for i := range events {
							e := ev(fmt.Sprintf("channel.%d", random.IntN(1000)), 0)
							e.Payload = fmt.Appendf(nil, `"%048x%050d"`, random.Uint64(), i)
							for k := 1; k < 49; k += 16 {
								copy(e.Payload[k:], fmt.Sprintf("%016x", random.Uint64()))
							}
							events[i] = e
						}
						if _, err := l.Append(context.Background(), events); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			if err := l.store.Flush(); err != nil {
				b.Fatal(err)
			}
			if err := l.reclaim(); err != nil {
				b.Fatal(err)
			}
			m := l.store.Metrics()
			var flushed, compacted uint64
			for _, level := range m.Levels {
				flushed += level.TableBytesFlushed
				compacted += level.TableBytesCompacted
			}
			for unit, n := range map[string]uint64{
				"log-B/event": m.WAL.BytesWritten, "flushed-B/event": flushed, "compacted-B/event": compacted,
				"written-B/event": m.WAL.BytesWritten + flushed + compacted,
			} {
				b.ReportMetric(float64(n)/float64(b.N), unit)
			}
			b.ReportMetric(float64(m.DiskSpaceUsage())/float64(b.N), "left-B/event")
		})
	}
}
