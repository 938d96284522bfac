package presence

import (
	"fmt"
	"runtime"
	"testing"
	"time"
)

// populate fills a registry with clients of one connection on three channels, of
// which one has everybody and the others a hundred each.
func populate(r *Registry, n int) []*Connection {
	conns := make([]*Connection, n)
	for i := range conns {
		conns[i] = &Connection{ID: fmt.Sprintf("conn-%013d", i), ClientID: fmt.Sprintf("user-%08d", i), ConnectedAt: time.Now()}
	}
	hundreds := make([]string, n/100+2)
	for i := range hundreds {
		hundreds[i] = fmt.Sprintf("room.%d", i)
	}
	for i, c := range conns {
		r.Join(c, []string{"lobby", hundreds[i/100], hundreds[i/100+1]}, nil)
		if i%1000 == 0 {
			takeAll(r)
		}
	}
	takeAll(r)
	return conns
}

// A client comes to three channels and leaves them, its edges are taken, while
// 10 000 others are there.
func BenchmarkChurn(b *testing.B) {
	for _, grace := range []time.Duration{0, time.Nanosecond} {
		b.Run("grace="+grace.String(), func(b *testing.B) {
			r := NewRegistry(grace)
			populate(r, 10_000)
			channels := []string{"lobby", "room.1", "room.2"}
			b.ReportAllocs()
			for b.Loop() {
				c := &Connection{ID: "c", ClientID: "somebody"}
				r.Join(c, channels, nil)
				r.Leave(c)
				r.Expire()
				takeAll(r)
			}
		})
	}
}

// What a client with one connection on three channels costs, its Connection (and
// the names in it) included.
func BenchmarkMemory(b *testing.B) {
	const n = 100_000
	var bytes float64
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		r := NewRegistry(0)
		conns := populate(r, n)
		runtime.GC()
		runtime.ReadMemStats(&after)
		bytes = float64(after.HeapAlloc) - float64(before.HeapAlloc)
		runtime.KeepAlive(r)
		runtime.KeepAlive(conns)
	}
	b.ReportMetric(bytes/n, "B/client")
}

// The first page of a long list.
func BenchmarkClients(b *testing.B) {
	r := NewRegistry(0)
	populate(r, 10_000)
	b.ReportAllocs()
	for b.Loop() {
		if page, _, _ := r.Clients(Query{Limit: 100}); len(page) != 100 {
			b.Fatal(len(page))
		}
	}
}

// One client with very many connections, each on a channel of its own too: the
// time for a connection to come and go should not depend on how many there are.
func BenchmarkOneClient(b *testing.B) {
	for _, n := range []int{10, 1000, 10_000} {
		b.Run(fmt.Sprintf("connections=%d", n), func(b *testing.B) {
			r := NewRegistry(0)
			for i := range n {
				come(r, fmt.Sprint(i), "guest", "", "lobby", fmt.Sprint("room.", i))
			}
			channels := []string{"lobby", "room.x"}
			b.ReportAllocs()
			for b.Loop() {
				c := &Connection{ID: "c", ClientID: "guest"}
				r.Join(c, channels, nil)
				r.Leave(c)
				takeAll(r)
			}
		})
	}
}

// A connection of a client that is on a million channels comes and goes, as connections of
// one key or token may: what ends costs what it held, not what the client holds.
func BenchmarkDeparture(b *testing.B) {
	for _, n := range []int{1, 1000} {
		b.Run(fmt.Sprintf("connections=%d", n), func(b *testing.B) {
			r := NewRegistry(time.Nanosecond)
			for i := range n {
				names := make([]string, 1000)
				for j := range names {
					names[j] = fmt.Sprintf("room.%d.%d", i, j)
				}
				come(r, fmt.Sprint(i), "guest", "", names...)
				takeAll(r)
			}
			channels := []string{"room.x"}
			b.ReportAllocs()
			for b.Loop() {
				c := &Connection{ID: "c", ClientID: "guest"}
				r.Join(c, channels, nil)
				r.Leave(c)
				r.Expire()
				takeAll(r)
			}
		})
	}
}
