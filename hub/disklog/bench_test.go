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
