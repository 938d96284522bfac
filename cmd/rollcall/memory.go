package main

import (
	"context"
	"runtime/debug"
	"time"
)

// How a server gives memory back: a crowd of more than crowd streams of which half has left, quiet for as many looks.
const (
	crowd     = 1000
	lookEvery = 5 * time.Second
	quiet     = 3
)

// giveBack returns memory to the system after a crowd has left, until ctx ends. Go's runtime would keep it until its
// next collection, which a server with little to do may not have for minutes.
func giveBack(ctx context.Context, streams func() int) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	peak, looks := 0, 0
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		n := streams()
		peak = max(peak, n)
		if peak < crowd || n > peak/2 {
			looks = 0
			continue
		}
		if looks++; looks == quiet {
			debug.FreeOSMemory()
			peak, looks = n, 0
		}
	}
}
