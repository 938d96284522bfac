package compat

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"

	"github.com/gin-gonic/gin"
	strict "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"rollcall/hub"
	"rollcall/hub/eventlog"
	"rollcall/web/gate"
	"rollcall/web/reply"
	"rollcall/web/stream"
)

// memberDialect is how a member's devices get its events.
var memberDialect = &hub.Dialect{
	Render: func(dst []byte, at eventlog.Position, r *eventlog.Record) []byte {
		data := append([]byte(`{"body":`), r.Payload()...)
		data = append(data, `,"timestamp":"`...)
		data = append(data, r.Timestamp()...)
		return eventlog.AppendBare(dst, at, r.Type(), append(data, `"}`...))
	},
}

// memberType is the form of the types of members' events.
var memberType = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)

// memberParam returns the member that a request is about, and its channel.
func memberParam(c *gin.Context, q url.Values) (id, channel string, f *reply.Fault) {
	id = cmp.Or(c.GetHeader("Member-ID"), c.GetHeader("MemberId"), q.Get("memberId"))
	if id == "" {
		return "", "", reply.Invalid("invalid_member", "memberId", "is missing; send it in the header Member-ID or as ?memberId=")
	}
	channel = memberPrefix + id
	if err := eventlog.CheckChannel(channel); err != nil {
		return "", "", reply.Invalid("invalid_member", "memberId", "does not give a channel name: %q %v", channel, err)
	}
	return id, channel, nil
}

// memberEvents answers GET /events.
func (s *Compat) memberEvents(c *gin.Context) {
	s.streams.Open(c, s.memberRequest)
}

func (s *Compat) memberRequest(c *gin.Context) (*stream.Request, *reply.Fault) {
	q, f := reply.ParseQuery(c)
	if f != nil {
		return nil, f
	}
	member, channel, f := memberParam(c, q)
	if f != nil {
		return nil, f
	}
	device, f := deviceParam(c, q)
	if f != nil {
		return nil, f
	}
	acks := q.Get("ack") == "1"
	switch {
	case q.Get("ack") != "" && !acks:
		return nil, reply.Invalid("invalid_ack", "ack", "must be 1 or left out")
	case acks && device == "":
		return nil, reply.Invalid("invalid_device", "deviceId", "is missing; only a device can report what it has")
	}
	r := &stream.Request{
		Channels: []string{channel}, ClientID: member, DeviceID: device, Resume: stream.ResumeParam(c),
		From: hub.FromNow, Field: "memberId", Dialect: memberDialect,
	}
	if device != "" {
		place := s.devices.lookup(member, device)
		place.acks = acks
		r.Place = place
	}
	return r, nil
}

// deviceParam returns the device of a request, "" for none.
func deviceParam(c *gin.Context, q url.Values) (string, *reply.Fault) {
	device := cmp.Or(c.GetHeader("Device-Id"), q.Get("deviceId"))
	if !reply.IsClientID(device) {
		return "", reply.Invalid("invalid_device", "deviceId", "must have at most %d bytes of UTF-8 and no control characters", reply.MaxClientID)
	}
	return device, nil
}

// postedEvent is an event for a member.
type postedEvent struct {
	Type           string          `json:"type"`
	Body           json.RawMessage `json:"body"`
	IdempotencyKey string          `json:"idempotencyKey"`
}

// UnmarshalJSONFrom resets the event first, so that the second of two equal names replaces the first and does not
// merge with it.
func (e *postedEvent) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	type plain postedEvent
	*e = postedEvent{}
	return strict.UnmarshalDecode(dec, (*plain)(e), dec.Options())
}

// postEvent answers POST /events.
func (s *Compat) postEvent(c *gin.Context, who gate.Caller, body *reply.Body) *reply.Fault {
	q, f := reply.ParseQuery(c)
	if f != nil {
		return f
	}
	_, channel, f := memberParam(c, q)
	if f != nil {
		return f
	}
	ev, at, f := parseEvent(channel, body.Bytes())
	if f != nil {
		return f
	}
	result, f := s.publisher.One(c, who, ev, at+"body", "memberId")
	if f != nil {
		return f
	}
	reply.AnswerAs(c, http.StatusAccepted, struct {
		ID        string `json:"id"`
		Duplicate bool   `json:"duplicate,omitempty"`
	}{s.node.IDOf(result.Seq), result.Duplicate})
	return nil
}

// parseEvent reads an event of the channel, bare or within "event", and returns the prefix of its fields' names.
func parseEvent(channel string, text []byte) (ev eventlog.Event, prefix string, f *reply.Fault) {
	var wrapped struct {
		Event *postedEvent `json:"event"`
	}
	if f := reply.DecodeJSON(text, &wrapped); f != nil {
		return ev, "", f
	}
	one, at := wrapped.Event, "event."
	if one == nil {
		one, at = new(postedEvent), ""
		if f := reply.DecodeJSON(text, one); f != nil {
			return ev, "", f
		}
	}
	switch {
	case !memberType.MatchString(one.Type) || len(one.Type) > eventlog.MaxType:
		return ev, at, reply.Invalid("invalid_event", at+"type", "must be in upper case, such as ORDER_SHIPPED: A–Z, then A–Z, 0–9 and _, up to %d bytes", eventlog.MaxType)
	case len(one.IdempotencyKey) > eventlog.MaxKey:
		return ev, at, reply.Invalid("invalid_event", at+"idempotencyKey", "has %d bytes; a key may have %d", len(one.IdempotencyKey), eventlog.MaxKey)
	case one.Body == nil:
		one.Body = json.RawMessage("null")
	}
	return eventlog.Event{Channel: channel, Type: one.Type, Payload: reply.OneLine(jsontext.Value(one.Body)), Key: one.IdempotencyKey}, at, nil
}
