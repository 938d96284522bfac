package templates

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// plotHeight is the height of a chart's plot in units of its viewBox. Its width is one unit for each step between two
// values, so that a path needs no fractions.
const plotHeight = 160

// plot is a Chart prepared for drawing.
type plot struct {
	Chart
	width   int         // of the viewBox
	grid    []int       // y of the lines behind the plot, top first; the last is the axis
	yLabels []string    // of the grid's lines
	xLabels []string    // spread evenly, "now" last
	times   []time.Time // in place of xLabels
	marks   []plotMark
	lines   []plotLine
	summary string // the chart in a sentence
	rows    []plotRow
	fine    string // "minute", "hour" or "day": the time of a row
}

// plotLine is a series as paths.
type plotLine struct {
	Series
	path   string // the line, or line and area in one
	area   string // only the area, if the line has gaps; otherwise empty
	filled bool   // path is line and area: it leaves the viewBox below and at both sides
	values string // for the readout
	latest string // the newest value, or "–"
}

// plotRow is a period of time in the chart's table.
type plotRow struct {
	at    string
	cells []string // average and highest, for each series
}

func (c Chart) plot() plot {
	p := plot{Chart: c, width: 1}
	highest := 0.0
	for _, s := range c.Series {
		p.width = max(p.width, len(s.Values)-1)
		for _, v := range s.Values {
			if known(v) {
				highest = max(highest, v)
			}
		}
	}
	p.marks = c.plotMarks(p.width)
	if c.Past {
		p.times = c.ticks(p.width)
	} else {
		p.xLabels = timeLabels(time.Duration(p.width+1) * c.Step)
	}
	if c.Log && highest > 0 {
		return c.logPlot(p)
	}
	top, steps := scale(highest, c.Unit)
	for i := range steps + 1 {
		p.grid = append(p.grid, i*plotHeight/steps)
		label := "0"
		if i < steps {
			label = amount(top*float64(steps-i)/float64(steps), c.Unit)
		}
		p.yLabels = append(p.yLabels, label)
	}
	for _, s := range c.Series {
		p.lines = append(p.lines, drawLine(s, top, p.width, len(c.Series) == 1, c.Unit))
	}
	p.summary = c.summary()
	p.rows, p.fine = c.table()
	return p
}

// known reports whether a value was measured. A chart starts at 0 and has no negative values.
func known(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) && v >= 0 }

func drawLine(s Series, top float64, width int, filled bool, unit string) plotLine {
	l := plotLine{Series: s, latest: "–"}
	var line, area, values strings.Builder
	runs := 0
	for from := 0; from < len(s.Values); {
		if !known(s.Values[from]) {
			from++
			continue
		}
		to := from
		for to < len(s.Values) && known(s.Values[to]) {
			to++
		}
		points := heights(s.Values[from:to], top)
		runs++
		fmt.Fprintf(&line, "M%d %d", from, points[0])
		strokes := relative(points)
		if strokes == "" {
			strokes = "h0" // a dot, made by the stroke's round caps
		}
		line.WriteString(strokes)
		fmt.Fprintf(&area, "M%d %dV%d%sV%dz", from, plotHeight, points[0], strokes, plotHeight)
		if filled && len(points) == len(s.Values) && len(points) > 1 {
			l.filled = true
		}
		from = to
	}
	l.path = line.String()
	if l.filled {
		l.path = fmt.Sprintf("%sh9V%dH-9V%dz", l.path, plotHeight+9, heights(s.Values[:1], top)[0])
	} else if filled {
		l.area = area.String()
	}
	for i, v := range s.Values {
		if i > 0 {
			values.WriteByte(' ')
		}
		if known(v) {
			values.WriteString(significant(v))
		} else {
			values.WriteString("–")
		}
	}
	l.values = values.String()
	if n := len(s.Values); n > 0 && known(s.Values[n-1]) {
		l.latest = amount(s.Values[n-1], unit)
	}
	return l
}

// heights returns the y of each value.
func heights(values []float64, top float64) []int {
	points := make([]int, len(values))
	for i, v := range values {
		points[i] = plotHeight - int(math.Round(min(v/top, 1)*plotHeight))
	}
	return points
}

// relative returns the steps between points, one unit apart, as relative path commands. Steps in the same direction
// become one.
func relative(points []int) string {
	b := make([]byte, 0, 4*len(points))
	last := byte(0)
	for i := 1; i < len(points); {
		dy, n := points[i]-points[i-1], 1
		for i+n < len(points) && points[i+n]-points[i+n-1] == dy {
			n++
		}
		i += n
		if dy == 0 {
			b, last = strconv.AppendInt(append(b, 'h'), int64(n), 10), 'h'
			continue
		}
		if last == 'l' {
			b = append(b, ' ')
		} else {
			b, last = append(b, 'l'), 'l'
		}
		b = strconv.AppendInt(b, int64(n), 10)
		if dy > 0 {
			b = append(b, ' ')
		}
		b = strconv.AppendInt(b, int64(n*dy), 10)
	}
	return string(b)
}

// scale returns the top of an axis that starts at 0, and its number of steps of 1, 2 or 5. Absurdly large values are
// drawn at the top.
func scale(highest float64, unit string) (top float64, steps int) {
	base := 1.0
	if isBytes(unit) {
		for highest/base >= 1024 {
			base *= 1024
		}
	}
	highest = min(highest/base, 1e15)
	if highest < 1e-9 {
		return base, 1
	}
	size := math.Pow(10, math.Floor(math.Log10(highest))-1)
	for i := 0; ; i++ {
		step := size * []float64{1, 2, 5}[i%3]
		if i%3 == 2 {
			size *= 10
		}
		if step < 1 && unit == "" {
			continue // a count has no halves
		}
		// Slightly less, because 0.3/0.1 is a little more than 3.
		if n := max(1, math.Ceil(highest/step-1e-9)); n <= 4 {
			return step * n * base, int(n)
		}
	}
}

