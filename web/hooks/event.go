package hooks

import (
	"crypto/rand"
	"encoding/json"
	"time"

	"rollcall/hub/eventlog"
)

// The types of events.
const (
	ClientOnline    = "client.online"
	ClientOffline   = "client.offline"
	ChannelOccupied = "channel.occupied"
	ChannelVacated  = "channel.vacated"
	MemberJoined    = "member.joined"
	MemberLeft      = "member.left"
	StreamEnded     = "stream.ended"
	AlarmRaised     = "alarm.raised"
	AlarmCleared    = "alarm.cleared"
)

// Types are all types of events. Those of alarms are sent only to endpoints that name them.
var Types = []string{ClientOnline, ClientOffline, ChannelOccupied, ChannelVacated, MemberJoined, MemberLeft, StreamEnded, AlarmRaised, AlarmCleared}

// Event is one thing that happened.
type Event struct {
	Type        string          `json:"type"`
	ClientID    string          `json:"clientId,omitempty"`
	ChannelName string          `json:"channelName,omitempty"`
	Info        json.RawMessage `json:"info,omitempty"`
	Reason      string          `json:"reason,omitempty"` // of a stream's end: its code
	Alarm       string          `json:"alarm,omitempty"`  // its kind
	Server      string          `json:"server,omitempty"` // of an alarm
	Text        string          `json:"text,omitempty"`   // of an alarm: what is wrong
	At          string          `json:"at"`
}

// stamp is a time as events have it.
func stamp(t time.Time) string { return eventlog.Stamp(t) }

// isAlarm reports whether the event is about an alarm.
func (e *Event) isAlarm() bool { return e.Alarm != "" }

// batch is one entry of the store: events in order, reported together.
type batch struct {
	ID     string    `json:"id"` // the same however often, and by whichever server, it is sent
	Made   time.Time `json:"made"`
	Events []Event   `json:"events"`
}

// message is a batch as an endpoint gets it.
type message struct {
	ID     string  `json:"id"`
	Events []Event `json:"events"`
}

// newID returns the id of a new message.
func newID() string { return "msg_" + rand.Text() }
