package web

import "math"

// total is one kind of what the server holds, which is bounded over all requests.
type total struct {
	kind  string // label of the metrics
	what  string // for people
	bytes bool   // otherwise they are counted
	held  int64
	limit int64  // 0 means none, and that none is counted
	by    string // the flag that sets the limit; empty for none
}

// countOf returns a total of what is counted.
func countOf(kind, what string, held, limit int64, by string) total {
	return total{kind: kind, what: what, held: held, limit: limit, by: by}
}

// sizeOf returns a total of bytes.
func sizeOf(kind, what string, held, limit int64, by string) total {
	return total{kind: kind, what: what, bytes: true, held: held, limit: limit, by: by}
}

// max returns the limit as a metric has it.
func (t total) max() float64 {
	if t.limit == 0 {
		return math.Inf(1)
	}
	return float64(t.limit)
}
