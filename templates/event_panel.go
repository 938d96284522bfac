package templates

import (
	"bytes"
	"encoding/json"
	"strings"
)

// EventPanel is an event, opened: on its page, and beside a feed.
type EventPanel struct {
	EventRow
	Body    []byte    // the payload as it was published
	Tree    *JSONNode // the payload for folds; nil for what is too large
	Size    string    // of the payload
	Client  string    // the only client that it is for; may be empty
	Except  string    // the connection that it is not for; may be empty
	End     bool      // the channel ended with it
	Passed  string    // how many streams have passed it
	Streams string    // of how many
	Again   string    // href of a form that publishes it again; may be empty
	BaseURL string
}

// JSONNode is a value of JSON in folds.
type JSONNode struct {
	Key      string // of an object's member, in quotes
	Kind     string // "object", "array", "string", "number"; "" for true, false and null
	Text     string // of a value without children
	Children []JSONNode
}

// brackets are what an object or array begins and ends with.
func (n JSONNode) brackets() (begin, end string) {
	switch n.Kind {
	case "object":
		return "{", "}"
	case "array":
		return "[", "]"
	}
	return "", ""
}

// size says how many children there are.
func (n JSONNode) size() string {
	noun := "item"
	if n.Kind == "object" {
		noun = "field"
	}
	count := thousands(len(n.Children))
	return count + " " + plural(count, noun)
}

// event is the event as POST /publish takes it.
func (p EventPanel) event() string {
	to, name := "channelName", p.Channel
	if p.Client != "" {
		to, name = "clientId", p.Client
	}
	return `{` + quoted(to) + `:` + quoted(name) + `,"type":` + quoted(p.Type) + `,"payload":` + string(p.Body) + `}`
}

// asJSON is the event with its id and time.
func (p EventPanel) asJSON() string {
	return `{"id":` + quoted(p.ID) + `,"timestamp":` + quoted(stamp(p.At)) + `,` + p.event()[1:]
}

// asCurl is a command that publishes the event again.
func (p EventPanel) asCurl() string {
	return "curl '" + shellQuoted(baseOr(p.BaseURL)) + "/publish' -H 'Content-Type: application/json' -d '" +
		strings.ReplaceAll(`{"events":[`+p.event()+`]}`, `'`, `'\''`) + "'"
}

// asScript is JavaScript that publishes the event again.
func (p EventPanel) asScript() string {
	return "await fetch(" + quoted(baseOr(p.BaseURL)+"/publish") + ", {\n  method: \"POST\",\n" +
		"  headers: { \"Content-Type\": \"application/json\" },\n  body: JSON.stringify({ events: [" + p.event() + "] }),\n});"
}

// quoted returns a string as JSON.
func quoted(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // strings always encode
	return strings.TrimSuffix(b.String(), "\n")
}
