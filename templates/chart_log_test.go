package templates

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// On a logarithmic axis a spike does not flatten the rest: each power of ten has the same height.
func TestLogChart(t *testing.T) {
	t.Parallel()
	p := Chart{Unit: "ms", Step: time.Second, Log: true, Series: []Series{{Name: "p99", Values: []float64{0.2, 1, 10, 1500, 0}}}}.plot()
	if want := []string{"10 s", "1 s", "100 ms", "10 ms", "1 ms", "100 µs"}; !slices.Equal(p.yLabels, want) {
		t.Errorf("the axis has %q, want %q", p.yLabels, want)
	}
	if line := p.lines[0]; !strings.HasPrefix(line.path, "M0 150l1-22 1-32 1-70 1 134") || line.values != "0.2 1 10 1500 0" {
		t.Errorf("the line is %s of %s", line.path, line.values)
	}
	if flat := (Chart{Unit: "ms", Step: time.Second, Log: true, Series: []Series{{Values: []float64{0, 0}}}}).plot(); flat.yLabels[len(flat.yLabels)-1] != "0" {
		t.Errorf("without a value the axis has %q", flat.yLabels)
	}
}
