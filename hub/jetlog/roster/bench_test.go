package roster

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// body is as long as what a connection is said to be.
var body = []byte(`{"clientId":"user-123456","info":{"name":"Somebody"},"channels":["news","room-42","room-43"],"remoteAddr":"192.0.2.17","userAgent":"` +
	strings.Repeat("Mozilla ", 12) + `","protocol":"HTTP/2.0","connectedAt":"2026-01-01T00:00:00Z"}`)

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func heap() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / (1 << 20)
}

// bench opens a roster with the usual lease, whose changes are only counted.
func bench(b *testing.B, s *server.Server, name string) *watched {
	w := &watched{t: b, nc: connect(b, s.ClientURL()), done: make(chan struct{}), light: true}
	w.open(Options{Stream: "ROSTER", Prefix: "roster", Node: name})
	return w
}

func (w *watched) entriesSeen() int {
	n := 0
	for _, node := range w.Nodes() {
		if !node.Self {
			n += node.Entries
		}
	}
	return n
}

// BenchmarkSync is 100 000 entries of 4 nodes: until all nodes have all of them, and
// until a new node has them. The memory is that of the server and all nodes together,
// then of one more node.
func BenchmarkSync(b *testing.B) {
	const entries, nodes = 100_000, 4
	for range b.N {
		s, stop := serve(b, server.Options{})
		empty := heap()
		var list []*watched
		for i := range nodes {
			list = append(list, bench(b, s, strconv.Itoa(i)))
		}
		began, used := time.Now(), cpu()
		for _, w := range list {
			for i := range entries / nodes {
				if err := w.Put(fmt.Sprintf("connection-%012d", i), body); err != nil {
					b.Fatal(err)
				}
			}
		}
		for _, w := range list {
			within(b, time.Minute, "all is seen", func() bool { return w.entriesSeen() == entries/nodes*(nodes-1) })
		}
		b.ReportMetric(float64(time.Since(began).Milliseconds()), "ms-to-fill")
		b.ReportMetric(float64((cpu() - used).Milliseconds()), "cpu-ms-to-fill")
		full := heap()
		b.ReportMetric(full-empty, "MiB-all")
		began, used = time.Now(), cpu()
		late := bench(b, s, "late")
		within(b, time.Minute, "all is seen", func() bool { return late.entriesSeen() == entries })
		b.ReportMetric(float64(time.Since(began).Milliseconds()), "ms-to-sync")
		b.ReportMetric(float64((cpu() - used).Milliseconds()), "cpu-ms-to-sync")
		b.ReportMetric(heap()-full, "MiB-late")
		for _, w := range append(list, late) {
			w.crash()
		}
		stop()
	}
}

// BenchmarkChurn is 1 000 joins and 1 000 leaves a second on 3 nodes of 10 000
// entries: what that costs in CPU, server and all nodes together.
func BenchmarkChurn(b *testing.B) {
	const nodes, present, seconds = 3, 9999, 5
	for range b.N {
		s, stop := serve(b, server.Options{})
		var list []*watched
		for i := range nodes {
			list = append(list, bench(b, s, strconv.Itoa(i)))
		}
		for i := range present {
			_ = list[i%nodes].Put(strconv.Itoa(i), body)
		}
		for _, w := range list {
			within(b, time.Minute, "all is seen", func() bool { return w.entriesSeen() == present/nodes*(nodes-1) })
		}
		used, began := cpu(), time.Now()
		tick := time.NewTicker(10 * time.Millisecond)
		next := present
		for range 100 * seconds {
			<-tick.C
			for range 10 {
				_ = list[next%nodes].Put(strconv.Itoa(next), body)
				_ = list[(next-present)%nodes].Delete(strconv.Itoa(next - present))
				next++
			}
		}
		tick.Stop()
		b.ReportMetric(100*float64(cpu()-used)/float64(time.Since(began)), "%cpu")
		stop()
		for _, w := range list {
			w.crash()
		}
	}
}

// BenchmarkIdle is 3 nodes with 10 000 entries and nothing to do.
func BenchmarkIdle(b *testing.B) {
	const nodes, present, seconds = 3, 9999, 15
	for range b.N {
		s, stop := serve(b, server.Options{})
		var list []*watched
		for i := range nodes {
			list = append(list, bench(b, s, strconv.Itoa(i)))
		}
		for i := range present {
			_ = list[i%nodes].Put(strconv.Itoa(i), body)
		}
		for _, w := range list {
			within(b, time.Minute, "all is seen", func() bool { return w.entriesSeen() == present/nodes*(nodes-1) })
		}
		total := func() (msgs, bytes float64) {
			v, err := s.Varz(nil)
			if err != nil {
				b.Fatal(err)
			}
			return float64(v.InMsgs + v.OutMsgs), float64(v.InBytes + v.OutBytes)
		}
		used, began := cpu(), time.Now()
		msgs, bytes := total()
		<-time.After(seconds * time.Second)
		m, by := total()
		took := time.Since(began)
		b.ReportMetric((m-msgs)/took.Seconds(), "msgs/s")
		b.ReportMetric((by-bytes)/took.Seconds(), "B/s")
		b.ReportMetric(100*float64(cpu()-used)/float64(took), "%cpu")
		stop()
		for _, w := range list {
			w.crash()
		}
	}
}