func isBytes(unit string) bool { return unit == "B" || unit == "B/s" }

// amount formats a value in its unit, with at most three significant digits: "12.4k/s", "1.5 MiB", "640 µs".
func amount(v float64, unit string) string {
	if !known(v) {
		return "–"
	}
	if unit == "ms" {
		switch {
		case v == 0:
			return "0 ms"
		case v < .9995:
			return significant(v*1e3) + " µs"
		case v < 999.5:
			return significant(v) + " ms"
		}
		return significant(v/1e3) + " s"
	}
	base, prefixes := 1000.0, []string{"", "k", "M", "G", "T", "P"}
	if isBytes(unit) {
		base, prefixes = 1024, []string{" ", " Ki", " Mi", " Gi", " Ti", " Pi"}
	}
	i := 0
	for v >= base-.5 && i < len(prefixes)-1 {
		v /= base
		i++
	}
	if unit != "" && !isBytes(unit) && !strings.HasPrefix(unit, "/") {
		unit = " " + unit
	}
	return significant(v) + prefixes[i] + unit
}

// significant rounds to three digits, or to an integer if that has more.
func significant(v float64) string {
	switch {
	case v >= 99.95:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 9.995:
		return trimZeros(strconv.FormatFloat(v, 'f', 1, 64))
	case v >= .9995:
		return trimZeros(strconv.FormatFloat(v, 'f', 2, 64))
	case v < .0005:
		return "0"
	}
	return trimZeros(strconv.FormatFloat(v, 'f', 3, 64))
}

func trimZeros(s string) string { return strings.TrimSuffix(strings.TrimRight(s, "0"), ".") }

// spread summarises the values of a series.
type spread struct {
	latest, average, highest float64 // NaN without data
}

func spreadOf(values []float64) spread {
	s := spread{math.NaN(), math.NaN(), math.NaN()}
	sum, n := 0.0, 0
	for _, v := range values {
		if !known(v) {
			continue
		}
		sum += v
		n++
		if n == 1 || v > s.highest {
			s.highest = v
		}
	}
	if n > 0 {
		s.average = sum / float64(n)
	}
	if n := len(values); n > 0 && known(values[n-1]) {
		s.latest = values[n-1]
	}
	return s
}

// summary describes the chart in words.
func (c Chart) summary() string {
	var b strings.Builder
	b.WriteString(visible(c.Title))
	for i, s := range c.Series {
		separator := ": "
		if i > 0 {
			separator = "; "
		}
		b.WriteString(separator)
		if len(c.Series) > 1 {
			b.WriteString(visible(s.Name) + " ")
		}
		all := spreadOf(s.Values)
		if math.IsNaN(all.average) {
			b.WriteString("no data")
			continue
		}
		fmt.Fprintf(&b, "now %s, average %s, highest %s",
			amount(all.latest, c.Unit), amount(all.average, c.Unit), amount(all.highest, c.Unit))
	}
	return b.String()
}

// table returns the chart's values as a table, one row per minute or hour, for screen readers.
func (c Chart) table() (rows []plotRow, fine string) {
	n := 0
	for _, s := range c.Series {
		n = max(n, len(s.Values))
	}
	span, fine, layout := time.Minute, "minute", "15:04"
	switch whole := time.Duration(n) * c.Step; {
	case whole > 48*time.Hour:
		span, fine, layout = 24*time.Hour, "day", "2 Jan"
	case whole > 2*time.Hour:
		span, fine = time.Hour, "hour"
	}
	at := func(i int) time.Time { return c.End.UTC().Add(-time.Duration(n-1-i) * c.Step).Truncate(span) }
	for from := 0; from < n; {
		to := from + 1
		for to < n && at(to).Equal(at(from)) {
			to++
		}
		row := plotRow{at: at(from).Format(layout)}
		for _, s := range c.Series {
			part := spreadOf(s.Values[min(from, len(s.Values)):min(to, len(s.Values))])
			row.cells = append(row.cells, amount(part.average, c.Unit), amount(part.highest, c.Unit))
		}
		rows = append(rows, row)
		from = to
	}
	return rows, fine
}

// sparkWidth and sparkHeight are the size of a sparkline's viewBox.
const (
	sparkWidth  = 90
	sparkHeight = 20
)

// sparkPath draws values as bars from the bottom; each one except 0 is at least one unit high.
func sparkPath(values []float64) string {
	highest := 0.0
	for _, v := range values {
		if known(v) {
			highest = max(highest, v)
		}
	}
	if highest == 0 {
		return ""
	}
	slot := float64(sparkWidth) / float64(len(values))
	bar := trimZeros(strconv.FormatFloat(max(slot-1, slot*.6), 'f', 1, 64))
	var b strings.Builder
	for i, v := range values {
		if !known(v) || v == 0 {
			continue
		}
		height := max(1, int(math.Round(v/highest*sparkHeight)))
		fmt.Fprintf(&b, "M%s %dv-%dh%sv%dz", trimZeros(strconv.FormatFloat(float64(i)*slot, 'f', 1, 64)), sparkHeight, height, bar, height)
	}
	return b.String()
}

// sparkLabel describes a sparkline in words.
func sparkLabel(values []float64, span string) string {
	label := "Events"
	if span != "" {
		label += " in the last " + visible(span)
	}
	s := spreadOf(values)
	if math.IsNaN(s.highest) || s.highest == 0 {
		return label + ": none"
	}
	return fmt.Sprintf("%s: newest interval %s, highest %s", label, amount(s.latest, ""), amount(s.highest, ""))
}
