package stream

import (
	"bytes"
	"encoding/json"

	"rollcall/hub"
	"rollcall/hub/eventlog"
)

// jsonDialect has the payloads of the server's own events as JSON, not as strings of JSON.
var jsonDialect = &hub.Dialect{Notice: appendJSONNotice, LastEvent: fullLastEvent}

// appendJSONNotice is eventlog.AppendNotice with the payload as it is.
func appendJSONNotice(dst []byte, at eventlog.Position, channel, typ string, payload []byte) []byte {
	data := []byte{'{'}
	if channel != "" {
		data = append(eventlog.AppendAddress(data, channel), ',')
	}
	data = eventlog.AppendString(append(data, `"type":`...), typ)
	data = append(append(data, `,"payload":`...), payload...)
	return eventlog.AppendBare(dst, at, typ, append(data, '}'))
}

// fullLastEvent is hub.LastEvent with the event's id and timestamp.
func fullLastEvent(epoch string, r *eventlog.Record) []byte {
	text := hub.LastEvent(r)
	if r == nil {
		return text
	}
	at := eventlog.Position{Epoch: epoch, Seq: r.Seq}
	return append(text[:len(text)-1], `,"id":"`+at.String()+`","timestamp":"`+r.Timestamp()+`"}`...)
}

// rawDialect has the payloads of published events alone: a string as text, any other value
// as JSON. It is for clients that do not parse what they are given.
var rawDialect = &hub.Dialect{
	Render: func(dst []byte, at eventlog.Position, r *eventlog.Record) []byte {
		payload := r.Payload()
		var text string
		if bytes.HasPrefix(payload, []byte{'"'}) && json.Unmarshal(payload, &text) == nil {
			payload = []byte(text)
		}
		return eventlog.AppendText(dst, at, r.Type(), payload)
	},
	Notice: func(dst []byte, _ eventlog.Position, _, _ string, _ []byte) []byte { return dst },
}
