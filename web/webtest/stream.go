package webtest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Stream is one open event stream. It belongs to the test's goroutine.
type Stream struct {
	*Parser
	Header http.Header
	Hello  Hello // after WantRegistered

	t     testing.TB
	conn  *net.TCPConn
	resp  *http.Response
	bare  bool // of the presence stream, whose data has no envelope
	seq   uint64
	epoch string
	moved bool // its id is not the first one any more
}

// Hello is the payload of registered.
type Hello struct {
	ClientID     string `json:"clientId"`
	ConnectionID string `json:"connectionId"`
	Secret       string `json:"secret"`
	Resumed      bool   `json:"resumed"`
}

// Message is the data of an event.
type Message struct {
	Channel   string          `json:"channelName"`
	Type      string          `json:"type"`
	Payload   json.RawMessage `json:"payload"`
	Timestamp *string         `json:"timestamp"`

	ClientID string `json:"clientId"` // in place of Channel
	Append   string `json:"append"`
	Pieces   int    `json:"pieces"`
	End      bool   `json:"end"`
}

// Subscribe opens a stream by GET /subscribe with the given query.
func (s *Server) Subscribe(query string, header ...string) *Stream {
	s.t.Helper()
	return s.Open(http.MethodGet, "/subscribe?"+query, "", header...)
}

// Open opens a stream, which must be granted. It is closed when the test ends.
func (s *Server) Open(method, target, body string, header ...string) *Stream {
	s.t.Helper()
	conn := s.dial()
	req, err := http.NewRequest(method, s.URL+target, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	setHeader(req, header)
	if err := req.Write(conn); err != nil {
		s.t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), req)
	if err != nil {
		s.t.Fatalf("%s %.200s: %v", method, target, err)
	}
	st := &Stream{Parser: NewParser(resp.Body), Header: resp.Header, t: s.t, conn: conn, resp: resp,
		bare: strings.HasPrefix(target, "/presence/stream")}
	if kind := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || kind != "text/event-stream" {
		text, _ := io.ReadAll(resp.Body)
		s.t.Fatalf("%s %.200s: status %d, %s, want a stream; body %.300s", method, target, resp.StatusCode, kind, text)
	}
	return st
}

func (s *Server) dial() *net.TCPConn {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.Addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(Patience))
	return conn.(*net.TCPConn)
}

// Close ends the stream as a browser does when its page is closed (FIN).
func (st *Stream) Close() { _ = st.conn.Close() }

// Cut ends the stream as a peer does that crashed (RST).
func (st *Stream) Cut() {
	_ = st.conn.SetLinger(0)
	_ = st.conn.Close()
}

var idForm = regexp.MustCompile(`^([A-Za-z0-9._]+)-(0|[1-9][0-9]*)$`)

// reserved are the types of events that are the server's own.
var reserved = []string{"registered", "lastEvent", "online-presence", "presence", "gap", "goodbye"}

// Next reads the next event and checks what holds for every event.
func (st *Stream) Next() (Event, Message) {
	st.t.Helper()
	ev, m, err := st.next()
	if err != nil {
		st.t.Fatalf("after id %q: %v, want another event", st.LastID, err)
	}
	return ev, m
}

func (st *Stream) next() (ev Event, m Message, err error) {
	st.t.Helper()
	_ = st.conn.SetDeadline(time.Now().Add(Patience))
	if ev, err = st.Parser.Next(); err != nil {
		return ev, m, err
	}
	form := idForm.FindStringSubmatch(ev.ID)
	if form == nil || len(ev.ID) > 128 {
		st.t.Fatalf("%q: the id is not well-formed", ev)
	}
	seq, err := strconv.ParseUint(form[2], 10, 64)
	if err != nil {
		st.t.Fatalf("%q: %v", ev, err)
	}
	if strings.Contains(ev.Data, "\n") || !json.Valid([]byte(ev.Data)) {
		st.t.Fatalf("%q: the data is not one line of JSON", ev)
	}
	moves := st.bare && ev.Type != "snapshot"
	if !st.bare {
		if err := json.Unmarshal([]byte(ev.Data), &m); err != nil || m.Type != ev.Type {
			st.t.Fatalf("%q: type %q in the data, error %v", ev, m.Type, err)
		}
		own := slices.Contains(reserved, ev.Type)
		if moves = !own; own == (m.Timestamp != nil) || own && (m.Payload == nil || m.Payload[0] != '"') {
			st.t.Fatalf("%q: a published event has a timestamp, one of the server's own has none and a string as its payload", ev)
		}
		if m.Timestamp != nil {
			if _, err := time.Parse("2006-01-02T15:04:05.000Z", *m.Timestamp); err != nil {
				st.t.Fatalf("%q: %v", ev, err)
			}
		}
	}
	stays := form[1] == st.epoch && seq == st.seq
	begins := !st.moved && (ev.Type == "gap" || ev.Type == "lastEvent") // before, its ids are the position asked for
	if st.epoch != "" && (moves && stays || !begins && (form[1] != st.epoch || seq < st.seq)) {
		st.t.Fatalf("%q: follows %s-%d", ev, st.epoch, st.seq)
	}
	st.moved = st.epoch != "" && (st.moved || !stays)
	st.epoch, st.seq = form[1], seq
	return ev, m, nil
}

