package hooks

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/presence"
)

// BenchmarkJoins is the cost of a client that comes online and joins one channel, reported to one local endpoint: two
// events, from the edges to the answer.
func BenchmarkJoins(b *testing.B) {
	var came atomic.Int64
	wake := make(chan struct{}, 1)
	endpoint := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var m message
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			b.Error(err)
		}
		came.Add(int64(len(m.Events)))
		poke(wake)
	}))
	defer endpoint.Close()
	h, err := New(context.Background(), Options{Endpoints: []Endpoint{{URL: endpoint.URL, Secrets: []string{secretA}, AllowPrivate: true}}})
	if err != nil {
		b.Fatal(err)
	}
	h.Start(func(string, string) bool { return true })
	now := time.Now()
	edges := make([]presence.Edge, 0, 2*b.N)
	for i := range b.N {
		id := fmt.Sprint("client", i)
		edges = append(edges, presence.Edge{Kind: presence.Join, Channel: presence.Everyone, ClientID: id, Time: now},
			presence.Edge{Kind: presence.Join, Channel: "room", ClientID: id, Time: now})
	}
	b.ReportAllocs()
	b.ResetTimer()
	end := reportCPU(b)
	for len(edges) > 0 {
		n := min(2000, len(edges)) // what a feed takes at once
		h.Edges(edges[:n])
		edges = edges[n:]
		for came.Load()+20_000 < int64(2*b.N-len(edges)) { // joins come no faster than they are reported
			<-wake
		}
	}
	for came.Load() < int64(2*b.N) {
		<-wake
	}
	b.StopTimer()
	end()
	if err := h.Close(context.Background()); err != nil {
		b.Fatal(err)
	}
}
