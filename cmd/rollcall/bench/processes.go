package bench

import "time"

// usage is the consumption of a set of processes.
type usage struct {
	cpu time.Duration // of all threads, since the processes began
	pss int64         // proportional set size in bytes, now
	rss int64         // resident set size in bytes, now
}
