package templates

import (
	"testing"
	"time"
)

// A mark is at the value in whose step it is; marks of one value are one, which names three of them.
func TestChartMarks(t *testing.T) {
	end := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	mark := func(before time.Duration, text string) ChartMark {
		return ChartMark{At: end.Add(-before), Tone: "bad", Text: text}
	}
	c := Chart{Step: time.Second, End: end, Series: []Series{{Values: make([]float64, 10)}}, Marks: []ChartMark{
		mark(time.Minute, "before the chart"), mark(8*time.Second, "a"), mark(7500*time.Millisecond, "b"), mark(7400*time.Millisecond, "c"),
		mark(7300*time.Millisecond, "d"), mark(7200*time.Millisecond, "e"), mark(7100*time.Millisecond, "f"), mark(-time.Second/2, "later"),
	}}
	want := []plotMark{{1, "bad", "a"}, {2, "bad", "b, c, d, and 2 more"}, {9, "bad", "later"}}
	got := c.plot().marks
	if len(got) != len(want) {
		t.Fatalf("%+v, want %+v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%+v, want %+v", got[i], want[i])
		}
	}
}

// A chart of the past has times at its axis.
func TestPastChartsHaveTimes(t *testing.T) {
	end := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	p := Chart{Step: time.Minute, End: end, Past: true, Series: []Series{{Values: make([]float64, 31)}}}.plot()
	if len(p.xLabels) != 0 || len(p.times) != 4 || !p.times[0].Equal(end.Add(-30*time.Minute)) || !p.times[1].Equal(end.Add(-20*time.Minute)) || !p.times[3].Equal(end) {
		t.Errorf("%v %v", p.xLabels, p.times)
	}
}
