package bench

import "time"

// usage is what a set of processes has used.
type usage struct {
	cpu time.Duration // of all threads, since the processes began
	pss int64         // proportional set size in bytes, now
	rss int64         // resident set size in bytes, now
}
