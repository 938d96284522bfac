package web_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"testing"
	"time"
)

// tap is a client's end of one stream.
type tap struct {
	t      testing.TB
	raw    net.Conn // below TLS and HTTP
	conn   net.Conn // below HTTP
	status string   // the status line; HTTP/1 only
	head   http.Header
	body   io.Reader // the event stream; io.EOF is a clean end

	client *http.ClientConn // HTTP/2 only, as is the next
	cancel func()           // resets the stream

	events *bufio.Reader
	got    bytes.Buffer // of the event under way
	seen   string       // id of the last complete event
}

// ask is a request for a stream.
type ask struct {
	channels, clientID, resume, more string
	path                             string   // in place of /subscribe and all of that but resume
	header                           []string // lines
	buffer                           int      // receive buffer in bytes, above the MTU of the loopback; 0 is the system's
}

func (a ask) target() string {
	if a.path != "" {
		return a.path
	}
	q := "/subscribe?channels=" + url.QueryEscape(a.channels)
	if a.clientID != "" {
		q += "&clientId=" + url.QueryEscape(a.clientID)
	}
	return q + a.more
}

// dial connects below HTTP.
func (s *stage) dial(a ask) *tap {
	s.Helper()
	c := s.dialRaw()
	if a.buffer > 0 {
		if err := c.raw.(interface{ SetReadBuffer(int) error }).SetReadBuffer(a.buffer); err != nil {
			s.Fatal(err)
		}
	}
	c.secure(s)
	return c
}

// dialRaw connects below TLS.
func (s *stage) dialRaw() *tap {
	s.Helper()
	raw, err := net.Dial(s.addr.Network(), s.addr.String())
	if err != nil {
		s.Fatal(err)
	}
	return s.tap(raw)
}

// tap is the client's end of a connection.
func (s *stage) tap(raw net.Conn) *tap {
	s.Cleanup(func() { raw.Close() })
	_ = raw.SetDeadline(time.Now().Add(patience))
	return &tap{t: s, raw: raw, conn: raw}
}

// secure does the TLS handshake, if any.
func (c *tap) secure(s *stage) {
	s.Helper()
	if !s.tls {
		return
	}
	config := &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}}
	if s.proto == "HTTP/2.0" {
		config.NextProtos = []string{"h2"}
	}
	secure := tls.Client(c.raw, config)
	if err := secure.Handshake(); err != nil {
		s.Fatal(err)
	}
	c.conn = secure
}

// open asks for a stream and reads the head of the answer.
func (s *stage) open(a ask) *tap {
	s.Helper()
	c := s.dial(a)
	c.open(s, a)
	return c
}

// open asks for a stream on a connection.
func (c *tap) open(s *stage, a ask) {
	s.Helper()
	if s.proto == "HTTP/2.0" {
		c.open2(s, a)
	} else {
		c.open1(s, a)
	}
	c.events = bufio.NewReader(c.body)
}

// another asks for one more stream on the connection, which must be HTTP/2.
func (c *tap) another(s *stage, a ask) *tap {
	s.Helper()
	other := &tap{t: s, raw: c.raw, conn: c.conn, client: c.client}
	other.open(s, a)
	return other
}

// request is the head of an HTTP/1 request for a stream.
func (s *stage) request(a ask) string {
	lines := append([]string{"GET " + a.target() + " " + s.proto, "Host: rollcall.test"}, a.header...)
	if a.resume != "" {
		lines = append(lines, "Last-Event-ID: "+a.resume)
	}
	return strings.Join(lines, "\r\n") + "\r\n\r\n"
}

func (c *tap) open1(s *stage, a ask) {
	s.Helper()
	if _, err := io.WriteString(c.conn, s.request(a)); err != nil {
		s.Fatal(err)
	}
	c.readHead(s.proto)
	if !strings.HasPrefix(c.status, s.proto+" 200 ") {
		s.Fatalf("answered %q", c.status)
	}
}

// readStream reads the head of an HTTP/1 answer to a request sent by hand.
func (c *tap) readStream(proto string) {
	c.t.Helper()
	c.readHead(proto)
	c.events = bufio.NewReader(c.body)
}

// readHead reads the head of an HTTP/1 answer and what frames its body.
func (c *tap) readHead(proto string) {
	c.t.Helper()
	r := bufio.NewReader(c.conn)
	text := textproto.NewReader(r)
	var err error
	if c.status, err = text.ReadLine(); err != nil {
		c.t.Fatal(err)
	}
	fields, err := text.ReadMIMEHeader()
	if err != nil {
		c.t.Fatal(err)
	}
	c.head, c.body = http.Header(fields), r
	if proto == "HTTP/1.1" {
		if got := c.head.Values("Transfer-Encoding"); len(got) != 1 || got[0] != "chunked" {
			c.t.Fatalf("Transfer-Encoding %q", got)
		}
		c.body = &dechunker{r: r}
	}
}

