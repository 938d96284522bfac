package templates

import "time"

// Warning is a problem that an operator should look at, and its remedy.
type Warning struct {
	Key    string // unique among the warnings
	Tone   string // "warn" or "bad"
	Title  string
	Text   string
	Href   string // the page with details; may be empty
	Action string // the link's text
	Since  time.Time
}

// OverviewView is the page at /admin.
type OverviewView struct {
	AdminFrame
	Figures  []Figure
	Range    string // "15m" or "24h"
	Ranges   []RangeLink
	Charts   []Chart
	Busiest  []ChannelRow
	News     []Moment // newest first
	NewsOf   string   // whose they are, if not those of all servers
	Kinds    []RangeLink
	Warnings []Warning
	BaseURL  string // for the curl lines of empty states
}

// RangeLink chooses the span of the charts.
type RangeLink struct {
	Label   string // "15 min"
	Href    string
	Current bool
}

// mark returns the icon of a warning.
func (w Warning) mark() string {
	if w.Tone == "bad" {
		return "bad"
	}
	return "warn"
}

func warningID(w Warning) string { return "warning-" + w.Key }
