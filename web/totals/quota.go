package totals

import (
	"sync/atomic"
)

// Quota bounds what all requests together take of one kind of memory. Its methods
// are safe for concurrent use.
type Quota struct {
	Limit   int64 // static
	Held    atomic.Int64
	Refused atomic.Uint64
}

// Take takes n bytes, all or nothing. A negative n gives some back.
func (q *Quota) Take(n int64) bool {
	if q.Held.Add(n) > q.Limit && n > 0 {
		q.Held.Add(-n)
		q.Refused.Add(1)
		return false
	}
	return true
}

// Give gives back what Take took.
func (q *Quota) Give(n int64) { q.Held.Add(-n) }
