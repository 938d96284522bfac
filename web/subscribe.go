package web

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"rollcall/hub"
	"rollcall/hub/eventlog"
	"rollcall/web/auth"
)

// Limits on what a subscriber says of itself, in bytes.
const (
	maxClientID = 255
	maxInfo     = 1 << 10
)

// request is what a subscriber asks for.
type request struct {
	channels []string
	clientID string // "" asks the server for one
	resume   string
	older    *eventlog.Batch // what the store has of what it missed
	// olderHeld is what older takes of the room for it.
	olderHeld int64
	last      fillLast // what the store has of what it is told first
	wants     hub.Wants
	always    hub.Wants // without asking
	info      []byte    // compact JSON or nil

	// What streams have that are no /subscribe; see compat.go.
	field    string       // that named the channels; "" means channels
	dialect  *hub.Dialect // how events are written; nil as they are
	deviceID string
	place    place // nil where the client alone says where it was
}

// subscribe answers GET and POST /subscribe.
func (s *Server) subscribe(c *gin.Context) {
	var r *request
	var f *fault
	if c.Request.Method == http.MethodPost {
		r, f = s.parseJSONRequest(c)
	} else {
		r, f = s.parseQueryRequest(c)
	}
	if f == nil && s.opts.OnlinePresence {
		r.always = hub.WantOnline
	}
	s.open(c, r, f)
}

// open answers a request for a stream, which is refused if f is not nil.
func (s *Server) open(c *gin.Context, r *request, f *fault) {
	var g *auth.Grant
	if f == nil {
		g, f = s.grant(c)
	}
	if f == nil {
		f = s.allowed(c, r, g)
	}
	if f != nil {
		s.refuseStream(c, resumeOf(r), f)
		return
	}
	r.wants |= r.always
	if s.blocks.turnAway(r.clientID, r.resume != "") {
		c.Status(http.StatusNoContent)
		return
	}
	if why, leaving := s.leaving(); leaving {
		s.turnAway(c, r.resume, why)
		return
	}
	if s.Streams() >= s.opts.MaxStreams {
		s.turnAway(c, r.resume, hub.Overloaded)
		return
	}
	admitted, f := s.lend(c, g, r.channels)
	if f != nil {
		s.refuseStream(c, r.resume, f)
		return
	}
	err := r.recall(c.Request.Context())
	if err == nil {
		err = s.awaitPosition(c.Request.Context(), r.resume)
	}
	if err == nil {
		err = s.readOlder(c.Request.Context(), r)
	}
	if err != nil {
		s.releaseOlder(r.olderHeld)
		admitted.Release(0)
		if errors.Is(err, errOlderBusy) {
			s.turnAway(c, r.resume, olderBusy)
			return
		}
		s.refuseStream(c, r.resume, readFault(c, err)) // it may have a gap that is none
		return
	}
	s.stream(c, r, admitted)
}

// allowed checks what is asked for against the grant, and puts in what the grant
// says of the client in place of what it says of itself.
func (s *Server) allowed(c *gin.Context, r *request, g *auth.Grant) *fault {
	for _, name := range r.channels {
		if !g.MaySubscribe(name) {
			return s.forbidden(c, g, cmp.Or(r.field, "channels"), "Subscribing to "+strconv.Quote(name))
		}
		if r.wants&hub.WantMembers != 0 && !g.MaySeePresence(name) {
			return s.forbidden(c, g, "presence", "Seeing who is on "+strconv.Quote(name))
		}
	}
	if r.wants&hub.WantOnline != 0 && !g.FullPresence() {
		return s.forbidden(c, g, "presence", "Seeing everybody who is online")
	}
	if !g.MayChooseClientID() {
		r.clientID = g.ClientID
	}
	if g.Info != nil {
		r.info = g.Info
	}
	return nil
}

// recall has a stream that does not say where it was go on where it stood. One that was never seen begins at the head.
func (r *request) recall(ctx context.Context) error {
	if r.place == nil {
		return nil
	}
	if at, err := eventlog.ParsePosition(r.resume); r.resume != "" && (err != nil || at.Epoch != hub.Fresh) {
		return nil
	}
	last, err := r.place.Last(ctx)
	if last != "" {
		r.resume = last
	}
	return err
}

// resumeOf returns the position that was asked for, as far as that was understood.
func resumeOf(r *request) string {
	if r == nil {
		return ""
	}
	return r.resume
}

// turnAway answers with a goodbye in place of a stream, from which a browser's
// EventSource comes back. Its position is the one asked for, so that nothing is
// lost meanwhile.
func (s *Server) turnAway(c *gin.Context, resume string, why hub.Reason) {
	at, err := eventlog.ParsePosition(resume)
	if err != nil {
		at = eventlog.Position{Epoch: hub.Fresh}
	}
	streamHead(c)
	_, _ = c.Writer.Write(why.Goodbye(nil, at))
}

// streamHead sets the head of a stream's answer.
func streamHead(c *gin.Context) {
	h := c.Writer.Header()
	h["Content-Type"] = eventStream
	h["Cache-Control"] = noCache
	h["X-Accel-Buffering"] = noBuffering
	c.Status(http.StatusOK)
}

// Header values of every stream, shared and never changed.
var (
	eventStream = []string{"text/event-stream"}
	noCache     = []string{"no-cache, no-transform"}
	noBuffering = []string{"no"}
)

// parseQuery returns the request's query, which Gin would take bad parts of for missing.
func parseQuery(c *gin.Context) (url.Values, *fault) {
	q, err := url.ParseQuery(c.Request.URL.RawQuery)
	if err != nil {
		return nil, &fault{http.StatusBadRequest, "invalid_query", "The query is not well-formed; write % as %25, ; as %3B.", ""}
	}
	return q, nil
}

