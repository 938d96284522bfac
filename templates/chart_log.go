package templates

import (
	"math"
	"slices"
)

// mostDecades is how many powers of ten a logarithmic axis has; smaller values are drawn at its foot.
const mostDecades = 5

// logPlot draws a chart on an axis of powers of ten. p has its width; there is a value above 0.
func (c Chart) logPlot(p plot) plot {
	low, high := math.Inf(1), 0.0
	for _, s := range c.Series {
		for _, v := range s.Values {
			if known(v) && v > 0 {
				low, high = min(low, v), max(high, v)
			}
		}
	}
	last := math.Ceil(math.Log10(high) - 1e-9)
	first := max(min(math.Floor(math.Log10(low)+1e-9), last-1), last-mostDecades)
	decades := int(last - first)
	for i := range decades + 1 {
		p.grid = append(p.grid, i*plotHeight/decades)
		p.yLabels = append(p.yLabels, amount(math.Pow(10, last-float64(i)), c.Unit))
	}
	for _, s := range c.Series {
		drawn := s
		drawn.Values = slices.Clone(s.Values)
		for i, v := range drawn.Values {
			if known(v) {
				drawn.Values[i] = max(math.Log10(max(v, 1e-300))-first, 0)
			}
		}
		line := drawLine(drawn, float64(decades), p.width, false, c.Unit)
		said := drawLine(s, high, p.width, false, c.Unit)
		line.Series, line.values, line.latest = s, said.values, said.latest
		p.lines = append(p.lines, line)
	}
	p.summary = c.summary()
	p.rows, p.fine = c.table()
	return p
}
