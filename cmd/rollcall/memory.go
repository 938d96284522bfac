package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// How much garbage may gather before it is collected: half of what is live, so that a full history takes not much
// more than its budget, and some more, which a small server would else collect every few megabytes: that was an
// eighth of what accepting a stream costs.
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

// tuneGC looks after the process's memory until ctx ends. It tunes the garbage collector, unless GOGC in the
// environment does; and after a crowd of streams has come or gone it collects and gives back at once what they left,
// which an idle server would else keep for minutes.
func tuneGC(ctx context.Context, streams func() int) {
	tuned := os.Getenv("GOGC") != ""
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	var percent, tidied, last, looks int
	for {
		if want := collectAt(); !tuned && (want > percent*5/4 || want < percent*4/5) {
			debug.SetGCPercent(want)
			percent = want
		}
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

// collectAt returns the percentage of the live heap that may gather as garbage.
func collectAt() int {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	return garbagePercent + min(100*garbageBytes/int(max(live[0].Value.Uint64(), 1)), mostPercent-garbagePercent)
}
