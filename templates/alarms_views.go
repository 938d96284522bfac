package templates

import (
	"strconv"
	"time"
)

// AlarmsView is the page at /admin/alarms.
type AlarmsView struct {
	AdminFrame
	Active    []AlarmRow // newest first
	Past      []AlarmRow // the last cleared first
	Pager     Pager      // of the past ones
	Clustered bool       // each row names its server
	Kept      string     // which cleared ones there are
	Silent    string     // which servers have not told their alarms; may be empty
}

// AlarmRow is an alarm.
type AlarmRow struct {
	Key         string
	ID          string // for the form that puts it away
	Kind        string // as metrics and webhooks name it
	Title, Text string
	Tone        string
	Server      string
	Href        string // the page with details
	Action      string // the link's text
	Raised      time.Time
	Cleared     time.Time // zero for an active one
	Lasted      string    // of a cleared one
	Quiet       bool      // the condition is absent, and the alarm soon cleared
	AwayUntil   time.Time // zero if it is not put away
	AwayBy      string
}

// columns returns the number of columns of a table with three columns, one more, and the servers.
func (v AlarmsView) columns(more bool) string {
	n := 3
	if more {
		n++
	}
	if v.Clustered {
		n++
	}
	return strconv.Itoa(n)
}

// Fragments returns the live parts of the page.
func (v AlarmsView) Fragments() []Fragment {
	var active, past []Fragment
	for _, r := range v.Active {
		active = append(active, Fragment{ID: r.Key, Body: activeAlarm(r, v)})
	}
	for _, r := range v.Past {
		past = append(past, Fragment{ID: r.Key, Body: pastAlarm(r, v)})
	}
	return []Fragment{
		{ID: "alarms-silent", Body: alarmsSilent(v)},
		{ID: "alarms-rows", Body: activeAlarms(v), Items: orEmpty(active, Fragment{ID: "alarms-none", Body: noAlarms(v)})},
		{ID: "past-alarms-rows", Body: pastAlarms(v), Items: orEmpty(past, Fragment{ID: "past-alarms-none", Body: noPastAlarms(v)})},
		{ID: "past-alarms-pager", Body: pager("past-alarms-pager", v.Pager)},
	}
}
