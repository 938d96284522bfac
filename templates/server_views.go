package templates

import "time"

// ServerView is the page at /admin/server.
type ServerView struct {
	AdminFrame
	Facts    []FactGroup
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
