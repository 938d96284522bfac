package hub

import (
	"math"
	"math/bits"
	"time"
)

// Histogram counts durations in buckets that grow by a quarter of a power of two, up to two minutes: a quantile is at
// most 25 % too long, and below 4 µs at most 1 µs. Longer durations count as two minutes. The zero value is empty. It
// is a plain value: copy it, and subtract an older copy to get the difference.
type Histogram [histogramBuckets]uint64

const histogramBuckets = 4 * 26

// add counts n durations of about d.
func (h *Histogram) add(d time.Duration, n uint64) { h[bucketOf(d)] += n }

func bucketOf(d time.Duration) int {
	us := uint64(max(d, 0) / time.Microsecond)
	if us < 4 {
		return int(us)
	}
	power := bits.Len64(us) - 1 // at least 2
	return min(4*(power-1)+int(us>>(power-2)&3), histogramBuckets-1)
}

// bound returns the duration below which everything in bucket i is.
func bound(i int) time.Duration {
	if i < 4 {
		return time.Duration(i+1) * time.Microsecond
	}
	power := i/4 + 1
	return time.Duration((4+i%4+1)<<(power-2)) * time.Microsecond
}

// Within returns the number of durations in buckets that end at d or before.
func (h *Histogram) Within(d time.Duration) uint64 {
	n := uint64(0)
	for i, c := range h {
		if bound(i) > d {
			break
		}
		n += c
	}
	return n
}

// Sum returns about how long all durations were together: each counts as the middle
// of its bucket.
func (h *Histogram) Sum() time.Duration {
	sum, low := time.Duration(0), time.Duration(0)
	for i, c := range h {
		high := bound(i)
		sum += time.Duration(c) * ((low + high) / 2)
		low = high
	}
	return sum
}

// Count returns the number of durations.
func (h *Histogram) Count() uint64 {
	n := uint64(0)
	for _, c := range h {
		n += c
	}
	return n
}

// Quantile returns an upper bound of the fraction q (0 to 1) of the counted durations, 0 for an empty histogram.
func (h *Histogram) Quantile(q float64) time.Duration {
	total := h.Count()
	if total == 0 {
		return 0
	}
	rank := max(uint64(math.Ceil(q*float64(total))), 1)
	n := uint64(0)
	for i, c := range h {
		if n += c; n >= rank {
			return bound(i)
		}
	}
	return bound(histogramBuckets - 1)
}

// Since returns the durations counted after the older copy was taken.
func (h *Histogram) Since(older *Histogram) Histogram {
	var d Histogram
	for i := range h {
		d[i] = h[i] - older[i]
	}
	return d
}

// Add adds another histogram.
func (h *Histogram) Add(other *Histogram) {
	for i, c := range other {
		h[i] += c
	}
}
