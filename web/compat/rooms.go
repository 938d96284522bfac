package compat

import (
	"cmp"
	"encoding/json"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"rollcall/hub"
	"rollcall/hub/eventlog"
	"rollcall/web/gate"
	"rollcall/web/reply"
	"rollcall/web/stream"
)

// What a room keeps, beside the age limit and the budget of all channels.
const (
	roomEvents = 10_000
	roomBytes  = 5_000_000
)

// messageType is the type of a room's messages.
const messageType = "message"

// roomDialect renders a room's messages. It skips events of other types and other forms, which are for other readers
// of the channel.
var roomDialect = &hub.Dialect{
	Render: func(dst []byte, at eventlog.Position, r *eventlog.Record) []byte {
		text, user, ok := readMessage(r)
		if !ok {
			return dst
		}
		data := append(appendMessage(nil, text, user), `,"timestamp":"`...)
		data = append(data, r.Timestamp()...)
		return eventlog.AppendBare(dst, at, messageType, append(data, `"}`...))
	},
}

// appendMessage appends a message as an object without its end.
func appendMessage(dst []byte, text, user string) []byte {
	dst = eventlog.AppendString(append(dst, `{"text":`...), text)
	return eventlog.AppendString(append(dst, `,"user":`...), user)
}

// readMessage reads an event as a message: its payload is the text, or an object with
// the text and perhaps the user.
func readMessage(r *eventlog.Record) (text, user string, ok bool) {
	if r.Type() != messageType {
		return "", "", false
	}
	if json.Unmarshal(r.Payload(), &text) == nil && r.Payload()[0] == '"' {
		return text, "", true
	}
	var m struct {
		Text *string         `json:"text"`
		User json.RawMessage `json:"user"`
	}
	if json.Unmarshal(r.Payload(), &m) != nil || m.Text == nil {
		return "", "", false
	}
	_ = json.Unmarshal(m.User, &user) // anything but a string is no name
	return *m.Text, user, true
}

// roomChannel returns a room's channel.
func roomChannel(room string) (string, *reply.Fault) {
	if room == "" {
		return "", reply.Invalid("invalid_room", "room", "is required, such as developers")
	}
	channel := roomPrefix + room
	if err := eventlog.CheckChannel(channel); err != nil {
		return "", reply.Invalid("invalid_room", "room", "does not give a channel name: %q %v", channel, err)
	}
	return channel, nil
}

// roomMessages answers GET /messages.
func (s *Compat) roomMessages(c *gin.Context) {
	s.streams.Open(c, s.roomRequest)
}

func (s *Compat) roomRequest(c *gin.Context) (*stream.Request, *reply.Fault) {
	q, f := reply.ParseQuery(c)
	if f != nil {
		return nil, f
	}
	channel, f := roomChannel(q.Get("room"))
	if f != nil {
		return nil, f
	}
	user := cmp.Or(q.Get("user"), q.Get("clientId"))
	if !reply.IsClientID(user) {
		return nil, reply.Invalid("invalid_client_id", "user", "must have at most %d bytes of UTF-8 and no control characters", reply.MaxClientID)
	}
	return &stream.Request{Channels: []string{channel}, ClientID: user, Resume: stream.ResumeParam(c), From: hub.FromOldest, Field: "room", Dialect: roomDialect}, nil
}

// messageView is a message in the answer to its sender.
type messageView struct {
	ID        string `json:"id"`
	Text      string `json:"text"`
	User      string `json:"user"`
	Room      string `json:"room"`
	Timestamp string `json:"timestamp"`
}

// postMessage answers POST /messages.
func (s *Compat) postMessage(c *gin.Context, who gate.Caller, body *reply.Body) *reply.Fault {
	m, ev, f := parseMessage(body.Bytes())
	if f != nil {
		return f
	}
	result, f := s.publisher.One(c, who, ev, "text", "room")
	if f != nil {
		return f
	}
	m.ID, m.Timestamp = s.node.IDOf(result.Seq), s.timeOf(ev.Channel, result.Seq)
	reply.AnswerAs(c, http.StatusCreated, m)
	return nil
}

func parseMessage(text []byte) (m messageView, ev eventlog.Event, f *reply.Fault) {
	var posted struct {
		Text string `json:"text"`
		User string `json:"user"`
		Room string `json:"room"`
	}
	if f := reply.DecodeJSON(text, &posted); f != nil {
		return m, ev, f
	}
	channel, f := roomChannel(posted.Room)
	if f != nil {
		return m, ev, f
	}
	switch {
	case posted.Text == "":
		return m, ev, reply.Invalid("invalid_message", "text", "is required; it must not be empty")
	case !reply.IsClientID(posted.User):
		return m, ev, reply.Invalid("invalid_message", "user", "must have at most %d bytes of UTF-8 and no control characters", reply.MaxClientID)
	}
	m = messageView{Text: posted.Text, User: posted.User, Room: posted.Room}
	return m, eventlog.Event{Channel: channel, Type: messageType, Payload: append(appendMessage(nil, m.Text, m.User), '}')}, nil
}

// timeOf returns when a just published event was accepted, or the current time if the log does not have it any more,
// or not yet.
func (s *Compat) timeOf(channel string, seq uint64) string {
	b := s.node.Log.Next(&eventlog.Cursor{Channels: []string{channel}, After: seq - 1}, eventlog.Limit{Events: 1}, nil)
	if len(b.Records) > 0 && b.Records[0].Seq == seq {
		return b.Records[0].Timestamp()
	}
	return eventlog.Stamp(time.Now())
}
