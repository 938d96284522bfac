package publish

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"rollcall/hub/eventlog"
	"rollcall/web/auth"
	"rollcall/web/gate"
	"rollcall/web/reply"
)

// Limits of a body that is published while it arrives.
const (
	pieceWait   = 10 * time.Millisecond // a piece waits so long for the next ones
	pieceBytes  = 16 << 10              // of text in one event; the payload limit may be smaller
	bodySilence = time.Hour             // after which a body counts as broken off
	waiting     = 64                    // events that have arrived and wait to be published
	answerWait  = time.Minute           // for the answer to be taken
)

// arriving is a body that is published while it arrives.
type arriving struct {
	p     *Publisher
	c     *gin.Context
	who   gate.Caller
	event eventlog.Event // of which each event is a copy, with another payload
	end   bool           // the channel ends with the body
	texts bool           // payloads are texts, which can be joined
	named bool           // the request has a type; that of the body's events does not count

	published int
	last      uint64
}

// Stream answers POST /publish/stream.
func (p *Publisher) Stream(c *gin.Context) *reply.Fault {
	a, read, f := p.arriving(c)
	if f == nil {
		p.beginSpan(c)
		p.Arriving.Add(1)
		f = a.run(read)
		p.Arriving.Add(-1)
	}
	p.Outcomes.count(f)
	p.endSpan(c, f)
	if f == nil {
		id := ""
		if a.published > 0 {
			id = p.node.IDOf(a.last)
		}
		reply.AnswerText(c, fmt.Appendf(nil, `{"events":%d,"id":%q}`, a.published, id))
	}
	return f
}

// reader reads a body and calls each with every event's type, if it has one, and payload. It returns nil at the end, each's error, or
// why the body can't be read further.
type reader func(body *bodyReader, each func(typ string, payload []byte) error) error

// arriving reads what is asked for, and who asks.
func (p *Publisher) arriving(c *gin.Context) (*arriving, reader, *reply.Fault) {
	q, f := reply.ParseQuery(c)
	if f != nil {
		return nil, nil, f
	}
	a := &arriving{p: p, c: c, event: eventlog.Event{Channel: q.Get("channel"), Type: q.Get("type"), Append: q.Get("append")}, named: q.Has("type")}
	if err := eventlog.CheckChannel(a.event.Channel); err != nil {
		return nil, nil, reply.Invalid("invalid_channel", "channel", "%v", err)
	}
	if n := len(a.event.Append); n > eventlog.MaxKey || q.Has("append") && n == 0 {
		return nil, nil, reply.Invalid("invalid_field", "append", "must have 1 to %d bytes", eventlog.MaxKey)
	}
	switch q.Get("end") {
	case "true":
		a.end = true
	case "", "false":
	default:
		return nil, nil, reply.Invalid("invalid_field", "end", "must be true or false")
	}
	read, f := a.reader()
	if f != nil {
		return nil, nil, f
	}
	if err := eventlog.CheckType(a.event.Type); err != nil {
		return nil, nil, reply.Invalid("invalid_field", "type", "%v", err)
	}
	if f := reply.CheckBody(c, 1<<62); f != nil {
		return nil, nil, f
	}
	if a.who, f = p.gate.Caller(c); f != nil {
		return nil, nil, f
	}
	if !a.who.MayPublish(a.event.Channel) || a.who.Kind == auth.Anonymous {
		return nil, nil, p.gate.Forbidden(c, a.who, "channel", "Publishing to "+strconv.Quote(a.event.Channel))
	}
	return a, read, p.gate.MayPublish(c, a.who)
}

// reader returns what reads bodies of the request's content type. It fills in the type of events that have none.
func (a *arriving) reader() (reader, *reply.Fault) {
	kind, _, err := mime.ParseMediaType(a.c.GetHeader("Content-Type"))
	if a.c.GetHeader("Content-Type") == "" {
		kind, err = "text/plain", nil
	}
	switch {
	case err == nil && kind == "text/plain":
		a.texts = true
		return a.readText, nil
	case err == nil && (kind == "application/x-ndjson" || kind == "application/jsonl"):
		return a.readLines, nil
	case err == nil && kind == "text/event-stream":
		if !a.named {
			a.event.Type = "message" // of an event without one
		}
		return a.readEvents, nil
	}
	return nil, reply.NewFault(http.StatusUnsupportedMediaType, "unsupported_type",
		"The Content-Type must be text/plain, application/x-ndjson or text/event-stream.")
}

// run publishes the body. What has arrived is published, however it ends; the channel ends only with the whole body.
func (a *arriving) run(read reader) *reply.Fault {
	rc := http.NewResponseController(a.c.Writer)
	_ = rc.SetWriteDeadline(time.Time{})
	defer func() { _ = rc.SetWriteDeadline(time.Now().Add(answerWait)) }()

	events := make(chan eventlog.Event, waiting)
	broken := make(chan error, 1) // the reader's, before events is closed
	quit := make(chan struct{})
	go func() {
		defer close(events)
		n := 0
		broken <- read(&bodyReader{body: a.c.Request.Body, rc: rc, quit: quit}, func(typ string, payload []byte) error {
			ev := a.event
			if !a.named && typ != "" {
				ev.Type = typ
			}
			if f := a.check(n, &ev, payload); f != nil {
				return f
			}
			n++
			select {
			case events <- ev:
				return nil
			case <-quit:
				return errStopped
			}
		})
	}()
	f := a.publish(events, broken)
	if f != nil {
		close(quit)
		_ = rc.SetReadDeadline(time.Now()) // which a read that waits notices
	}
	for range events { // the reader ends first: the body is the server's then
	}
	return f
}

