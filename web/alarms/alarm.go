package alarms

import "time"

// The kinds of alarms. They are labels of metrics and are sent to webhooks.
const (
	Draining = "draining"
	Engine   = "engine"
	Cluster  = "cluster"
	Six      = "six_streams"
	HTTP10   = "http10"
	Budget   = "budget"
	Stalled  = "stalled"
	Full     = "full"
	Open     = "open"
)

// Kinds are all kinds of alarms.
var Kinds = []string{Draining, Engine, Cluster, Six, HTTP10, Budget, Stalled, Full, Open}

// Condition is something that is wrong now.
type Condition struct {
	Kind   string `json:"kind"` // one of Kinds
	Bad    bool   `json:"bad,omitempty"`
	Title  string `json:"title"`
	Text   string `json:"text"` // details and the remedy
	Href   string `json:"href"` // the page with details
	Action string `json:"action"`
}

// Alarm is a condition since it was first observed.
type Alarm struct {
	Condition           // as it was observed last
	Seq       uint64    `json:"seq"` // counts the alarms of a server from 1
	Raised    time.Time `json:"raised"`
	Quiet     time.Time `json:"quiet,omitzero"`   // when the condition was found to be absent; zero while it is there
	Cleared   time.Time `json:"cleared,omitzero"` // as Quiet, once that has lasted; zero for an active alarm
	AwayUntil time.Time `json:"awayUntil,omitzero"`
	AwayBy    string    `json:"awayBy,omitempty"`
}

// Active reports whether the alarm is not cleared yet.
func (a *Alarm) Active() bool { return a.Cleared.IsZero() }

// Away reports whether the alarm is put away.
func (a *Alarm) Away(now time.Time) bool { return now.Before(a.AwayUntil) }

// Pressing reports whether the condition is there and nobody has put the alarm away.
func (a *Alarm) Pressing(now time.Time) bool {
	return a.Active() && a.Quiet.IsZero() && !a.Away(now)
}
