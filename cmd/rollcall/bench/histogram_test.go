package bench

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestBucketsAreContiguous(t *testing.T) {
	for i := range buckets {
		edge := upperEdge(i)
		if got := bucket(edge); got != i {
			t.Fatalf("bucket(%d) = %d, want %d, of which it is the upper edge", edge, got, i)
		}
		if i < buckets-1 && bucket(edge+1) != i+1 {
			t.Fatalf("bucket(%d) = %d, want %d", edge+1, bucket(edge+1), i+1)
		}
	}
	if got := bucket(math.MaxInt64); got != buckets-1 {
		t.Errorf("the longest duration is in bucket %d, want the last, %d", got, buckets-1)
	}
}

func TestQuantiles(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, scale := range []float64{50, 5_000, 5e6, 5e9} {
		var all []int64
		parts := [2]histogram{}
		for i := range 10_000 {
			v := int64(random.ExpFloat64() * scale)
			all = append(all, v)
			parts[i%2].record(v)
		}
		slices.Sort(all)
		h := &parts[0]
		h.add(&parts[1])
		for _, q := range []float64{0, 0.01, 0.5, 0.9, 0.99, 0.999, 1} {
			want := float64(all[max(int(math.Ceil(q*float64(len(all))))-1, 0)])
			got := float64(h.quantile(q))
			if got < want || got > want*(1+1.0/subBuckets)+1 {
				t.Errorf("scale %g: quantile(%g) = %g, want %g up to 1.6 %% more", scale, q, got, want)
			}
		}
		if got := h.quantile(1); got != time.Duration(all[len(all)-1]) {
			t.Errorf("quantile(1) = %d, want the maximum %d", got, all[len(all)-1])
		}
	}
}

func TestHistogramOfNothing(t *testing.T) {
	var h histogram
	if h.quantile(0.99) != 0 || h.mean() != 0 {
		t.Errorf("an empty histogram has p99 %v and mean %v, want zero", h.quantile(0.99), h.mean())
	}
	h.record(-5)
	if h.total != 1 || h.quantile(1) != 0 {
		t.Errorf("a negative duration counts as %d of %v, want 1 of zero", h.total, h.quantile(1))
	}
}
