package eventlog

import (
	"context"
	"flag"
	"fmt"
	"runtime"
	"strings"
	"testing"
)

var manyChannels = flag.Int("channels", 100_000, "channels that the budget tests publish to; try 1000000")

// The budget covers what the process really holds: whatever is published, the
// heap grows by no more than half beyond it, and the charges never pass it.
func TestBudgetHoldsHeap(t *testing.T) {
	n := *manyChannels
	budget := int64(n) * 168 // 16 MiB at the default
	payload := []byte(`"a payload of a common size, a bit less than 100 bytes with all that is around it"`)
	for _, load := range []struct {
		name string
		opts Options
		each func(i int) (channel, key string, events int)
		n    int // appends
	}{
		{"OneEventEach", Options{}, func(i int) (string, string, int) { return fmt.Sprint("once.", i), "", 1 }, n},
		{"LongNames", Options{}, func(i int) (string, string, int) { return strings.Repeat("n", 240) + fmt.Sprint(i), "", 1 }, n},
		{"OneEventKept", Options{Events: 1}, func(i int) (string, string, int) { return fmt.Sprint("one.", i%(n/2)), "", 1 }, n},
		{"OneChannel", Options{Events: 1 << 30, Bytes: 1 << 40}, func(int) (string, string, int) { return "one", "", 1 }, 2 * n},
		{"Keys", Options{}, func(i int) (string, string, int) { return fmt.Sprint("k.", i%(n/200)), fmt.Sprint(i), 1 }, 2 * n},
		// Channels that once kept much and now keep little.
		{"Bursts", Options{}, func(i int) (string, string, int) {
			channel := fmt.Sprint("burst.", i%(n/80))
			if i%97 == 0 {
				return channel, "", 1000
			}
			return channel, "", 1
		}, n / 2},
	} {
		t.Run(load.name, func(t *testing.T) {
			load.opts.Budget = budget
			before := heap()
			m := NewMemory(load.opts)
			var batch []Event
			for i := range load.n {
				channel, key, events := load.each(i)
				for range events {
					batch = append(batch, Event{Channel: channel, Type: "message", Payload: payload, Key: key})
				}
				if len(batch) < 100 && i < load.n-1 {
					continue
				}
				if _, err := m.Append(context.Background(), batch); err != nil {
					t.Fatal(err)
				}
				clear(batch)
				batch = batch[:0]
				if s := m.Stats(); s.Bytes > s.Budget {
					t.Fatalf("%d bytes are charged with a budget of %d", s.Bytes, s.Budget)
				}
			}
			batch = nil
			grown := heap() - before
			s := m.Stats()
			t.Logf("%d channels, %.1f MiB charged, %.1f MiB in the heap, of %.1f",
				s.Channels, mib(s.Bytes), mib(grown), mib(s.Budget))
			if grown > s.Budget+s.Budget/2 {
				t.Errorf("the heap grew by %.1f MiB with a budget of %.1f", mib(grown), mib(s.Budget))
			}
			if s.Bytes < s.Budget/2 {
				t.Errorf("only %.1f MiB are charged: the test didn't reach the budget", mib(s.Bytes))
			}
			check(t, m)
			if err := m.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// heap returns the bytes of live objects.
func heap() int64 {
	runtime.GC()
	runtime.GC() // the first may leave what finalizers and pools held
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}

func mib(n int64) float64 { return float64(n) / (1 << 20) }
