package publish

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"

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
