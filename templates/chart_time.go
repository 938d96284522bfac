package templates

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// plotMark is what is marked at one value of a chart.
type plotMark struct {
	at         int // index of the value
	tone, text string
}

// mostTexts is how many marks at one value are named.
const mostTexts = 3

// plotMarks returns the marks by the values in whose step they are.
func (c Chart) plotMarks(width int) (list []plotMark) {
	counts := 0
	for _, m := range c.Marks {
		at := width + int(math.Ceil(float64(m.At.Sub(c.End))/float64(c.Step)))
		if at < 0 {
			continue
		}
		at = min(at, width)
		if n := len(list); n == 0 || list[n-1].at != at {
			list, counts = append(list, plotMark{at, m.Tone, m.Text}), 1
			continue
		}
		last := &list[len(list)-1]
		if counts++; counts <= mostTexts {
			last.text += ", " + m.Text
		} else {
			base, _, _ := strings.Cut(last.text, ", and ")
			last.text = fmt.Sprintf("%s, and %d more", base, counts-mostTexts)
		}
	}
	return list
}

// ticks returns four times, from the first value to the last.
func (c Chart) ticks(width int) (list []time.Time) {
	const parts = 3
	span := time.Duration(width) * c.Step
	for i := range parts + 1 {
		list = append(list, c.End.Add(span*time.Duration(i)/parts-span).Round(time.Second))
	}
	return list
}

// timeLabels returns three or four ages within a span, seven for a week, "now" last.
func timeLabels(span time.Duration) []string {
	span = span.Round(time.Second)
	unit, name := time.Second, "s"
	switch {
	case span >= 48*time.Hour:
		unit, name = 24*time.Hour, "d"
	case span >= 2*time.Hour:
		unit, name = time.Hour, "h"
	case span >= 2*time.Minute:
		unit, name = time.Minute, "min"
	}
	parts := 1
	for _, n := range []int{3, 4, 2, 7} {
		if span%(unit*time.Duration(n)) == 0 {
			parts = n
			break
		}
	}
	var labels []string
	for i := parts; i > 0; i-- {
		age := float64(span) * float64(i) / float64(parts) / float64(unit)
		label := "−" + strconv.FormatFloat(age, 'f', -1, 64)
		if age != math.Trunc(age) {
			label = fmt.Sprintf("−%.1f", age)
		}
		if i == parts {
			label += " " + name
		}
		labels = append(labels, label)
	}
	return append(labels, "now")
}
