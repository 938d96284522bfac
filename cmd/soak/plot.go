package main

import (
	"fmt"
	"html"
	"math"
	"os"
	"strings"
	"time"
)

// The plot's geometry, in pixels.
const (
	plotWidth  = 960
	panelInner = 120 // height of the part with the lines
	panelOuter = 180
	plotLeft   = 64
	plotRight  = 24
	plotTop    = 64
)

// plotStyle draws the plot on light and dark pages.
const plotStyle = `
svg { background: #fff; font: 13px system-ui, sans-serif; }
text { fill: #1f2937; } .tick { fill: #6b7280; font-size: 11px; }
.grid { stroke: #e5e7eb; } .warm { fill: #f3f4f6; }
polyline { fill: none; stroke-width: 1.5; stroke-linejoin: round; }
.s0 { stroke: #2563eb; } .s1 { stroke: #c2410c; } .s2 { stroke: #047857; }
@media (prefers-color-scheme: dark) {
  svg { background: #0f172a; } text { fill: #e5e7eb; } .tick { fill: #9ca3af; } .grid { stroke: #334155; } .warm { fill: #1e293b; }
  .s0 { stroke: #60a5fa; } .s1 { stroke: #fb923c; } .s2 { stroke: #34d399; }
}
`

// panels are the quantities that are drawn.
func panels() (list []int) {
	for i, q := range quantities {
		if q.judged || q.name == "streams" {
			list = append(list, i)
		}
	}
	return list
}

// writeSVG draws the samples, one panel below the other.
func (r *record) writeSVG(path string) error {
	return os.WriteFile(path, []byte(r.svg()), 0o644)
}

func (r *record) svg() string {
	var out strings.Builder
	shown := panels()
	height := plotTop + len(shown)*panelOuter
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" role="img">`, plotWidth, height)
	fmt.Fprintf(&out, "\n<title>Memory, goroutines and descriptors of two servers under churn</title>\n<style>%s</style>\n", plotStyle)
	end := r.samples[len(r.samples)-1].at
	all := trends(r.samples)
	for n, t := range all[:len(all)/len(quantities)] {
		x := plotLeft + n*220
		fmt.Fprintf(&out, `<polyline class="s%d" points="%d,28 %d,28"/><text x="%d" y="32">server %s</text>`+"\n", n, x, x+28, x+36, html.EscapeString(t.server))
	}
	fmt.Fprintf(&out, `<text class="tick" x="%d" y="32" text-anchor="end">shaded: warm-up, not judged</text>`+"\n", plotWidth-plotRight)
	for row, i := range shown {
		r.panel(&out, i, plotTop+row*panelOuter, end)
	}
	out.WriteString("</svg>\n")
	return out.String()
}

// panel draws one quantity.
func (r *record) panel(out *strings.Builder, i, top int, end time.Duration) {
	q := quantities[i]
	highest := 0.0
	for _, s := range r.samples {
		highest = max(highest, s.values[i])
	}
	step := niceStep(highest, 4)
	most := step * math.Max(1, math.Ceil(highest/step))
	x := func(at time.Duration) float64 {
		return plotLeft + float64(plotWidth-plotLeft-plotRight)*float64(at)/float64(end)
	}
	y := func(value float64) float64 { return float64(top) + 24 + panelInner*(1-value/most) }
	fmt.Fprintf(out, `<text x="%d" y="%d" font-weight="600">%s</text>`+"\n", plotLeft, top+12, q.title())
	warm := time.Duration(warmup * float64(end))
	fmt.Fprintf(out, `<rect class="warm" x="%d" y="%.1f" width="%.1f" height="%d"/>`+"\n", plotLeft, y(most), x(warm)-plotLeft, panelInner)
	for value := 0.0; value <= most*1.0001; value += step {
		fmt.Fprintf(out, `<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%[3]f"/>`, plotLeft, plotWidth-plotRight, y(value))
		fmt.Fprintf(out, `<text class="tick" x="%d" y="%.1f" text-anchor="end">%g</text>`+"\n", plotLeft-6, y(value)+4, value)
	}
	minutes := niceStep(end.Minutes(), 8)
	for m := 0.0; m <= end.Minutes(); m += minutes {
		at := time.Duration(m * float64(time.Minute))
		fmt.Fprintf(out, `<text class="tick" x="%.1f" y="%.1f" text-anchor="middle">%g min</text>`+"\n", x(at), y(0)+16, m)
	}
	lines := make(map[string]*strings.Builder)
	var names []string
	for _, s := range r.samples {
		if lines[s.server] == nil {
			lines[s.server] = new(strings.Builder)
			names = append(names, s.server)
		}
		fmt.Fprintf(lines[s.server], "%.1f,%.1f ", x(s.at), y(s.values[i]))
	}
	for n, name := range names {
		fmt.Fprintf(out, `<polyline class="s%d" points="%s"/>`+"\n", n, strings.TrimSpace(lines[name].String()))
	}
}

// niceStep is a round number that divides highest into about so many parts.
func niceStep(highest float64, parts int) float64 {
	if highest <= 0 {
		return 1
	}
	raw := highest / float64(parts)
	base := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, factor := range []float64{1, 2, 2.5, 5} {
		if factor*base >= raw {
			return factor * base
		}
	}
	return 10 * base
}
