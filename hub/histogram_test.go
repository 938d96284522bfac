package hub

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// lasted generates durations that a histogram distinguishes, of every order of magnitude.
func lasted() *rapid.Generator[time.Duration] {
	return rapid.Custom(func(rt *rapid.T) time.Duration {
		most := time.Duration(1) << rapid.IntRange(0, 36).Draw(rt, "order")
		return rapid.Custom(func(rt *rapid.T) time.Duration {
			return time.Duration(rapid.Int64Range(0, int64(most)).Draw(rt, "ns"))
		}).Draw(rt, "lasted")
	})
}

// A quantile is never below the true one, and at most 25 % or 1 µs above it.
func TestQuantile(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		all := rapid.SliceOfN(lasted(), 1, 200).Draw(rt, "all")
		var h Histogram
		for _, d := range all {
			h.add(d, 1)
		}
		slices.Sort(all)
		if h.Count() != uint64(len(all)) {
			rt.Fatalf("%d counted of %d", h.Count(), len(all))
		}
		q := rapid.SampledFrom([]float64{0, 0.001, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 1}).Draw(rt, "q")
		got := h.Quantile(q)
		within := 0
		for _, d := range all {
			if d <= got {
				within++
			}
		}
		if float64(within) < q*float64(len(all)) {
			rt.Fatalf("the %v quantile of %v is %v, which %d do not pass", q, all, got, within)
		}
		want := all[max(int(math.Ceil(q*float64(len(all))))-1, 0)]
		if got < want || got > max(want+want/4, want+time.Microsecond) {
			rt.Fatalf("the %v quantile of %v is %v, want %v", q, all, got, want)
		}
	})
}

// What is counted n times is as good as n that are counted, and histograms add up.
func TestHistogramsAddUp(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var all, first, second, weighed Histogram
		for i, d := range rapid.SliceOf(lasted()).Draw(rt, "all") {
			n := rapid.IntRange(0, 3).Draw(rt, "times")
			for range n {
				all.add(d, 1)
			}
			weighed.add(d, uint64(n))
			if i%2 == 0 {
				first.add(d, uint64(n))
			} else {
				second.add(d, uint64(n))
			}
		}
		since := all.Since(&first)
		if all != weighed || since != second {
			rt.Fatalf("%v, weighed %v; since the first half %v, want %v", all, weighed, since, second)
		}
		if first.Add(&second); first != all {
			rt.Fatalf("%v added up, want %v", first, all)
		}
	})
}

// Each bucket holds what is below its bound and not below the one before.
func TestBuckets(t *testing.T) {
	var before time.Duration
	for i := range histogramBuckets {
		b := bound(i)
		if b <= before || bucketOf(before) != i || bucketOf(b-1) != i {
			t.Errorf("bucket %d is from %v to %v, which are in %d and %d", i, before, b-1, bucketOf(before), bucketOf(b-1))
		}
		before = b
	}
	if before < 2*time.Minute {
		t.Errorf("the last bucket ends at %v", before)
	}
	for d, want := range map[time.Duration]int{
		-time.Second: 0, math.MinInt64: 0, before: histogramBuckets - 1, time.Hour: histogramBuckets - 1, math.MaxInt64: histogramBuckets - 1,
	} {
		if got := bucketOf(d); got != want {
			t.Errorf("%v is in bucket %d, want %d", d, got, want)
		}
	}
	var h Histogram
	if q := h.Quantile(0.5); q != 0 {
		t.Errorf("the quantile of nothing is %v", q)
	}
}