// WantEvent wants a published event next; payload is a JSON text, compared
// without regard to white space. It returns the event's id.
func (st *Stream) WantEvent(channel, typ, payload string) string {
	st.t.Helper()
	ev, m := st.Next()
	if ev.Type != typ || m.Channel != channel || !SameJSON(string(m.Payload), payload) {
		st.t.Fatalf("got %.300q, want %q on %q with %.300s", ev, typ, channel, payload)
	}
	return ev.ID
}

// WantOwn wants one of the server's own events next and returns its payload, a
// string, as it is.
func (st *Stream) WantOwn(typ, channel string) string {
	st.t.Helper()
	ev, m := st.Next()
	if ev.Type != typ || m.Channel != channel {
		st.t.Fatalf("got %.300q, want %s for %q", ev, typ, channel)
	}
	var text string
	if err := json.Unmarshal(m.Payload, &text); err != nil || !json.Valid([]byte(text)) {
		st.t.Fatalf("%.300q: the payload is not JSON in a string", ev)
	}
	return text
}

// WantRegistered wants registered next.
func (st *Stream) WantRegistered() Hello {
	st.t.Helper()
	text := st.WantOwn("registered", "")
	if err := json.Unmarshal([]byte(text), &st.Hello); err != nil || st.Hello.ClientID == "" || st.Hello.ConnectionID == "" || st.Hello.Secret == "" {
		st.t.Fatalf("registered says %s", text)
	}
	return st.Hello
}

// WantLast wants lastEvent for the channel next, with exactly this payload, and
// returns the position it carries.
func (st *Stream) WantLast(channel, payload string) string {
	st.t.Helper()
	if got := st.WantOwn("lastEvent", channel); got != payload {
		st.t.Fatalf("lastEvent of %q is %.300s, want %.300s", channel, got, payload)
	}
	return st.LastID
}

// WantGap wants a gap of the channel next, after the position and for the reason given.
func (st *Stream) WantGap(channel, after, reason string) {
	st.t.Helper()
	var got struct{ After, Reason string }
	text := st.WantOwn("gap", channel)
	if err := json.Unmarshal([]byte(text), &got); err != nil || got.After != after || got.Reason != reason {
		st.t.Fatalf("gap of %q is %.500s, want after %.300q, reason %s", channel, text, after, reason)
	}
}

// WantGoodbye wants goodbye next, with a reconnection time of its own, and then
// the end of the stream.
func (st *Stream) WantGoodbye(code string, reconnect bool) {
	st.t.Helper()
	st.Retry = 0
	var got struct {
		Code, Reason string
		Reconnect    *bool
	}
	text := st.WantOwn("goodbye", "")
	if err := json.Unmarshal([]byte(text), &got); err != nil || got.Code != code || got.Reason == "" || got.Reconnect == nil || *got.Reconnect != reconnect {
		st.t.Fatalf("goodbye says %s, want code %q, reconnect %t", text, code, reconnect)
	}
	if st.Retry < time.Second {
		st.t.Fatalf("goodbye comes with a retry of %v", st.Retry)
	}
	st.WantEnd()
}

// WantEnd wants the stream to have ended in order.
func (st *Stream) WantEnd() {
	st.t.Helper()
	if ev, _, err := st.next(); err != io.EOF {
		st.t.Fatalf("got %.300q, error %v, want the end of the stream", ev, err)
	}
}

// WantHeartbeat wants a comment.
func (st *Stream) WantHeartbeat() {
	st.t.Helper()
	_ = st.conn.SetDeadline(time.Now().Add(Patience))
	if _, err := st.Comment(); err != nil {
		st.t.Fatalf("%v, want a comment", err)
	}
}

// WantOnline reads on until online-presence lists exactly these clients, passing
// over older lists and nothing else.
func (st *Stream) WantOnline(clientIDs ...string) {
	st.t.Helper()
	want := "[]"
	if len(clientIDs) > 0 {
		slices.Sort(clientIDs)
		text, _ := json.Marshal(clientIDs)
		want = string(text)
	}
	for {
		var ids []string
		text := st.WantOwn("online-presence", "")
		if err := json.Unmarshal([]byte(text), &ids); err != nil {
			st.t.Fatalf("online-presence says %s", text)
		}
		if slices.Sort(ids); text == want || slices.Equal(ids, clientIDs) {
			return
		}
	}
}

// SameJSON reports whether two JSON texts differ in white space between tokens at
// most.
func SameJSON(a, b string) bool { return a == b || compact(a) == compact(b) }

func compact(text string) string {
	var out bytes.Buffer
	if json.Compact(&out, []byte(text)) != nil {
		return text
	}
	return out.String()
}
