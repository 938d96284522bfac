package web

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"rollcall/hub"
	"rollcall/hub/eventlog"
)

// What a room keeps, beside the limits of all channels on age and in sum.
const (
	roomEvents = 10_000
	roomBytes  = 5_000_000
)

// messageType is the type of a room's messages.
const messageType = "message"

// roomDialect is how a room's messages are told. Events of other types, and such as are
// no message, are for other readers of the channel.
var roomDialect = &hub.Dialect{
	History: true,
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
func roomChannel(room string) (string, *fault) {
	if room == "" {
		return "", invalid("invalid_room", "room", "is missing; name one, such as developers")
	}
	channel := roomPrefix + room
	if err := eventlog.CheckChannel(channel); err != nil {
		return "", invalid("invalid_room", "room", "makes no channel: %q %v", channel, err)
	}
	return channel, nil
}

// roomMessages answers GET /messages.
func (s *Server) roomMessages(c *gin.Context) {
	r, f := s.roomRequest(c)
	s.open(c, r, f)
}

func (s *Server) roomRequest(c *gin.Context) (*request, *fault) {
	q, f := parseQuery(c)
	if f != nil {
		return nil, f
	}
	channel, f := roomChannel(q.Get("room"))
	if f != nil {
		return nil, f
	}
	r := &request{channels: []string{channel}, clientID: cmp.Or(q.Get("user"), q.Get("clientId")), resume: resumeParam(c), field: "room", dialect: roomDialect}
	if !isClientID(r.clientID) {
		return nil, invalid("invalid_client_id", "user", "must have at most %d bytes of UTF-8 and no control characters", maxClientID)
	}
	return r, nil
}

// messageView is a message as its sender is told of it.
type messageView struct {
	ID        string `json:"id"`
	Text      string `json:"text"`
	User      string `json:"user"`
	Room      string `json:"room"`
	Timestamp string `json:"timestamp"`
}

// postMessage answers POST /messages.
func (s *Server) postMessage(c *gin.Context) {
	body := newBody(&s.limits.publishing)
	defer body.release()
	g, f := s.readPublisher(c, body)
	var m messageView
	var ev eventlog.Event
	if f == nil {
		m, ev, f = parseMessage(body.Bytes())
	}
	var result eventlog.Result
	if f == nil {
		result, f = s.publishOne(c, g, ev, "text", "room")
	}
	if f != nil {
		refuse(c, f)
		return
	}
	m.ID, m.Timestamp = s.idOf(result.Seq), s.timeOf(ev.Channel, result.Seq)
	answerAs(c, http.StatusCreated, m)
}

func parseMessage(text []byte) (m messageView, ev eventlog.Event, f *fault) {
	if !utf8.Valid(text) {
		return m, ev, notJSON(errors.New("it is not UTF-8"))
	}
	var posted struct {
		Text string `json:"text"`
		User string `json:"user"`
		Room string `json:"room"`
	}
	if f := decode(text, &posted); f != nil {
		return m, ev, f
	}
	channel, f := roomChannel(posted.Room)
	switch {
	case f != nil:
		return m, ev, f
	case posted.Text == "":
		return m, ev, invalid("invalid_message", "text", "is missing; a message has a text that is not empty")
	case !isClientID(posted.User):
		return m, ev, invalid("invalid_message", "user", "must have at most %d bytes of UTF-8 and no control characters", maxClientID)
	}
	m = messageView{Text: posted.Text, User: posted.User, Room: posted.Room}
	return m, eventlog.Event{Channel: channel, Type: messageType, Payload: append(appendMessage(nil, m.Text, m.User), '}')}, nil
}

// timeOf returns when an event that was just published was accepted; now where the log
// does not have it any more, or not yet.
func (s *Server) timeOf(channel string, seq uint64) string {
	b := s.log.Next(&eventlog.Cursor{Channels: []string{channel}, After: seq - 1}, eventlog.Limit{Events: 1}, nil)
	if len(b.Records) > 0 && b.Records[0].Seq == seq {
		return b.Records[0].Timestamp()
	}
	return eventlog.Stamp(time.Now())
}
