package web

import "sync/atomic"

// quota bounds what all requests together take of one kind of memory. Its methods
// are safe for concurrent use.
type quota struct {
	limit   int64 // static
	held    atomic.Int64
	refused atomic.Uint64
}

// take takes n bytes, all or nothing.
func (q *quota) take(n int64) bool {
	if q.held.Add(n) > q.limit && n > 0 {
		q.held.Add(-n)
		q.refused.Add(1)
		return false
	}
	return true
}

// give gives back what take took.
func (q *quota) give(n int64) { q.held.Add(-n) }
