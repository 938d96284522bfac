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
)

// Types are all types of events.
var Types = []string{ClientOnline, ClientOffline, ChannelOccupied, ChannelVacated, MemberJoined, MemberLeft, StreamEnded}

// Event is one thing that happened.
type Event struct {
	Type        string          `json:"type"`
	ClientID    string          `json:"clientId,omitempty"`
	ChannelName string          `json:"channelName,omitempty"`
	Info        json.RawMessage `json:"info,omitempty"`
	Reason      string          `json:"reason,omitempty"` // of a stream's end: its code
	At          string          `json:"at"`
}

// stamp is a time as events have it.
func stamp(t time.Time) string { return eventlog.Stamp(t) }

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
