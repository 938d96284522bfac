package h2

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"rollcall/hub"
	"rollcall/hub/eventlog"
)

// patience bounds every wait; only a failure reaches it.
const patience = time.Minute

// site is a server under test.
type site struct {
	testing.TB
	srv   *Server
	hub   *hub.Hub
	addr  string
	ends  chan string // reasons why streams of events ended
	conns atomic.Int64
	busy  atomic.Int64 // handlers at work
	most  atomic.Int64 // that were at a time
	gone  chan error   // of handlers of /wait
}

// newSite starts a server with the handlers below.
func newSite(t testing.TB, limits timeouts) *site {
	t.Helper()
	log := eventlog.NewMemory(eventlog.Options{Epoch: "e"})
	s := &site{TB: t, hub: hub.New(log, hub.Options{}), ends: make(chan string, 5000), gone: make(chan error, 5000)}
	s.srv = New(Options{Hub: s.hub, Handler: s.handler(), Log: slog.New(slog.DiscardHandler), Clear: true,
		Tune: func(net.Conn) {}, State: s.count, Streams: func(int) {}})
	s.srv.timeouts = limits
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = l.Addr().String()
	others := &http.Server{Handler: http.NotFoundHandler()}
	served := make(chan struct{})
	go func() { defer close(served); _ = others.Serve(s.srv.Listener(l)) }()
	t.Cleanup(func() {
		others.Close()
		<-served
		s.srv.Close()
		s.hub.Close()
		_ = log.Close()
		s.until("all connections are counted as gone", func() bool { return s.conns.Load() == 0 })
		s.until("all handlers have returned", func() bool { return s.busy.Load() == 0 })
	})
	return s
}

func (s *site) count(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.conns.Add(1)
	case http.StateClosed, http.StateHijacked:
		s.conns.Add(-1)
	}
}

func (s *site) until(what string, so func() bool) {
	s.Helper()
	for begun := time.Now(); !so(); time.Sleep(time.Millisecond) {
		if time.Since(begun) > patience {
			s.Fatalf("waited in vain: %s", what)
		}
	}
}

func (s *site) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/hello", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "hello "+r.Host) })
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		buf := make([]byte, 5000)
		for {
			n, err := r.Body.Read(buf)
			if _, werr := w.Write(buf[:n]); err != nil || werr != nil {
				return
			}
			_ = http.NewResponseController(w).Flush()
		}
	})
	mux.HandleFunc("/bytes", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.FormValue("n"))
		if ms, err := strconv.Atoi(r.FormValue("ms")); err == nil {
			_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Duration(ms) * time.Millisecond))
		}
		_, err := w.Write(pattern(n))
		if err == nil {
			err = http.NewResponseController(w).Flush()
		}
		s.gone <- err
	})
	mux.HandleFunc("/wait", func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		s.gone <- r.Context().Err()
	})
	mux.HandleFunc("/panic", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	mux.HandleFunc("/events", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		t, ok := w.(Taker).Take(s.hub)
		if !ok {
			s.Error("the answer can't be a stream")
			return
		}
		s.hub.Attach(hub.Subscription{Channels: []string{"a"}, Transport: t, Owner: s, From: hub.FromOldest})
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := s.busy.Add(1)
		for most := s.most.Load(); n > most && !s.most.CompareAndSwap(most, n); most = s.most.Load() {
		}
		defer s.busy.Add(-1)
		mux.ServeHTTP(w, r)
	})
}

// Ended implements [hub.Owner].
func (s *site) Ended(_ *hub.Conn, why hub.Reason) { s.ends <- why.Code }

func (s *site) publish(payloads ...string) {
	s.Helper()
	var events []eventlog.Event
	for _, p := range payloads {
		events = append(events, eventlog.Event{Channel: "a", Type: "m", Payload: strconv.AppendQuote(nil, p)})
	}
	if _, err := s.hub.Publish(context.Background(), events); err != nil {
		s.Fatal(err)
	}
}

// pattern returns bytes that differ from place to place.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i>>8) ^ byte(i)
	}
	return b
}

// client is one end of a connection that a test writes frame by frame.
type client struct {
	*site
	conn  net.Conn
	fr    *http2.Framer
	block bytes.Buffer
	enc   *hpack.Encoder
	dec   *hpack.Decoder
}

// dial connects and sends the preface.
func (s *site) dial(settings ...http2.Setting) *client {
	s.Helper()
	return s.dialRaw().preface(settings...)
}

func (c *client) preface(settings ...http2.Setting) *client {
	_, err := io.WriteString(c.conn, http2.ClientPreface)
	if err = errors.Join(err, c.fr.WriteSettings(settings...)); err != nil {
		c.Fatal(err)
	}
	return c
}

