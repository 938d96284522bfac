package templates

import "time"

// Moment is one event in the life of a client.
type Moment struct {
	Key      string // unique in the list
	At       time.Time
	Kind     string // "join", "leave", "update", "open", "end", "return"
	Tone     string // "ok", "neutral", "warn", "bad"
	Text     string // "came online", "connection ended: slow"
	Code     string // reason code of an end; otherwise empty
	ClientID string
	Href     string // to the client; empty on the client's own page
	Clock    bool   // the time of day matters, not the age
	Detail   string // address, connection; may be empty
}

func momentID(list string, m Moment) string { return list + "-" + m.Key }

// Texts of empty lists.
const (
	newsEmpty     = "Nothing yet, as far as the server remembers."
	pastEmpty     = "No client that matches has left within the hour, as far as the server remembers."
	betweenEmpty  = "Nothing happened to its connections, as far as the servers remember."
	timelineEmpty = "No history for this client."
)
