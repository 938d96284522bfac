package hub

import (
	"encoding/json"
	"strconv"
	"time"

	"rollcall/hub/eventlog"
)

// Dialect is the form of a stream's events. Everything else of a stream stays: its
// order, its resumption and its end. A Dialect is shared by streams and never changes;
// nil is the form that the log's frames have.
type Dialect struct {
	// Render appends r as whole SSE events with the id at to dst, or nothing for a record that the dialect ignores; nil
	// leaves the log's frames as they are. Shards' goroutines call it, about once per record and shard; the result must
	// depend only on the arguments.
	Render func(dst []byte, at eventlog.Position, r *eventlog.Record) []byte

	// Notice appends an event of the server's own; nil is eventlog.AppendNotice. A dialect without such events appends
	// nothing; its streams have no Wants.
	Notice func(dst []byte, at eventlog.Position, channel, typ string, payload []byte) []byte

	// LastEvent returns the payload of a lastEvent, for a channel's newest event, which is
	// nil for none. If LastEvent is nil, streams begin with neither registered nor lastEvent.
	LastEvent func(epoch string, r *eventlog.Record) []byte
}

// Greets reports whether streams begin with registered.
func (d *Dialect) Greets() bool { return d == nil || d.LastEvent != nil }

// silent reports whether streams have none of the server's own events.
func (d *Dialect) silent() bool {
	return d != nil && d.Notice != nil && len(d.Notice(nil, eventlog.Position{}, "", "gap", []byte("{}"))) == 0
}

// AppendNotice appends an event of the server's own to dst, if streams have it.
func (d *Dialect) AppendNotice(dst []byte, at eventlog.Position, channel, typ string, payload []byte) []byte {
	if d == nil || d.Notice == nil {
		return eventlog.AppendNotice(dst, at, channel, typ, payload)
	}
	return d.Notice(dst, at, channel, typ, payload)
}

// AppendDirect appends an event that looks as if it were published, but is on no channel and in no log.
func (d *Dialect) AppendDirect(dst []byte, at eventlog.Position, typ string, payload []byte, when time.Time) []byte {
	if d == nil || d.Render == nil {
		return eventlog.AppendDirect(dst, at, typ, payload, when)
	}
	ev := eventlog.Event{Type: typ, Payload: payload}
	return d.Render(dst, at, eventlog.Restore(eventlog.Stored{Event: ev, Seq: at.Seq, Time: when}, at.Epoch))
}

// AppendGoodbye appends the last event of a stream that ends for a reason. In a dialect without this event, it is only
// the position, with the retry time.
func (d *Dialect) AppendGoodbye(dst []byte, at eventlog.Position, why Reason) []byte {
	dst = append(dst, "retry: "...)
	dst = strconv.AppendInt(dst, why.retry().Milliseconds(), 10)
	dst = append(dst, '\n')
	end := len(dst)
	if dst = d.AppendNotice(dst, at, "", "goodbye", why.payload()); len(dst) == end {
		dst = append(append(append(dst, "id: "...), at.String()...), "\n\n"...)
	}
	return dst
}

// appendGap appends a gap of the channel. Where events were skipped, that is the reason.
func (d *Dialect) appendGap(dst []byte, at eventlog.Position, channel, after, reason string, skipped int) []byte {
	payload := append([]byte(`{"after":`), eventlog.AppendString(nil, after)...)
	if skipped > 0 {
		reason = "skipped"
	}
	payload = append(payload, `,"reason":"`...)
	payload = append(append(payload, reason...), '"')
	if skipped > 0 {
		payload = strconv.AppendInt(append(payload, `,"skipped":`...), int64(skipped), 10)
	}
	return d.AppendNotice(dst, at, channel, "gap", append(payload, '}'))
}

// appendLast appends the lastEvent of the channel, if streams have it.
func (d *Dialect) appendLast(dst []byte, at eventlog.Position, channel string, r *eventlog.Record) []byte {
	switch {
	case d == nil:
		return eventlog.AppendNotice(dst, at, channel, "lastEvent", LastEvent(r))
	case d.LastEvent == nil:
		return dst
	}
	return d.AppendNotice(dst, at, channel, "lastEvent", d.LastEvent(at.Epoch, r))
}

// render returns a record in the dialect.
func (d *Dialect) render(at eventlog.Position, r *eventlog.Record) []byte {
	if r.Bare() {
		var told struct{ Payload string }
		if r.Type() != "gap" || json.Unmarshal(r.Payload(), &told) != nil {
			return r.Frame().SSE()
		}
		return d.AppendNotice(nil, at, r.Channel(), r.Type(), []byte(told.Payload))
	}
	return d.Render(nil, at, r)
}

// LastEvent returns a record as the payload of a lastEvent: its type and payload
// as JSON, "{}" for nil.
func LastEvent(r *eventlog.Record) []byte {
	if r == nil {
		return []byte("{}")
	}
	text := append([]byte(`{"type":`), eventlog.AppendString(nil, r.Type())...)
	text = append(text, `,"payload":`...)
	return append(append(text, r.Payload()...), '}')
}

// renderCache holds the last rendering; within a turn the next stream usually needs the same one.
type renderCache struct {
	dialect *Dialect
	record  *eventlog.Record
	frame   eventlog.Frame
}

// frameOf returns a record as the stream is to get it. One that is bare is a notice which
// stands in the log's live flow.
func (s *shard) frameOf(c *Conn, r *eventlog.Record) eventlog.Frame {
	d := c.dialect
	switch {
	case d == nil:
		return r.Frame()
	case r.Bare() && d.Notice == nil, !r.Bare() && d.Render == nil:
		return r.Frame()
	}
	if s.said.dialect != d || s.said.record != r {
		at := eventlog.Position{Epoch: s.hub.epoch, Seq: r.Seq}
		s.said = renderCache{d, r, c.ownFrame(d.render(at, r))}
	}
	return s.said.frame
}
