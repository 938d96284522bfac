package web

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json/jsontext"

	"rollcall/hub/eventlog"
	"rollcall/web/auth"
)

// readPublisher reads the body of somebody who may publish, to some channels.
func (s *Server) readPublisher(c *gin.Context, body *body) (*auth.Grant, *fault) {
	g, f := s.grant(c)
	if f == nil && g.Kind == auth.Anonymous {
		f = s.forbidden(c, g, "", "Publishing") // before its body is read
	}
	if f == nil {
		f = s.mayPublish(c, g)
	}
	if f == nil {
		s.beginSpan(c)
		f = body.read(c, s.opts.MaxBodyBytes)
	}
	if f == nil {
		f = s.mayPublishBytes(c, g, body.Len())
	}
	return g, f
}

// publish answers POST /publish.
func (s *Server) publish(c *gin.Context) {
	body := newBody(&s.limits.publishing)
	defer body.release()
	g, f := s.readPublisher(c, body)
	if f != nil {
		refuse(c, f)
		return
	}
	events, f := s.parseBatch(&body.Buffer)
	for i := 0; f == nil && i < len(events); i++ {
		if name := events[i].Channel; !g.MayPublish(name) {
			f = s.forbidden(c, g, fmt.Sprintf("events[%d].channelName", i), "Publishing to "+strconv.Quote(name))
		}
	}
	if f != nil {
		refuse(c, f)
		return
	}
	results, err := s.tracer.append(c.Request.Context(), s.hub, events)
	if err != nil {
		refuse(c, publishFault(c, err))
		return
	}
	epoch := s.log.Head().Epoch
	out := make([]byte, 0, 16+len(events)*64)
	out = append(out, `{"events":[`...)
	for i, r := range results {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, `{"channelName":`...)
		out = eventlog.AppendString(out, events[i].Channel)
		out = append(out, `,"id":"`...)
		out = append(out, epoch...)
		out = append(out, '-')
		out = strconv.AppendUint(out, r.Seq, 10)
		if r.Duplicate {
			out = append(out, `","duplicate":true}`...)
		} else {
			out = append(out, `"}`...)
		}
	}
	out = append(out, "]}"...)
	c.Header("Content-Length", strconv.Itoa(len(out)))
	answerText(c, out)
}

// batchParser reads the body of a publish. The events refer to the body's bytes.
type batchParser struct {
	body   []byte
	dec    *jsontext.Decoder
	opts   *Options
	events []eventlog.Event

	channel, typ, key word // of the event before
}