func (s *Server) parseQueryRequest(c *gin.Context) (*request, *fault) {
	q, f := parseQuery(c)
	if f != nil {
		return nil, f
	}
	var names []string
	for _, list := range q["channels"] {
		if list != "" {
			names = append(names, strings.Split(list, ",")...)
		}
	}
	names = append(names, q["channel"]...)
	ids := append(q["lastEventId"], q["last_event_id"]...)
	var wants []string
	for _, list := range q["presence"] {
		wants = append(wants, strings.Split(list, ",")...)
	}
	return s.check(c, names, q.Get("clientId"), ids, wants, []byte(q.Get("info")))
}

func (s *Server) parseJSONRequest(c *gin.Context) (*request, *fault) {
	g, f := s.grant(c)
	if f == nil && !g.MaySubscribeSome() {
		f = s.forbidden(c, g, "channels", "Subscribing") // before its body is read
	}
	if f != nil {
		return nil, f
	}
	c.Set(grantKey, g)
	text := newBody(&s.limits.subscribing)
	defer text.release()
	if f := text.read(c, s.opts.MaxBodyBytes); f != nil {
		return nil, f
	}
	var body struct {
		Channels    []string        `json:"channels"`
		ClientID    string          `json:"clientId"`
		LastEventID string          `json:"lastEventId"`
		LastEvent2  string          `json:"last_event_id"`
		Presence    stringOrList    `json:"presence"`
		Info        json.RawMessage `json:"info"`
	}
	if f := decode(text.Bytes(), &body); f != nil {
		return nil, f
	}
	if string(body.Info) == "null" {
		body.Info = nil
	}
	return s.check(c, body.Channels, body.ClientID, []string{body.LastEventID, body.LastEvent2}, body.Presence, body.Info)
}

// decode reads a body of JSON.
func decode(text []byte, into any) *fault {
	err := json.Unmarshal(text, into)
	if wrong, ok := err.(*json.UnmarshalTypeError); ok && wrong.Field != "" {
		return invalid("invalid_field", wrong.Field, "must not be a %s", wrong.Value)
	}
	if err != nil {
		return notJSON(err)
	}
	return nil
}

// stringOrList is a list of strings that may be written as one string.
type stringOrList []string

func (l *stringOrList) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*l = strings.Split(one, ",")
		return nil
	}
	return json.Unmarshal(text, (*[]string)(l))
}

// check makes a request of what was asked, or says what is wrong with it.
func (s *Server) check(c *gin.Context, names []string, clientID string, ids, wants []string, info []byte) (*request, *fault) {
	r := &request{clientID: clientID}
	for _, name := range names {
		if err := eventlog.CheckChannel(name); err != nil {
			return nil, invalid("invalid_channel", "channels", "has a name that %v", err)
		}
	}
	r.channels = unrepeated(names)
	switch {
	case len(r.channels) == 0:
		return nil, invalid("missing_channels", "channels", "is missing; name at least one, such as ?channels=news")
	case len(r.channels) > s.opts.MaxChannels:
		return nil, invalid("too_many_channels", "channels", "has %d names; a stream may have %d", len(r.channels), s.opts.MaxChannels)
	case !isClientID(clientID):
		return nil, invalid("invalid_client_id", "clientId", "must have at most %d bytes of UTF-8 and no control characters", maxClientID)
	}
	for _, want := range wants {
		switch want {
		case "online":
			r.wants |= hub.WantOnline
		case "channels":
			r.wants |= hub.WantMembers
		case "":
		default:
			return nil, invalid("invalid_presence", "presence", "must be online, channels or both")
		}
	}
	r.resume = resumeID(c.GetHeader("Last-Event-ID"), ids)
	var f *fault
	r.info, f = checkInfo(info)
	return r, f
}

// isClientID reports whether a client may have this id.
func isClientID(id string) bool {
	return len(id) <= maxClientID && utf8.ValidString(id) && !strings.ContainsFunc(id, unicode.IsControl)
}

// resumeID chooses among the header's id and those of the query: the first that
// is well-formed, else the first that there is.
func resumeID(header string, ids []string) string {
	ids = append([]string{header}, ids...)
	for _, id := range ids {
		if _, err := eventlog.ParsePosition(id); err == nil {
			return id
		}
	}
	for _, id := range ids {
		if id != "" {
			return id
		}
	}
	return ""
}

// checkInfo returns info, which is nil or must be a JSON object, on one line.
func checkInfo(info []byte) ([]byte, *fault) {
	if len(info) == 0 {
		return nil, nil
	}
	var out bytes.Buffer
	if len(info) > maxInfo || !utf8.Valid(info) || json.Compact(&out, info) != nil || out.Len() == 0 || out.Bytes()[0] != '{' {
		return nil, invalid("invalid_info", "info", "must be a JSON object of at most %d bytes", maxInfo)
	}
	return slices.Clip(out.Bytes()), nil
}

// newID returns an unguessable id, 130 bits of chance.
func newID() string { return rand.Text() }

// hello is the payload of a registered event. Nobody else is shown its secret.
func (st *stream) hello(resumed bool) []byte {
	out := append(make([]byte, 0, 192+len(st.ClientID)), `{"clientId":`...)
	out = eventlog.AppendString(out, st.ClientID)
	out = append(out, `,"connectionId":"`...)
	out = append(out, st.ID...)
	out = append(out, `","secret":"`...)
	out = append(out, st.server.secrets.of(st.ID)...)
	out = append(out, `","resumed":`...)
	return append(strconv.AppendBool(out, resumed), '}')
}
