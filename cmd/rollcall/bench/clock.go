package bench

import "time"

// clock returns Unix time in nanoseconds without steps: it is read once at the start and then follows the monotonic
// clock. It is safe for concurrent use.
type clock struct {
	base  time.Time
	nanos int64 // Unix time of base
}

func newClock() clock {
	now := time.Now()
	return clock{base: now, nanos: now.UnixNano()}
}

// now is the present in nanoseconds since 1970.
func (c clock) now() int64 { return c.nanos + int64(time.Since(c.base)) }