func (s *Server) parseBatch(body *bytes.Buffer) ([]eventlog.Event, *fault) {
	if !utf8.Valid(body.Bytes()) {
		return nil, notJSON(errors.New("it is not UTF-8"))
	}
	// AllowInvalidUTF8 is for half a surrogate pair, such as "\ud800", in a payload:
	// it is JSON, and what JavaScript makes of a text cut in the middle of a character.
	dec := jsontext.NewDecoder(body, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	p := batchParser{body: body.Bytes(), dec: dec, opts: &s.opts}
	f := p.object("The body", func(name []byte) *fault {
		if string(name) != "events" {
			return p.skip()
		}
		if p.dec.PeekKind() == 'n' {
			p.events = nil
			return p.skip()
		}
		return p.list()
	})
	if f != nil {
		return nil, f
	}
	if _, err := p.dec.ReadToken(); err != io.EOF {
		return nil, notJSON(fmt.Errorf("there is more after the value"))
	}
	return p.events, nil
}

// object reads an object and calls each with every name in it, to read the value.
// The name is to be used before anything else is read.
func (p *batchParser) object(what string, each func(name []byte) *fault) *fault {
	if kind := p.dec.PeekKind(); kind != '{' && kind != 0 {
		return &fault{http.StatusBadRequest, "invalid_body", what + " must be a JSON object.", ""}
	}
	if _, err := p.dec.ReadToken(); err != nil {
		return notJSON(err)
	}
	for p.dec.PeekKind() == '"' {
		name, err := p.dec.ReadValue()
		if err != nil {
			return notJSON(err)
		}
		if bytes.IndexByte(name, '\\') >= 0 {
			name, _ = jsontext.AppendUnquote([]byte{'"'}, name) // what is escaped reads the same
			name = append(name, '"')
		}
		if f := each(name[1 : len(name)-1]); f != nil {
			return f
		}
	}
	if _, err := p.dec.ReadToken(); err != nil {
		return notJSON(err)
	}
	return nil
}

func (p *batchParser) skip() *fault {
	if err := p.dec.SkipValue(); err != nil {
		return notJSON(err)
	}
	return nil
}

func (p *batchParser) list() *fault {
	if kind := p.dec.PeekKind(); kind != '[' && kind != 0 {
		return invalid("invalid_body", "events", "must be a list")
	}
	if _, err := p.dec.ReadToken(); err != nil {
		return notJSON(err)
	}
	p.events = p.events[:0]
	for p.dec.PeekKind() != ']' {
		if len(p.events) == p.opts.MaxBatchEvents {
			return &fault{http.StatusRequestEntityTooLarge, "too_many_events",
				fmt.Sprintf("events has more than %d events, the most that one request may have", p.opts.MaxBatchEvents), "events"}
		}
		if f := p.event(); f != nil {
			return f
		}
	}
	if _, err := p.dec.ReadToken(); err != nil {
		return notJSON(err)
	}
	return nil
}

func (p *batchParser) event() *fault {
	var ev eventlog.Event
	at := fmt.Sprintf
	i := len(p.events)
	if kind := p.dec.PeekKind(); kind != '{' && kind != 0 {
		return invalid("invalid_event", at("events[%d]", i), "must be an object")
	}
	f := p.object("", func(name []byte) (f *fault) {
		switch string(name) {
		case "channelName":
			ev.Channel, f = p.text(i, "channelName", &p.channel)
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
				return notJSON(err)
			}
			if len(raw) > p.opts.MaxPayloadBytes {
				field := at("events[%d].payload", i)
				return &fault{http.StatusRequestEntityTooLarge, "payload_too_large",
					fmt.Sprintf("%s has %d bytes; a payload may have %d", field, len(raw), p.opts.MaxPayloadBytes), field}
			}
			end := int(p.dec.InputOffset())
			ev.Payload = oneLine(p.body[end-len(raw) : end])
		default:
			return p.skip()
		}
		return f
	})
	if f != nil {
		return f
	}
	var before eventlog.Event // which was found good
	if i > 0 {
		before = p.events[i-1]
	}
	if ev.Channel != before.Channel || i == 0 {
		if err := eventlog.CheckChannel(ev.Channel); err != nil {
			return invalid("invalid_event", at("events[%d].channelName", i), "%v", err)
		}
	}
	if ev.Type != before.Type || i == 0 {
		if err := eventlog.CheckType(ev.Type); err != nil {
			return invalid("invalid_event", at("events[%d].type", i), "%v", err)
		}
	}
	if ev.Payload == nil {
		return invalid("invalid_event", at("events[%d].payload", i), "is missing; any JSON value is allowed, null too")
	}
	if len(ev.Key) > eventlog.MaxKey {
		return invalid("invalid_event", at("events[%d].idempotencyKey", i), "has %d bytes; a key has at most %d", len(ev.Key), eventlog.MaxKey)
	}
	p.events = append(p.events, ev)
	return nil
}

// word is a string read before, as it stands in the body and as it reads. Names
// repeat from event to event.
type word struct {
	raw  []byte
	text string
}

// text reads a string; last is the one that stood in its place before.
func (p *batchParser) text(i int, name string, last *word) (string, *fault) {
	if kind := p.dec.PeekKind(); kind != '"' && kind != 0 {
		return "", invalid("invalid_event", fmt.Sprintf("events[%d].%s", i, name), "must be a string")
	}
	raw, err := p.dec.ReadValue()
	if err != nil {
		return "", notJSON(err)
	}
	if !bytes.Equal(raw, last.raw) {
		end := int(p.dec.InputOffset())
		plain, err := jsontext.AppendUnquote(nil, raw)
		if err != nil {
			return "", invalid("invalid_event", fmt.Sprintf("events[%d].%s", i, name), "has half a surrogate pair")
		}
		*last = word{p.body[end-len(raw) : end], string(plain)}
	}
	return last.text, nil
}

// oneLine returns a JSON value, without white space if it has line ends.
func oneLine(raw jsontext.Value) []byte {
	if bytes.IndexByte(raw, '\n') >= 0 || bytes.IndexByte(raw, '\r') >= 0 {
		raw = raw.Clone()
		_ = raw.Compact() // it is valid
	}
	return raw
}

func notJSON(err error) *fault {
	why := strings.TrimPrefix(err.Error(), "jsontext: ")
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		why = "it ends too early"
	}
	return &fault{http.StatusBadRequest, "invalid_json", "The body is not valid JSON: " + why + ".", ""}
}
