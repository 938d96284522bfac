package presence

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Clients come and go on all cores while the edges are taken and snapshots made.
// Every snapshot is the state that the edges up to its version add up to, edges
// make sense one by one, and when all have left nothing is kept.
func TestConcurrent(t *testing.T) {
	for _, grace := range []time.Duration{0, time.Second} {
		t.Run(grace.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { runCrowd(t, grace) })
		})
	}
}

func runCrowd(t *testing.T, grace time.Duration) {
	const workers, steps = 6, 400
	channels := []string{Everyone, "a", "b", "c"}
	r := NewRegistry(grace)
	var work, rest sync.WaitGroup
	for w := range workers {
		work.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(w), 1))
			var open []*Connection
			for i := range steps {
				if n := len(open); n > 0 && (n > 4 || rng.IntN(2) == 0) {
					at := rng.IntN(n)
					r.Leave(open[at])
					if rng.IntN(4) == 0 {
						r.Leave(open[at])
					}
					open = slices.Delete(open, at, at+1)
				} else {
					info := []string{"", `{"n":1}`, `{"n":2}`}[rng.IntN(3)]
					on := slices.Clone(channels[1:])
					rng.Shuffle(len(on), func(i, j int) { on[i], on[j] = on[j], on[i] })
					open = append(open, come(r, fmt.Sprint(w, ".", i), fmt.Sprint("u", rng.IntN(5)), info, on[:rng.IntN(4)]...))
				}
				if rng.IntN(20) == 0 {
					time.Sleep(grace / 7)
				}
			}
			for _, conn := range open {
				r.Leave(conn)
			}
		})
	}
	// As package web does it: one reader takes the edges and sees to it that those
	// go whose grace has passed.
	quit := make(chan struct{})
	var edges []Edge
	rest.Go(func() {
		timer := time.NewTimer(time.Hour)
		defer timer.Stop()
		for {
			r.Expire()
			edges = append(edges, takeAll(r)...)
			pause := time.Hour
			if at, ok := r.Next(); ok {
				pause = time.Until(at)
			}
			timer.Reset(max(pause, 0))
			select {
			case <-r.Changed():
			case <-timer.C:
			case <-quit:
				return
			}
		}
	})
	var shots []*replay
	rest.Go(func() {
		for range 300 {
			lists, version := r.Snapshot(channels...)
			shots = append(shots, replayOf(channels, lists, version))
			_, _, _ = r.Clients(Query{Search: "1", Limit: 2})
			_, _, _ = r.Channels(Query{})
			if c, conns, ok := r.Client("u1"); ok && c.Connections != len(conns) {
				t.Errorf("%d connections, %d listed", c.Connections, len(conns))
			}
			time.Sleep(grace / 50)
		}
	})
	work.Wait()
	time.Sleep(2 * grace)
	synctest.Wait()
	close(quit)
	rest.Wait()
	edges = append(edges, takeAll(r)...)

	state := newReplay()
	slices.SortStableFunc(shots, func(a, b *replay) int { return int(a.version) - int(b.version) })
	compared := 0
	for i := 0; ; i++ {
		for ; compared < len(shots) && shots[compared].version == state.version; compared++ {
			shots[compared].want(t, state)
		}
		if i == len(edges) {
			break
		}
		state.apply(t, &edges[i])
	}
	if compared < len(shots) || len(state.on) > 0 {
		t.Errorf("%d of %d snapshots compared, %d channels left", compared, len(shots), len(state.on))
	}
	checkEmpty(t, r)
	t.Logf("%d edges, %d snapshots", len(edges), len(shots))
}
