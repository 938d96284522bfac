package templates

import "time"

// ServerView is the page at /admin/server.
type ServerView struct {
	AdminFrame
	Facts    []FactGroup
	Limits   []LimitRow
	Settings []Setting
	Drain    DrainView
	Sessions []SessionRow
}

// NodesView is the page at /admin/nodes.
type NodesView struct {
	AdminFrame
	Rows     []NodeRow
	Degraded string // why what is shown of others may be old; empty where it is not
}

// NodeRow is one server of those that share a log.
type NodeRow struct {
	Key         string // id of the row's element
	Name        string
	Level       string // "ok", "warn" or "bad"
	Self        bool
	Connections string
	Streams     string
	Behind      string
	Version     string
	Since       time.Time
	Seen        time.Time
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
	Time  time.Time // shown instead of Value where set
}

// LimitRow is one kind of what the server holds, and how much of it there may be.
type LimitRow struct {
	What  string
	Now   string // "not counted" where there is no limit
	Limit string // "none" if there is none
	Share string // of the limit, in percent; empty if there is none
	High  bool   // whether the limit is near
	By    string // flag that sets it; empty where it is fixed
}

// Setting is one setting in effect.
type Setting struct {
	Name   string
	Value  string // secrets are masked
	Source string // "default", "flag", "ROLLCALL_LISTEN", "rollcall.yaml:3"
}

// DrainView says how far draining has come.
type DrainView struct {
	Draining bool
	Final    bool // the server is shutting down: it can't be stopped
	Rate     string
	Left     string // streams
	Text     string
}

// SessionRow is one login of the user.
type SessionRow struct {
	Since, Seen time.Time
	Address     string
	Agent       string
	Current     bool
}