func (c *tap) open2(s *stage, a ask) {
	s.Helper()
	scheme := "http"
	if s.tls {
		scheme = "https"
	}
	if c.client == nil { // this connection and no other: a Transport may dial once more
		var protocols http.Protocols
		protocols.SetHTTP2(s.tls)
		protocols.SetUnencryptedHTTP2(!s.tls)
		take := func(context.Context, string, string) (net.Conn, error) { return c.conn, nil }
		transport := &http.Transport{
			Protocols: &protocols, DialContext: take, DialTLSContext: take, DisableCompression: true,
			// One stream that isn't read must not use up the window of the others.
			HTTP2: &http.HTTP2Config{MaxReceiveBufferPerConnection: 1 << 20, MaxReceiveBufferPerStream: 64 << 10},
		}
		var err error
		if c.client, err = transport.NewClientConn(s.Context(), scheme, "rollcall.test:443"); err != nil {
			s.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	c.cancel = cancel
	s.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, "GET", scheme+"://rollcall.test"+a.target(), nil)
	if err != nil {
		s.Fatal(err)
	}
	for _, line := range a.header {
		name, value, _ := strings.Cut(line, ": ")
		req.Header.Set(name, value)
	}
	if a.resume != "" {
		req.Header.Set("Last-Event-ID", a.resume)
	}
	res, err := c.client.RoundTrip(req)
	if err != nil {
		s.Fatal(err)
	}
	if res.StatusCode != http.StatusOK || res.ProtoMajor != 2 {
		s.Fatalf("answered %s %s", res.Proto, res.Status)
	}
	c.head, c.body = res.Header, res.Body
}

// drop ends the connection in the way named.
func (c *tap) drop(how string) {
	c.t.Helper()
	switch how {
	case "close": // of the connection below HTTP
		c.conn.Close()
	case "FIN":
		c.raw.Close()
	case "RST":
		if tcp, ok := c.raw.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		c.raw.Close()
	case "half-close":
		if err := c.raw.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			c.t.Fatal(err)
		}
	case "RST_STREAM":
		c.cancel()
	}
}

// sse is one event as a client sees it; a comment has the type ":".
type sse struct {
	id, typ, data string
	retry         string
	raw           string
}

// errTorn is the end of a stream within an event.
var errTorn = errors.New("the stream ends within an event")

// next reads one event or comment. io.EOF is a clean end between two.
func (c *tap) next() (sse, error) {
	var e sse
	for {
		line, err := c.events.ReadSlice('\n')
		c.got.Write(line)
		switch {
		case err == bufio.ErrBufferFull:
			continue
		case err == io.EOF && c.got.Len() > 0:
			return e, errTorn
		case err != nil:
			return e, err
		}
		if !bytes.HasSuffix(c.got.Bytes(), []byte("\n\n")) {
			continue
		}
		e.raw = c.got.String()
		c.got.Reset()
		return e, c.parse(&e)
	}
}

func (c *tap) parse(e *sse) error {
	if strings.ContainsRune(e.raw, '\r') {
		return fmt.Errorf("a carriage return in %q", e.raw)
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(e.raw, "\n\n"), "\n") {
		var into *string
		name, value, colon := strings.Cut(line, ": ")
		switch {
		case line == ":" && e.raw == ":\n\n":
			e.typ = ":"
			return nil
		case name == "id":
			into = &e.id
		case name == "event":
			into = &e.typ
		case name == "data":
			into = &e.data
		case name == "retry":
			into = &e.retry
		}
		if into == nil || !colon || *into != "" {
			return fmt.Errorf("line %q in %q", line, e.raw)
		}
		*into = value
	}
	if e.id != "" {
		c.seen = e.id
	}
	return nil
}

// must returns the next event, passing over comments.
func (c *tap) must() sse {
	c.t.Helper()
	for {
		e, err := c.next()
		if err != nil {
			c.t.Fatalf("%v (behind %q)", err, c.seen)
		}
		if e.typ != ":" {
			return e
		}
	}
}

// want fails the test unless the next event is of this type, and returns it.
func (c *tap) want(typ string) sse {
	c.t.Helper()
	e := c.must()
	if e.typ != typ {
		c.t.Fatalf("got %s, want %s", brief(e), typ)
	}
	return e
}

// wantPosts fails the test unless exactly these come next.
func (c *tap) wantPosts(want ...post) {
	c.t.Helper()
	for _, w := range want {
		if got := c.must().post(c.t); got != w {
			c.t.Fatalf("got %s, want %s", brief(got), brief(w))
		}
	}
}

// wantEnd fails the test unless the stream ends cleanly here.
func (c *tap) wantEnd() {
	c.t.Helper()
	if e, err := c.next(); err != io.EOF {
		c.t.Fatalf("got %s, %v, want a clean end", brief(e), err)
	}
}

// body is the data of an event.
type body struct {
	ChannelName, Type, Timestamp string
	Payload                      json.RawMessage
}

func (e sse) body(t testing.TB) body {
	t.Helper()
	var b body
	if err := json.Unmarshal([]byte(e.data), &b); err != nil || b.Type != e.typ {
		t.Fatalf("event %q: %v", e.raw, err)
	}
	return b
}

// text returns the payload, a string, of an event that has one.
func (b body) text(t testing.TB) string {
	t.Helper()
	var s string
	if err := json.Unmarshal(b.Payload, &s); err != nil {
		t.Fatalf("payload %q: %v", b.Payload, err)
	}
	return s
}

func (e sse) text(t testing.TB) string { return e.body(t).text(t) }

func (e sse) post(t testing.TB) post {
	t.Helper()
	b := e.body(t)
	return post{Channel: b.ChannelName, Type: e.typ, Payload: b.text(t), ID: e.id}
}

// goodbye checks that e is one with this code, with a retry in milliseconds.
func (e sse) goodbye(t testing.TB, code string) {
	t.Helper()
	var why struct{ Code, Reason string }
	if err := json.Unmarshal([]byte(e.text(t)), &why); err != nil || e.typ != "goodbye" || why.Code != code || why.Reason == "" || e.retry == "" {
		t.Fatalf("got %q, want goodbye %s", e.raw, code)
	}
}

// readConn is a connection that is read through something.
type readConn struct {
	net.Conn
	r io.Reader
}

func (c readConn) Read(p []byte) (int, error) { return c.r.Read(p) }
