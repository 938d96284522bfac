package reply

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

// take takes n bytes, all or nothing.
func (q *Quota) take(n int64) bool {
	if q.Held.Add(n) > q.Limit && n > 0 {
		q.Held.Add(-n)
		q.Refused.Add(1)
		return false
	}
	return true
}

// give gives back what take took.
func (q *Quota) give(n int64) { q.Held.Add(-n) }
