package bench

import (
	"math"
	"math/bits"
	"time"
)

// Buckets are linear in 64 steps within each power of two, so a quantile is at most 1.6 % off.
const (
	subBits    = 6
	subBuckets = 1 << subBits
	maxExp     = 34 // the last power of two starts at 2^40 ns, 18 minutes
	buckets    = (maxExp + 2) * subBuckets
)

// histogram counts durations in fixed log-linear buckets. The zero value is empty and ready.
// Recording allocates nothing. It is not safe for concurrent use.
type histogram struct {
	counts [buckets]uint64
	total  uint64
	sum    float64 // nanoseconds
	max    int64   // nanoseconds
}

// record counts one duration in nanoseconds; a negative one counts as zero, one that is beyond
// the last bucket in the last.
func (h *histogram) record(nanos int64) {
	nanos = max(nanos, 0)
	h.counts[bucket(nanos)]++
	h.total++
	h.sum += float64(nanos)
	h.max = max(h.max, nanos)
}

// add counts everything that other has counted.
func (h *histogram) add(other *histogram) {
	for i, n := range other.counts {
		h.counts[i] += n
	}
	h.total += other.total
	h.sum += other.sum
	h.max = max(h.max, other.max)
}

// quantile returns the duration that a share q (0 to 1) of the recorded ones does not exceed: the upper edge of its
// bucket, and at most the maximum. Zero without records.
func (h *histogram) quantile(q float64) time.Duration {
	if h.total == 0 {
		return 0
	}
	rank := min(max(uint64(math.Ceil(q*float64(h.total))), 1), h.total)
	var seen uint64
	for i, n := range h.counts {
		seen += n
		if seen >= rank {
			return time.Duration(min(upperEdge(i), h.max))
		}
	}
	return time.Duration(h.max)
}

// mean returns the average of the recorded durations, zero without any.
func (h *histogram) mean() time.Duration {
	if h.total == 0 {
		return 0
	}
	return time.Duration(h.sum / float64(h.total))
}

// bucket is the index of the bucket that holds nanos, which is not negative.
func bucket(nanos int64) int {
	if nanos < subBuckets {
		return int(nanos)
	}
	exp := bits.Len64(uint64(nanos)) - subBits - 1
	if exp > maxExp {
		return buckets - 1
	}
	return exp<<subBits + int(nanos>>exp)
}

// upperEdge is the greatest duration in nanoseconds that belongs to bucket i.
func upperEdge(i int) int64 {
	if i < 2*subBuckets {
		return int64(i)
	}
	exp := i>>subBits - 1
	return int64(i-exp<<subBits+1)<<exp - 1
}
