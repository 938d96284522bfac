package templates

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// TraceView is the page at /admin/events: how far an event has come on each stream.
type TraceView struct {
	AdminFrame
	ID      string // as asked
	Channel string
	Error   string
	Event   *EventPanel // nil if it is not kept
	Figures []Figure
	Rows    []TraceRow
	More    int    // streams that are not listed
	Silent  string // names of servers that don't answer; "" for none
}

// TraceRow is a stream that the event was for.
type TraceRow struct {
	Key          string
	ClientID     string
	Name         string // from its info; may be empty
	Href         string
	ConnectionID string // the beginning of it
	Node         string
	State        string // "passed", "behind"
	Level        string
	Detail       string
	Opened       time.Time
	At           time.Time // of a resume or a gap
}

// title is what the row calls the client.
func (r TraceRow) title() string {
	if r.Name != "" {
		return r.Name
	}
	return r.ClientID
}

// Lane is a connection over some minutes.
type Lane struct {
	Key          string
	ConnectionID string // the beginning of it
	Node         string
	Open         bool
	State        string // "live", "12 behind", "ended: slow"
	Level        string // "ok", "warn", "bad"; "" for ended or unknown
	From, To     time.Time
	End          time.Time     // of the lane's time
	Span         time.Duration // the lane's time
	Marks        []LaneMark
}

// LaneMark is what happened on a lane.
type LaneMark struct {
	At    time.Time
	Text  string
	Level string
}

// laneWidth is the width of a lane's drawing.
const laneWidth = 900

// x returns the place of a time on the lane.
func (l Lane) x(at time.Time) int {
	return int(min(max(1-float64(l.End.Sub(at))/float64(l.Span), 0), 1) * laneWidth)
}

func (l Lane) viewBox() string { return fmt.Sprintf("0 0 %d 20", laneWidth) }

func (l Lane) bar() string {
	from, to := l.x(l.From), l.x(l.To)
	return fmt.Sprintf("M%d 6h%dv8h%dz", from, max(to-from, 2), -max(to-from, 2))
}

func (l Lane) tick(m LaneMark) string { return "M" + strconv.Itoa(l.x(m.At)) + " 1v18" }

// summary describes the lane in words.
func (l Lane) summary() string {
	parts := []string{"Connection " + visible(l.ConnectionID) + ", " + visible(l.State)}
	for _, m := range l.Marks {
		parts = append(parts, m.At.UTC().Format("15:04:05")+" UTC "+visible(m.Text))
	}
	return strings.Join(parts, "; ")
}