var (
	errStopped  = errors.New("the body is read no further")
	errDraining = reply.NewFault(http.StatusServiceUnavailable, "draining", "The server is shutting down. What had arrived is published.")
)

// bodyFault is the answer to a body that could not be read to its end. What had arrived is published.
func bodyFault(err error) *reply.Fault {
	var f *reply.Fault
	switch {
	case err == nil:
		return nil
	case errors.As(err, &f):
		return f
	case errors.Is(err, bufio.ErrTooLong):
		return &reply.Fault{Status: http.StatusRequestEntityTooLarge, Code: "payload_too_large",
			Message: "The body has a line that is too long for a payload. What had arrived before it is published."}
	}
	return reply.NewFault(http.StatusBadRequest, "incomplete_body", "The body broke off. What had arrived is published.")
}

// check completes the body's event n.
func (a *arriving) check(n int, ev *eventlog.Event, payload []byte) *reply.Fault {
	at := fmt.Sprintf("events[%d]", n)
	switch most := a.p.opts.MaxPayloadBytes; {
	case len(payload) > most:
		return &reply.Fault{Status: http.StatusRequestEntityTooLarge, Code: "payload_too_large",
			Message: fmt.Sprintf("%s has a payload of %d bytes; a payload may have %d", at, len(payload), most)}
	case ev.Append != "" && payload[0] != '"':
		return reply.NewFault(http.StatusBadRequest, "invalid_event", at+" has a payload that is no string; append makes it a piece of a text.")
	}
	if err := eventlog.CheckType(ev.Type); err != nil {
		return reply.NewFault(http.StatusBadRequest, "invalid_event", fmt.Sprintf("%s has a type that %v.", at, err))
	}
	ev.Payload = payload
	return nil
}

// publish publishes the events as they come, together what comes within pieceWait.
func (a *arriving) publish(events <-chan eventlog.Event, broken <-chan error) *reply.Fault {
	for {
		var batch []eventlog.Event
		select {
		case ev, open := <-events:
			if open {
				batch, open = a.gather([]eventlog.Event{ev}, events)
			}
			if open {
				break
			}
			err := <-broken
			if err == nil {
				batch = a.ending(batch)
			}
			if f := a.append(batch); f != nil {
				return f
			}
			return bodyFault(err)
		case <-a.p.closing:
			if f := a.append(arrived(events)); f != nil {
				return f
			}
			return errDraining
		}
		if f := a.append(batch); f != nil {
			return f
		}
	}
}

// arrived returns what waits to be published.
func arrived(events <-chan eventlog.Event) (batch []eventlog.Event) {
	for {
		select {
		case ev, open := <-events:
			if !open {
				return batch
			}
			batch = append(batch, ev)
		default:
			return batch
		}
	}
}

// ending has the last batch end the channel, by an event of its own where there is no other.
func (a *arriving) ending(batch []eventlog.Event) []eventlog.Event {
	if !a.end {
		return batch
	}
	if len(batch) == 0 {
		ev := a.event
		ev.Payload = []byte("null")
		if a.texts || ev.Append != "" {
			ev.Payload = []byte(`""`)
		}
		batch = append(batch, ev)
	}
	batch[len(batch)-1].End = true
	return batch
}

// gather adds what comes within pieceWait. open reports whether more may come.
func (a *arriving) gather(batch []eventlog.Event, events <-chan eventlog.Event) (_ []eventlog.Event, open bool) {
	timeout := time.NewTimer(pieceWait)
	defer timeout.Stop()
	for size := len(batch[0].Payload); ; {
		select {
		case ev, open := <-events:
			if !open {
				return batch, false
			}
			batch = a.join(batch, ev)
			if size += len(ev.Payload); len(batch) >= a.p.opts.MaxBatchEvents || size >= int(a.p.opts.MaxBodyBytes)/2 {
				return batch, true
			}
		case <-timeout.C:
			return batch, true
		}
	}
}

// join adds an event to a batch: to its last one, where both are pieces of a text and there is room.
func (a *arriving) join(batch []eventlog.Event, ev eventlog.Event) []eventlog.Event {
	last := &batch[len(batch)-1]
	if (a.texts || ev.Append != "") && last.Type == ev.Type && len(last.Payload)+len(ev.Payload) <= min(pieceBytes, a.p.opts.MaxPayloadBytes) {
		last.Payload = append(last.Payload[:len(last.Payload)-1:len(last.Payload)-1], ev.Payload[1:]...)
		return batch
	}
	return append(batch, ev)
}

// append appends a batch to the log. While the publisher is too fast, its body waits.
func (a *arriving) append(batch []eventlog.Event) *reply.Fault {
	if len(batch) == 0 {
		return nil
	}
	size := 0
	for i := range batch {
		size += len(batch[i].Payload)
	}
	ctx := a.c.Request.Context()
	for a.p.gate.MayPublishBytes(a.c, a.who, size) != nil {
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done(): // nobody waits for the answer; what came is published
			return a.store(batch)
		}
	}
	a.c.Writer.Header().Del("Retry-After")
	return a.store(batch)
}

func (a *arriving) store(batch []eventlog.Event) *reply.Fault {
	results, err := a.p.node.Publish(context.WithoutCancel(a.c.Request.Context()), batch)
	if err != nil {
		f := reply.PublishFault(a.c, err)
		f.Message, f.Field = fmt.Sprintf("After %d events: %s", a.published, f.Message), ""
		return f
	}
	a.published += len(results)
	a.last = results[len(results)-1].Seq
	return nil
}
