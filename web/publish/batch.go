package publish

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"rollcall/hub/eventlog"
	"rollcall/web/reply"
)

// batchParser reads the body of a publish. The events refer to the body's bytes.
type batchParser struct {
	body   []byte
	dec    *jsontext.Decoder
	opts   *Options
	events []eventlog.Event

	channel, typ, key, client, except, piece cachedString // of the event before
}

// Parse reads the body of a publish.
func (p *Publisher) Parse(body *bytes.Buffer) ([]eventlog.Event, *reply.Fault) {
	text := body.Bytes()
	dec, f := reply.NewJSONDecoder(body)
	if f != nil {
		return nil, f
	}
	b := batchParser{body: text, dec: dec, opts: &p.opts}
	found, instead := false, ""
	f = b.object(func(name []byte) *reply.Fault {
		if string(name) != "events" {
			if meant := missingEvents[strings.ToLower(string(name))]; meant != "" {
				instead = meant
			}
			return b.skip()
		}
		found = true
		if b.dec.PeekKind() == 'n' {
			b.events = nil
			return b.skip()
		}
		return b.list()
	})
	if f != nil {
		return nil, f
	}
	if f := reply.EndJSON(dec); f != nil {
		return nil, f
	}
	if !found {
		return nil, reply.Invalid("missing_events", "events", "is required; a publish is {\"events\":[…]}%s", instead)
	}
	return b.events, nil
}

// missingEvents are hints for bodies without events, by the name that was probably meant.
var missingEvents = map[string]string{
	"event":       ", a list, even for one event; a body with \"event\" is for POST /events",
	"events":      ", in lower case",
	"channelname": "; the event itself belongs in that list",
}

// object reads an object and calls each with every name in it, to read the value.
// The name is valid until the next read.
func (p *batchParser) object(each func(name []byte) *reply.Fault) *reply.Fault {
	if _, err := p.dec.ReadToken(); err != nil {
		return reply.NotJSON(err)
	}
	for p.dec.PeekKind() == '"' {
		name, err := p.dec.ReadValue()
		if err != nil {
			return reply.NotJSON(err)
		}
		if bytes.IndexByte(name, '\\') >= 0 {
			name, _ = jsontext.AppendUnquote([]byte{'"'}, name) // an escaped name is the same name
			name = append(name, '"')
		}
		if f := each(name[1 : len(name)-1]); f != nil {
			return f
		}
	}
	if _, err := p.dec.ReadToken(); err != nil {
		return reply.NotJSON(err)
	}
	return nil
}

func (p *batchParser) skip() *reply.Fault {
	if err := p.dec.SkipValue(); err != nil {
		return reply.NotJSON(err)
	}
	return nil
}

func (p *batchParser) list() *reply.Fault {
	if kind := p.dec.PeekKind(); kind != '[' && kind != 0 {
		return reply.Invalid("invalid_body", "events", "must be a list")
	}
	if _, err := p.dec.ReadToken(); err != nil {
		return reply.NotJSON(err)
	}
	p.events = p.events[:0]
	for p.dec.PeekKind() != ']' {
		if len(p.events) == p.opts.MaxBatchEvents {
			return &reply.Fault{Status: http.StatusRequestEntityTooLarge, Code: "too_many_events",
				Message: fmt.Sprintf("events has more than %d events, the most that one request may have", p.opts.MaxBatchEvents), Field: "events"}
		}
		if f := p.event(); f != nil {
			return f
		}
	}
	if _, err := p.dec.ReadToken(); err != nil {
		return reply.NotJSON(err)
	}
	return nil
}

