package admin

import (
	"math"
	"time"

	"rollcall/templates"
	"rollcall/web/node"
)

// chartSpan is a time of which the overview has charts.
type chartSpan struct {
	name, label string
	pace        node.Pace
	length      int // readings
}

// chartSpans are the times to choose from; usualSpan is the first choice.
var chartSpans = []chartSpan{
	{"5m", "5 min", node.Seconds, 300}, {"15m", "15 min", node.Seconds, 900}, {"1h", "1 h", node.Minutes, 60},
	{"6h", "6 h", node.Minutes, 360}, {"24h", "24 h", node.Minutes, 1440}, {"7d", "7 d", node.Tens, 1008},
}

const usualSpan = 1

// time is how long the span is.
func (s chartSpan) time() time.Duration { return time.Duration(s.length) * s.pace.Step() }

// links lead to the same page with each of the spans.
func (s chartSpan) links(q query, path string) (list []templates.RangeLink) {
	for i, other := range chartSpans {
		name := other.name
		if i == usualSpan {
			name = ""
		}
		list = append(list, templates.RangeLink{Label: other.label, Href: q.with(path, "range", name), Current: other == s})
	}
	return list
}

// spanOf returns the time that a query asks for.
func spanOf(q query) chartSpan {
	for _, s := range chartSpans {
		if s.name == q.Get("range") {
			return s
		}
	}
	return chartSpans[usualSpan]
}

// charts draws the newest readings of a span.
func (a *Admin) charts(span chartSpan, now time.Time) []templates.Chart {
	list := a.history(span.pace)
	list = list[max(0, len(list)-span.length):]
	d := drawing{list: list, step: span.pace.Step(), length: span.length, end: now}
	if n := len(list); n > 0 {
		d.end = list[n-1].At
	}
	d.done = a.marks(span.pace, d.begin(), d.end.Add(d.step))
	d.marks = chartMarks(d.done)
	return d.charts()
}

// charts are those of the server's work.
func (d *drawing) charts() []templates.Chart {
	return []templates.Chart{
		d.chart("clients", "Online", "",
			d.line("Clients", "accent", func(r *node.Reading) float32 { return r.Clients }),
			d.line("Connections", "violet", func(r *node.Reading) float32 { return r.Connections })),
		d.chart("published", "Published", "/s",
			d.line("Events", "accent", func(r *node.Reading) float32 { return r.Published })),
		d.chart("delivered", "Delivered", "/s",
			d.line("Events", "accent", func(r *node.Reading) float32 { return r.Delivered })),
		logarithmic(d.chart("lag", "Delivery lag", "ms",
			d.line("max", "bad", func(r *node.Reading) float32 { return 1000 * r.LagMax }),
			d.line("p99", "warn", func(r *node.Reading) float32 { return 1000 * r.LagP99 }),
			d.line("p95", "violet", func(r *node.Reading) float32 { return 1000 * r.LagP95 }),
			d.line("p50", "ok", func(r *node.Reading) float32 { return 1000 * r.LagP50 }))),
		d.chart("bytes", "Sent", "B/s",
			d.line("Bytes", "accent", func(r *node.Reading) float32 { return r.Bytes })),
		d.chart("memory", "Memory", "B",
			d.line("Memory", "violet", func(r *node.Reading) float32 { return r.Memory })),
	}
}

// logarithmic returns a chart that one spike does not flatten.
func logarithmic(c templates.Chart) templates.Chart {
	c.Log = true
	return c
}

// drawing is what the charts of one page have in common.
type drawing struct {
	list   []node.Reading // within the time; each is at its place
	step   time.Duration
	length int       // values in a line
	end    time.Time // of the newest value
	past   bool      // the end is not about now
	done   []node.Mark
	marks  []templates.ChartMark // the newest of done
}

// begin returns the time at which the first value begins.
func (d *drawing) begin() time.Time { return d.end.Add(-time.Duration(d.length) * d.step) }

func (d *drawing) chart(name, title, unit string, series ...templates.Series) templates.Chart {
	return templates.Chart{
		ID: "chart-" + name, Title: title, Unit: unit, Step: d.step, End: d.end, Past: d.past, Series: series, Plain: true,
		Marks: d.marks, Zoom: periodPath,
	}
}

// line returns the values of a series; negative ones, and those without a reading, are missing.
func (d *drawing) line(name, tone string, value func(*node.Reading) float32) templates.Series {
	values := make([]float64, d.length)
	for i := range values {
		values[i] = math.NaN()
	}
	for i := range d.list {
		r := &d.list[i]
		at := d.length - 1 - int(math.Round(float64(d.end.Sub(r.At))/float64(d.step)))
		if v := value(r); v >= 0 && at >= 0 && at < d.length {
			values[at] = float64(v)
		}
	}
	return templates.Series{Name: name, Tone: tone, Values: values}
}