func (s *site) dialRaw() *client {
	s.Helper()
	return s.dialFor(s)
}

// dialFor connects until the end of a test.
func (s *site) dialFor(t testing.TB) *client {
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	c := &client{site: s, conn: conn, fr: http2.NewFramer(conn, conn), dec: hpack.NewDecoder(4096, nil)}
	c.fr.AllowIllegalWrites, c.fr.AllowIllegalReads = true, true
	c.enc = hpack.NewEncoder(&c.block)
	return c
}

// fields returns a header block of pairs of names and values.
func (c *client) fields(pairs ...string) []byte {
	c.block.Reset()
	for i := 0; i < len(pairs); i += 2 {
		_ = c.enc.WriteField(hpack.HeaderField{Name: pairs[i], Value: pairs[i+1]})
	}
	return bytes.Clone(c.block.Bytes())
}

// ask sends a request with more fields. It ends with the header for GET.
func (c *client) ask(id uint32, method, path string, more ...string) {
	c.Helper()
	if err := c.tryAsk(id, method, path, more...); err != nil {
		c.Fatal(err)
	}
}

func (c *client) tryAsk(id uint32, method, path string, more ...string) error {
	block := c.fields(append([]string{":method", method, ":scheme", "http", ":path", path, ":authority", "x"}, more...)...)
	return c.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block, EndStream: method == "GET", EndHeaders: true})
}

// answer is what a stream has got.
type answer struct {
	status string
	header http.Header
	body   []byte
	code   http2.ErrCode // of RST_STREAM
	reset  bool
}

// errGone is GOAWAY.
type errGone struct {
	code http2.ErrCode
	last uint32
}

func (e errGone) Error() string { return "GOAWAY " + e.code.String() }

// next reads a frame. Its error is errGone for GOAWAY, io.EOF for the end.
func (c *client) next() (http2.Frame, error) {
	f, err := c.fr.ReadFrame()
	switch f := f.(type) {
	case *http2.GoAwayFrame:
		return nil, errGone{f.ErrCode, f.LastStreamID}
	case *http2.SettingsFrame:
		if !f.IsAck() {
			_ = c.fr.WriteSettingsAck() // the server may have closed
		}
	}
	return f, err
}

// read reads the answer on a stream to its end, or until enough says that it is.
func (c *client) read(id uint32, enough func(*answer) bool) (*answer, error) {
	a := &answer{header: make(http.Header)}
	for enough == nil || !enough(a) {
		f, err := c.next()
		if err != nil {
			return a, err
		}
		if f.Header().StreamID != id {
			continue
		}
		switch f := f.(type) {
		case *http2.HeadersFrame:
			fields, err := c.dec.DecodeFull(f.HeaderBlockFragment())
			if err != nil {
				return a, err
			}
			for _, field := range fields {
				if field.Name == ":status" {
					a.status = field.Value
				} else {
					a.header.Add(field.Name, field.Value)
				}
			}
		case *http2.DataFrame:
			a.body = append(a.body, f.Data()...)
		case *http2.RSTStreamFrame:
			a.reset, a.code = true, f.ErrCode
			return a, nil
		}
		if flags := f.Header().Flags; (f.Header().Type == http2.FrameData || f.Header().Type == http2.FrameHeaders) && flags.Has(http2.FlagDataEndStream) {
			return a, nil
		}
	}
	return a, nil
}

// want reads the answer on a stream, which must have a status.
func (c *client) want(id uint32, status string) *answer {
	c.Helper()
	a, err := c.read(id, nil)
	if err != nil || a.reset || a.status != status {
		c.Fatalf("stream %d: status %q, %v, reset: %t %v; want %s", id, a.status, err, a.reset, a.code, status)
	}
	return a
}

// wantReset reads until the server resets a stream.
func (c *client) wantReset(id uint32, code http2.ErrCode) {
	c.Helper()
	if a, err := c.read(id, nil); err != nil || !a.reset || a.code != code {
		c.Fatalf("stream %d: %+v, %v; want %v", id, a, err, code)
	}
}

// wantGoAway reads until the server sends GOAWAY, and closes.
func (c *client) wantGoAway(code http2.ErrCode) {
	c.Helper()
	for {
		_, err := c.next()
		var gone errGone
		if err == nil {
			continue
		}
		if !errors.As(err, &gone) || gone.code != code {
			c.Fatalf("%v, want GOAWAY %v", err, code)
		}
		break
	}
	if _, err := io.Copy(io.Discard, c.conn); err != nil && !isReset(err) {
		c.Fatalf("the server has not closed: %v", err)
	}
}
