package main

import (
	"context"
	"runtime"
	"runtime/debug"
	"time"
)

// ballastBytes is a piece of the heap that is never touched, so that it takes no memory, but that Go's collector
// reckons with: it lets the garbage of a small server grow so far before it collects. A server with few streams would
// otherwise collect every 4 MB, which was an eighth of what accepting a stream costs.
const ballastBytes = 16 << 20

// When memory is given back: the streams have become more or fewer by so many and by an eighth, and have then been
// steady for so many looks.
const (
	crowd     = 1000
	lookEvery = time.Second
	steady    = 2
)

// keepHouse looks after the process's memory until ctx ends. After a crowd of streams has come or gone it collects and
// gives back at once what they left; an idle server would else keep it for minutes.
func keepHouse(ctx context.Context, streams func() int) {
	ballast := make([]byte, ballastBytes)
	defer runtime.KeepAlive(&ballast)
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	tidied, last, looks := 0, 0, 0
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
