package templates

import "time"

// ServerView is the page at /admin/server.
type ServerView struct {
	AdminFrame
	Facts    []FactGroup
	Limits   []LimitRow
	Settings []Setting
	Changed  bool // only settings that differ from their defaults are listed
	Drain    DrainView
}

// NodesView is the page at /admin/nodes.
type NodesView struct {
	AdminFrame
	Rows     []NodeRow
	Degraded string // why the view of others may be out of date, or empty
}

// NodeRow is one of the servers that share a log. Figures that it has not told are "–".
type NodeRow struct {
	Key         string // id of the row's element
	Name        string
	Session     string // distinguishes servers of the same name
	Level       string // "ok", "warn" or "bad"; "" for unknown
	State       string // "ready", "draining, 50 streams a second"
	Self        bool
	Draining    bool // an operator drains it
	Connections string
	Streams     string
	Behind      string // streams
	Delivered   string // "12/s"
	Lag         string // "1.2 ms"
	Memory      string
	Log         string // events of the log that it has not seen
	Version     string
	Since       time.Time
	Seen        time.Time
}

// drainQuestion is asked before a server is drained.
func (r NodeRow) drainQuestion() string {
	return "Drain " + visible(r.Name) + "? Its " + visible(r.Streams) + " streams end, {rate} a second, " +
		"and new ones are refused until draining is stopped."
}

// FactGroup is a titled list of facts.
type FactGroup struct {
	ID    string
	Title string
	Facts []Fact
}

// Fact is a name and a value.
type Fact struct {
	Name  string
	Value string
	Tone  string    // of a badge around the value; may be empty
	Time  time.Time // shown instead of Value if set
}

// LimitRow is one of the server's limits, and its present use.
type LimitRow struct {
	What  string
	Now   string // "not counted" without a limit
	Limit string // "none" if there is none
	Share string // of the limit, in percent; empty if there is none
	High  bool   // whether the limit is near
	By    string // flag that sets it; empty if it is fixed
}

// Setting is one setting in effect.
type Setting struct {
	Name   string
	Value  string // secrets are masked
	Source string // "default", "flag", "ROLLCALL_LISTEN", "rollcall.yaml:3"
}

// DrainView is the progress of draining.
type DrainView struct {
	Draining bool
	Final    bool // the server is shutting down: it can't be stopped
	Rate     string
	Left     string // streams
	Text     string
}

// question is asked before the server is drained; the script fills in the rate.
func (d DrainView) question() string {
	return "Drain this server? Its " + visible(d.Left) + " " + plural(d.Left, "stream") + " end, {rate} a second, and new ones are refused until draining is stopped."
}

func (d DrainView) rate() string {
	if d.Rate != "" {
		return d.Rate
	}
	return "100"
}

// text describes the progress of draining, or what draining does.
func (d DrainView) text() string {
	if d.Text != "" || d.Draining {
		return d.Text
	}
	return "Ends the open streams a few at a time, each with a time to reconnect; new streams are refused meanwhile."
}
