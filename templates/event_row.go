package templates

import (
	"strings"
	"time"
)

// EventRow is one event in a list.
type EventRow struct {
	Key     string // id of the element
	ID      string // position
	Channel string
	Href    string // of the channel; may be empty
	Type    string
	Payload string // indented JSON
	Line    string // the payload on one line, cut if long
	At      time.Time
	Open    bool // the payload is unfolded unless it is long: on a channel's page
	Notice  bool // an event of the server: registered, gap, goodbye …

	TraceHref   string   // of the page that says who got it; may be empty
	Note        string   // about whom it is for; may be empty
	Connections []string // of a tap: the beginnings of the ids of those that were given it
}

// copySelector selects the payload.
func (r EventRow) copySelector() string { return "#" + r.Key + "-data" }

// lines returns the number of lines of a text.
func lines(s string) int { return strings.Count(s, "\n") + 1 }

// shortPayload is the longest payload, in lines, that is shown unfolded.
const shortPayload = 8

// oneLine reports whether the payload fits on a line unchanged.
func (r EventRow) oneLine() bool {
	return !strings.Contains(r.Payload, "\n") && (r.Line == "" || r.Line == r.Payload)
}

func (r EventRow) line() string {
	if r.Line != "" {
		return r.Line
	}
	line, _, _ := strings.Cut(r.Payload, "\n")
	return line
}
