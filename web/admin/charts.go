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
	byMinute    bool
	length      int // readings
}

// chartSpans are the times to choose from; usualSpan is the first choice.
var chartSpans = []chartSpan{
	{"5m", "5 min", false, 300}, {"15m", "15 min", false, node.SecondsKept}, {"1h", "1 h", true, 60}, {"24h", "24 h", true, node.MinutesKept},
}

const usualSpan = 1

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
func charts(list []node.Reading, span chartSpan, now time.Time) []templates.Chart {
	list = list[max(0, len(list)-span.length):]
	d := drawing{list: list, step: time.Second, length: span.length, end: now}
	if span.byMinute {
		d.step = time.Minute
	}
	if n := len(list); n > 0 {
		d.end = list[n-1].At
	}
	return []templates.Chart{
		d.chart("clients", "Online", "",
			d.line("Clients", "accent", func(r *node.Reading) float64 { return float64(r.Clients) }),
			d.line("Connections", "violet", func(r *node.Reading) float64 { return float64(r.Connections) })),
		d.chart("published", "Published", "/s",
			d.line("Events", "accent", func(r *node.Reading) float64 { return float64(r.Published) })),
		d.chart("delivered", "Delivered", "/s",
			d.line("Events", "accent", func(r *node.Reading) float64 { return float64(r.Delivered) })),
		logarithmic(d.chart("lag", "Delivery lag", "ms",
			d.line("p99", "warn", func(r *node.Reading) float64 { return millis(r.LagP99) }),
			d.line("p50", "ok", func(r *node.Reading) float64 { return millis(r.LagP50) }))),
		d.chart("bytes", "Sent", "B/s",
			d.line("Bytes", "accent", func(r *node.Reading) float64 { return float64(r.Bytes) })),
		d.chart("memory", "Memory", "B",
			d.line("Memory", "violet", func(r *node.Reading) float64 { return float64(r.Memory) })),
	}
}

// logarithmic returns a chart that one spike does not flatten.
func logarithmic(c templates.Chart) templates.Chart {
	c.Log = true
	return c
}

// drawing is what the charts of one page have in common.
type drawing struct {
	list   []node.Reading
	step   time.Duration
	length int // values in a line; without enough readings, the first ones are missing
	end    time.Time
}

func (d *drawing) chart(name, title, unit string, series ...templates.Series) templates.Chart {
	return templates.Chart{ID: "chart-" + name, Title: title, Unit: unit, Step: d.step, End: d.end, Series: series, Plain: true}
}

func (d *drawing) line(name, tone string, value func(*node.Reading) float64) templates.Series {
	values := make([]float64, d.length)
	missing := d.length - len(d.list)
	for i := range missing {
		values[i] = math.NaN()
	}
	for i := range d.list {
		values[missing+i] = value(&d.list[i])
	}
	return templates.Series{Name: name, Tone: tone, Values: values}
}

// millis returns seconds in milliseconds; negative ones are missing.
func millis(seconds float32) float64 {
	if seconds < 0 {
		return math.NaN()
	}
	return float64(seconds) * 1000
}
