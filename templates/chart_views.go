package templates

import "time"

// Series is one line of a chart.
type Series struct {
	Name   string
	Tone   string    // "accent", "ok", "warn", "bad", "violet"
	Values []float64 // oldest first; NaN where no data
}

// Chart is a time series drawn as SVG.
type Chart struct {
	ID     string // of the element, unique in the page
	Title  string
	Unit   string // "/s", "ms", "B/s", "B"; it determines the format of numbers
	Step   time.Duration
	End    time.Time // of the newest value
	Series []Series  // all of one length, at least one
	Past   bool      // the end is not about now: the axis of time has times, not ages
	Log    bool      // the axis is logarithmic; it begins above 0
	Plain  bool      // the page has the newest values elsewhere: the head shows only the names
	Marks  []ChartMark
	Zoom   string // the page of a part of the time, which it takes as from and to; "" for none
}

// ChartMark is something that happened at a time of a chart, such as a server's start.
type ChartMark struct {
	At   time.Time
	Tone string // as of a series
	Text string
}
