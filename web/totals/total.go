package totals

import (
	"math"
)

// Total is one kind of what the server holds, which is bounded over all requests.
type Total struct {
	Kind  string // label of the metrics
	What  string // for people
	Bytes bool   // otherwise they are counted
	Held  int64
	Limit int64  // 0 means none, and that none is counted
	By    string // the flag that sets the limit; empty for none
}

// Count returns a total of what is counted.
func Count(kind, what string, held, limit int64, by string) Total {
	return Total{Kind: kind, What: what, Held: held, Limit: limit, By: by}
}

// Size returns a total of bytes.
func Size(kind, what string, held, limit int64, by string) Total {
	return Total{Kind: kind, What: what, Bytes: true, Held: held, Limit: limit, By: by}
}

// Max returns the limit as a metric has it.
func (t Total) Max() float64 {
	if t.Limit == 0 {
		return math.Inf(1)
	}
	return float64(t.Limit)
}
