package publish

import (
	"bytes"
	"fmt"
	"net/http"
	"unicode/utf8"

	"rollcall/hub/eventlog"
	"rollcall/web/reply"
)

// draft is an event of a batch while it is parsed.
type draft struct {
	eventlog.Event
	named  bool   // it has a channelName
	client string // its clientId, "" for none
}

// event parses the next event of the batch and checks it.
func (p *batchParser) event() *reply.Fault {
	if kind := p.dec.PeekKind(); kind != '{' && kind != 0 {
		return reply.Invalid("invalid_event", fmt.Sprintf("events[%d]", len(p.events)), "must be an object")
	}
	var d draft
	if f := p.object(func(name []byte) *reply.Fault { return p.field(name, &d) }); f != nil {
		return f
	}
	if f := p.address(&d); f != nil {
		return f
	}
	if f := p.check(&d); f != nil {
		return f
	}
	p.events = append(p.events, d.Event)
	return nil
}

// field parses the value of a name in an event.
func (p *batchParser) field(name []byte, d *draft) (f *reply.Fault) {
	switch string(name) {
	case "channelName":
		d.named = true
		d.Channel, f = p.text("channelName", &p.channel)
	case "clientId":
		d.client, f = p.filled("clientId", &p.client, eventlog.MaxClient)
	case "except":
		d.Except, f = p.filled("except", &p.except, eventlog.MaxKey)
	case "append":
		d.Append, f = p.filled("append", &p.piece, eventlog.MaxKey)
	case "end":
		d.End, f = p.flag("end")
	case "type":
		d.Type, f = p.text("type", &p.typ)
	case "idempotencyKey":
		if p.dec.PeekKind() == 'n' {
			return p.skip()
		}
		d.Key, f = p.text("idempotencyKey", &p.key)
	case "payload":
		d.Payload, f = p.payload()
	default:
		return p.skip()
	}
	return f
}

// address sets the channel of an event for a client.
func (p *batchParser) address(d *draft) *reply.Fault {
	switch {
	case d.client == "":
	case d.named:
		return p.fieldFault("clientId", "stands in place of channelName; an event has one of them")
	case d.End:
		return p.fieldFault("end", "is for events on a channel; a client has no end")
	default:
		d.Channel = eventlog.ClientChannel(d.client)
	}
	return nil
}

// check checks an event. Names equal to the previous event's were checked with that.
func (p *batchParser) check(d *draft) *reply.Fault {
	var before eventlog.Event
	first := len(p.events) == 0
	if !first {
		before = p.events[len(p.events)-1]
	}
	if d.client == "" && (first || d.Channel != before.Channel || eventlog.ClientOf(before.Channel) != "") {
		if err := eventlog.CheckChannel(d.Channel); err != nil {
			return p.fieldFault("channelName", "%v", err)
		}
	}
	if first || d.Type != before.Type {
		if err := eventlog.CheckType(d.Type); err != nil {
			return p.fieldFault("type", "%v", err)
		}
	}
	switch {
	case d.Payload == nil:
		return p.fieldFault("payload", "is required; any JSON value is allowed, including null")
	case d.Append != "" && d.Payload[0] != '"':
		return p.fieldFault("payload", "must be a string, for append makes it a piece of a text")
	case len(d.Key) > eventlog.MaxKey:
		return p.fieldFault("idempotencyKey", "has %d bytes; a key may have %d", len(d.Key), eventlog.MaxKey)
	}
	return nil
}

// fieldFault is the fault of a field of the current event.
func (p *batchParser) fieldFault(name, format string, args ...any) *reply.Fault {
	return reply.Invalid("invalid_event", p.fieldName(name), format, args...)
}

func (p *batchParser) fieldName(name string) string {
	return fmt.Sprintf("events[%d].%s", len(p.events), name)
}

// payload reads a JSON value, as one line.
func (p *batchParser) payload() ([]byte, *reply.Fault) {
	raw, err := p.dec.ReadValue()
	if err != nil {
		return nil, reply.NotJSON(err)
	}
	if len(raw) > p.opts.MaxPayloadBytes {
		field := p.fieldName("payload")
		return nil, &reply.Fault{Status: http.StatusRequestEntityTooLarge, Code: "payload_too_large",
			Message: fmt.Sprintf("%s has %d bytes; a payload may have %d", field, len(raw), p.opts.MaxPayloadBytes), Field: field}
	}
	end := int(p.dec.InputOffset())
	return reply.OneLine(p.body[end-len(raw) : end]), nil
}

// flag reads true or false; null is false.
func (p *batchParser) flag(name string) (bool, *reply.Fault) {
	switch kind := p.dec.PeekKind(); kind {
	case 't', 'f', 'n', 0:
		return kind == 't', p.skip()
	}
	return false, p.fieldFault(name, "must be true or false")
}

// filled reads an optional string of 1 to most bytes; null is none.
func (p *batchParser) filled(name string, last *cachedString, most int) (string, *reply.Fault) {
	if p.dec.PeekKind() == 'n' {
		return "", p.skip()
	}
	text, f := p.text(name, last)
	if f == nil && (text == "" || len(text) > most || !utf8.ValidString(text)) {
		return "", p.fieldFault(name, "must be a string of 1 to %d bytes", most)
	}
	return text, f
}

// cachedString caches the previous string of a field: its raw JSON and its decoded text.
// Names repeat from event to event.
type cachedString struct {
	raw  []byte
	text string
}

// text reads a string; last is the field's previous one.
func (p *batchParser) text(name string, last *cachedString) (string, *reply.Fault) {
	if kind := p.dec.PeekKind(); kind != '"' && kind != 0 {
		return "", p.fieldFault(name, "must be a string")
	}
	raw, err := p.dec.ReadValue()
	if err != nil {
		return "", reply.NotJSON(err)
	}
	if !bytes.Equal(raw, last.raw) {
		end := int(p.dec.InputOffset())
		plain, err := reply.UnquoteJSON(raw)
		if err != nil {
			return "", p.fieldFault(name, "%v", err)
		}
		*last = cachedString{p.body[end-len(raw) : end], plain}
	}
	return last.text, nil
}
