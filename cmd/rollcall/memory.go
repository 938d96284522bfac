package main

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// The garbage that may accumulate before a collection: half of the live memory, so that a full history takes little
// more than its budget, plus a constant. Without the constant a small server would collect every few megabytes, which
// was an eighth of the cost of accepting a stream.
const (
	garbagePercent = 50
	garbageBytes   = 16 << 20
	mostPercent    = 400
)

// When memory is given back: the streams have become more or fewer by so many and by an eighth, and have then been
// steady for so many looks.
const (
	crowd     = 1000
	lookEvery = time.Second
	steady    = 2
)

// tuneGC tunes the garbage collector until ctx ends, unless GOGC in the environment does. After many streams have come
// or gone, it collects and returns memory at once, which an idle server would otherwise keep for minutes.
func tuneGC(ctx context.Context, streams func() int) {
	if os.Getenv("GOGC") == "" {
		tune := percentSetter()
		tune()
		afterEachGC(ctx, tune)
	}
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	var tidied, last, looks int
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		n := streams()
		if moved := max(n-last, last-n); moved > last/100 {
			looks = 0
		} else {
			looks++
		}
		last = n
		if changed := max(n-tidied, tidied-n); looks >= steady && changed >= crowd && changed > max(n, tidied)/8 {
			debug.FreeOSMemory()
			tidied = n
		}
	}
}

// percentSetter returns a function that has as much garbage gather as fits the live heap of now.
func percentSetter() func() {
	percent := 0
	return func() {
		if want := collectAt(); want > percent*5/4 || want < percent*4/5 {
			debug.SetGCPercent(want)
			percent = want
		}
	}
}

// afterEachGC has f called after each garbage collection until ctx ends, one call at a time. A timer would be too slow: within
// a second a crowd makes ten times the heap live that the percentage was chosen for.
func afterEachGC(ctx context.Context, f func()) {
	type sentinel struct{ _ *byte } // a pointer keeps it out of the allocator's shared blocks
	var watch func()
	watch = func() {
		runtime.AddCleanup(new(sentinel), func(struct{}) {
			if ctx.Err() == nil {
				f()
				watch()
			}
		}, struct{}{})
	}
	watch()
}

// collectAt returns the percentage of the live heap that may gather as garbage.
func collectAt() int {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	return garbagePercent + min(100*garbageBytes/int(max(live[0].Value.Uint64(), 1)), mostPercent-garbagePercent)
}
