//go:build unix

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// rollingChannels are the channels of the rolling restart; each client is on two of them.
const rollingChannels = 50

func rollingChannel(i int) string { return fmt.Sprint("r", i%rollingChannels) }

// rider is a client that lives through the rolling restart.
type rider struct {
	*source
	channels []string

	mu   sync.Mutex
	seqs []uint64 // of the events that came, in order
	bad  string   // the first thing that should not have come
}

func (r *rider) take(e sse) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch e.kind {
	case "message":
		_, seq := position(e.id)
		r.seqs = append(r.seqs, seq)
	case "gap":
		if r.bad == "" {
			r.bad = e.data
		}
	}
}

func (r *rider) got() (seqs []uint64, bad string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.seqs), r.bad
}

// observer watches the presence stream, and notes each change of a rider.
type observer struct {
	*source
	riders int

	mu        sync.Mutex
	snapshots int
	bad       []string
}

func (o *observer) take(e sse) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch e.kind {
	case "join", "leave":
		o.bad = append(o.bad, e.kind+" "+e.data)
	case "snapshot":
		o.snapshots++
		if n := strings.Count(e.data, `"clientId":"rider`); n != o.riders {
			o.bad = append(o.bad, fmt.Sprintf("a snapshot of %d riders by %s", n, e.base))
		}
	}
}

func (o *observer) got() (snapshots int, bad []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.snapshots, slices.Clone(o.bad)
}

// trickle publishes 50 events a second to servers at random, each until it is acknowledged. When stopped, it returns
// their numbers in the log by channel.
func trickle(t *testing.T, client *http.Client, bases []string) (published *atomic.Int64, end func() map[string][]uint64) {
	ctx, cancel := context.WithCancel(t.Context())
	published = new(atomic.Int64)
	seqs := make(map[string][]uint64)
	var done sync.WaitGroup
	done.Go(func() {
		ticker := time.NewTicker(time.Second / 50)
		defer ticker.Stop()
		for n := 0; ctx.Err() == nil; n++ {
			<-ticker.C
			e := event{Channel: rollingChannel(rand.IntN(rollingChannels)), Type: "message", Payload: fmt.Sprint(n), Key: fmt.Sprint("rolling", n)}
			for {
				p := post(client, bases[rand.IntN(len(bases))], e)
				if p.Status == http.StatusOK {
					_, seq := position(p.Events[0].ID)
					seqs[e.Channel] = append(seqs[e.Channel], seq)
					published.Add(1)
					break
				}
				if t.Context().Err() != nil { // the test has failed
					return
				}
				if p.Status != 0 && p.Status != http.StatusServiceUnavailable && p.Status != http.StatusTooManyRequests {
					t.Errorf("publish: %+v", p)
					return
				}
			}
		}
	})
	t.Cleanup(func() { cancel(); done.Wait() })
	return published, func() map[string][]uint64 { cancel(); done.Wait(); return seqs }
}

func TestRollingRestart(t *testing.T) {
	t.Parallel()
	streams := rollingStreams
	if testing.Short() {
		streams = 100
	}
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err == nil && files.Max < uint64(streams+500) {
		t.Skipf("%d streams need more than the %d open files that are allowed", streams, files.Max)
	}
	nodes, bases := newFleet(t, 1).nodes(3, "--presence-grace=10s")
	client := patient(t)
	live := new(atomic.Int64)
	riders := make([]*rider, streams)
	for i := range riders {
		r := &rider{channels: []string{rollingChannel(i), rollingChannel(i + 1 + i/rollingChannels%(rollingChannels-1))}}
		r.source = &source{
			path:  fmt.Sprintf("/subscribe?clientId=rider%d&channels=%s,%s", i, r.channels[0], r.channels[1]),
			bases: bases, at: i, on: r.take, live: live,
		}
		riders[i] = r
		r.run(t)
		defer r.cancel() // none comes back once the test is over
	}
	total := func(base string) int {
		return decoded[struct{ Total int }](t, client, base+"/presence/clients?limit=1").Total
	}
	settled := func() {
		t.Helper()
		until(t, "all streams are open", func() bool { return live.Load() == int64(streams) })
		for _, base := range bases {
			until(t, "all riders are known to "+base, func() bool { return total(base) == streams })
		}
	}
	settled()
	o := &observer{riders: streams}
	o.source = &source{path: "/presence/stream", bases: bases, on: o.take}
	o.run(t)
	until(t, "the observer sees", func() bool { n, _ := o.got(); return n == 1 })

	published, end := trickle(t, client, bases)
	more := func(n int64) {
		t.Helper()
		goal := published.Load() + n
		until(t, "more is published", func() bool { return published.Load() >= goal })
	}
	for _, n := range nodes {
		more(25)
		n.signal(syscall.SIGTERM)
		n.wantExit(0)
		more(5)
		n.again()
		settled()
	}
	more(25)
	seqs := end()
	for i, r := range riders {
		want := slices.Sorted(slices.Values(append(slices.Clone(seqs[r.channels[0]]), seqs[r.channels[1]]...)))
		until(t, fmt.Sprintf("rider %d has all events", i), func() bool { got, _ := r.got(); return len(got) >= len(want) })
		if got, bad := r.got(); !slices.Equal(got, want) || bad != "" {
			t.Errorf("rider %d got %v, want %v; gap: %q", i, got, want, bad)
		}
	}
	if snapshots, bad := o.got(); len(bad) > 0 || snapshots != 4 {
		t.Errorf("the observer got %d snapshots, want 4, and saw %d changes: %.1000q", snapshots, len(bad), bad)
	}
	t.Logf("%d streams, %d events", streams, published.Load())
}