func (p *batchParser) event() *reply.Fault {
	var ev eventlog.Event
	client, named := "", false
	at := fmt.Sprintf
	i := len(p.events)
	if kind := p.dec.PeekKind(); kind != '{' && kind != 0 {
		return reply.Invalid("invalid_event", at("events[%d]", i), "must be an object")
	}
	f := p.object(func(name []byte) (f *reply.Fault) {
		switch string(name) {
		case "channelName":
			named = true
			ev.Channel, f = p.text(i, "channelName", &p.channel)
		case "clientId":
			client, f = p.filled(i, "clientId", &p.client, eventlog.MaxClient)
		case "except":
			ev.Except, f = p.filled(i, "except", &p.except, eventlog.MaxKey)
		case "append":
			ev.Append, f = p.filled(i, "append", &p.piece, eventlog.MaxKey)
		case "end":
			switch kind := p.dec.PeekKind(); kind {
			case 't', 'f', 'n', 0:
				ev.End = kind == 't'
				return p.skip()
			}
			return reply.Invalid("invalid_event", at("events[%d].end", i), "must be true or false")
		case "type":
			ev.Type, f = p.text(i, "type", &p.typ)
		case "idempotencyKey":
			if p.dec.PeekKind() == 'n' {
				return p.skip()
			}
			ev.Key, f = p.text(i, "idempotencyKey", &p.key)
		case "payload":
			raw, err := p.dec.ReadValue()
			if err != nil {
				return reply.NotJSON(err)
			}
			if len(raw) > p.opts.MaxPayloadBytes {
				field := at("events[%d].payload", i)
				return &reply.Fault{Status: http.StatusRequestEntityTooLarge, Code: "payload_too_large",
					Message: fmt.Sprintf("%s has %d bytes; a payload may have %d", field, len(raw), p.opts.MaxPayloadBytes), Field: field}
			}
			end := int(p.dec.InputOffset())
			ev.Payload = reply.OneLine(p.body[end-len(raw) : end])
		default:
			return p.skip()
		}
		return f
	})
	if f != nil {
		return f
	}
	switch {
	case client == "":
	case named:
		return reply.Invalid("invalid_event", at("events[%d].clientId", i), "stands in place of channelName; an event has one of them")
	case ev.End:
		return reply.Invalid("invalid_event", at("events[%d].end", i), "is for events on a channel; a client has no end")
	default:
		ev.Channel = eventlog.ClientChannel(client)
	}
	var before eventlog.Event // which was found good
	if i > 0 {
		before = p.events[i-1]
	}
	if client == "" && (ev.Channel != before.Channel || i == 0 || eventlog.ClientOf(before.Channel) != "") {
		if err := eventlog.CheckChannel(ev.Channel); err != nil {
			return reply.Invalid("invalid_event", at("events[%d].channelName", i), "%v", err)
		}
	}
	if ev.Type != before.Type || i == 0 {
		if err := eventlog.CheckType(ev.Type); err != nil {
			return reply.Invalid("invalid_event", at("events[%d].type", i), "%v", err)
		}
	}
	if ev.Payload == nil {
		return reply.Invalid("invalid_event", at("events[%d].payload", i), "is required; any JSON value is allowed, including null")
	}
	if ev.Append != "" && ev.Payload[0] != '"' {
		return reply.Invalid("invalid_event", at("events[%d].payload", i), "must be a string, for append makes it a piece of a text")
	}
	if len(ev.Key) > eventlog.MaxKey {
		return reply.Invalid("invalid_event", at("events[%d].idempotencyKey", i), "has %d bytes; a key may have %d", len(ev.Key), eventlog.MaxKey)
	}
	p.events = append(p.events, ev)
	return nil
}

// filled reads an optional string of 1 to most bytes; null is none.
func (p *batchParser) filled(i int, name string, last *cachedString, most int) (string, *reply.Fault) {
	if p.dec.PeekKind() == 'n' {
		return "", p.skip()
	}
	text, f := p.text(i, name, last)
	if f == nil && (text == "" || len(text) > most || !utf8.ValidString(text)) {
		return "", reply.Invalid("invalid_event", fmt.Sprintf("events[%d].%s", i, name), "must be a string of 1 to %d bytes", most)
	}
	return text, f
}

// cachedString caches the previous string of a field: its raw JSON and its decoded text.
// Names repeat from event to event.
type cachedString struct {
	raw  []byte
	text string
}

// text reads a string; last is the one that stood in its place before.
func (p *batchParser) text(i int, name string, last *cachedString) (string, *reply.Fault) {
	if kind := p.dec.PeekKind(); kind != '"' && kind != 0 {
		return "", reply.Invalid("invalid_event", fmt.Sprintf("events[%d].%s", i, name), "must be a string")
	}
	raw, err := p.dec.ReadValue()
	if err != nil {
		return "", reply.NotJSON(err)
	}
	if !bytes.Equal(raw, last.raw) {
		end := int(p.dec.InputOffset())
		plain, err := reply.UnquoteJSON(raw)
		if err != nil {
			return "", reply.Invalid("invalid_event", fmt.Sprintf("events[%d].%s", i, name), "%v", err)
		}
		*last = cachedString{p.body[end-len(raw) : end], plain}
	}
	return last.text, nil
}
