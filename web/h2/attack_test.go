package h2

import (
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// A flood is frames that cost the server work and bring nobody forward. Each ends the connection, and no other.
func TestFloods(t *testing.T) {
	floods := map[string]func(c *client, i int) error{
		"PING":     func(c *client, _ int) error { return c.fr.WritePing(false, [8]byte{}) },
		"SETTINGS": func(c *client, _ int) error { return c.fr.WriteSettings() },
		"many settings in one": func(c *client, _ int) error {
			many := make([]http2.Setting, 800)
			for i := range many {
				many[i] = http2.Setting{ID: 99}
			}
			return c.fr.WriteSettings(many...)
		},
		"PRIORITY": func(c *client, i int) error {
			return c.fr.WritePriority(uint32(2*i+1), http2.PriorityParam{Weight: 1})
		},
		"WINDOW_UPDATE":           func(c *client, _ int) error { return c.fr.WriteWindowUpdate(0, 1) },
		"WINDOW_UPDATE of nobody": func(c *client, _ int) error { return c.fr.WriteWindowUpdate(1, 1) },
		"empty DATA":              func(c *client, _ int) error { return c.fr.WriteData(3, false, nil) },
		"unknown":                 func(c *client, _ int) error { return c.fr.WriteRawFrame(0xbb, 0, 0, nil) },
		"DATA of a closed stream": func(c *client, _ int) error { return c.fr.WriteData(1, false, []byte("x")) },
		"rapid reset": func(c *client, i int) error {
			id := uint32(2*i + 5)
			if err := c.tryAsk(id, "GET", "/wait"); err != nil {
				return err
			}
			return c.fr.WriteRSTStream(id, http2.ErrCodeCancel)
		},
		"empty CONTINUATION": func(c *client, i int) error {
			if i == 0 {
				return c.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 5})
			}
			return c.fr.WriteContinuation(5, false, nil)
		},
		"CONTINUATION": func(c *client, i int) error {
			if i == 0 {
				return c.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 5, BlockFragment: c.fields("a", "b")})
			}
			return c.fr.WriteContinuation(5, false, []byte("\x00\x01a\x3f"+strings.Repeat("a", 63)))
		},
	}
	for name, frame := range floods {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, usual)
			c := s.dial()
			c.ask(1, "GET", "/hello")
			c.want(1, "200")
			c.ask(3, "POST", "/echo")
			done := make(chan struct{})
			go func() { // the server may stop reading while its answers are not read
				defer close(done)
				for i := range 2_000_000 {
					if frame(c, i) != nil {
						return
					}
				}
				t.Error("the flood has no end")
			}()
			for {
				_, err := c.next()
				var gone errGone
				if errors.As(err, &gone) {
					if gone.code != http2.ErrCodeEnhanceYourCalm {
						t.Errorf("%v", err)
					}
					break
				}
				if err != nil {
					t.Fatalf("%v, want GOAWAY", err)
				}
			}
			_, _ = io.Copy(io.Discard, c.conn) // a reset is an end, too
			c.conn.Close()
			<-done
			if n := s.most.Load(); n > maxStreams+2 {
				t.Errorf("%d handlers were at work at a time", n)
			}
			other := s.dial()
			other.ask(1, "GET", "/hello")
			other.want(1, "200")
		})
	}
}

// A proxy's connection carries many clients, who may all leave at once.
func TestManyLeave(t *testing.T) {
	t.Parallel()
	s := newSite(t, usual)
	c := s.dial()
	id := uint32(1)
	for range 4 {
		first := id
		for ; id < first+2*500; id += 2 {
			c.ask(id, "GET", "/events")
			if _, err := c.read(id, func(a *answer) bool { return a.status == "200" }); err != nil {
				t.Fatal(err)
			}
		}
		for i := first; i < id; i += 2 {
			if err := c.fr.WriteRSTStream(i, http2.ErrCodeCancel); err != nil {
				t.Fatal(err)
			}
		}
		for range 500 {
			<-s.ends
		}
	}
	c.ask(id, "GET", "/hello")
	c.want(id, "200")
}

// A header whose fields refer to a large one of the table is small on the wire.
func TestHPACKBomb(t *testing.T) {
	t.Parallel()
	s := newSite(t, usual)
	large := strings.Repeat("x", 3000)
	for _, test := range []struct {
		fields int
		check  func(c *client)
	}{
		{10, func(c *client) { c.want(1, "200") }},
		{30, func(c *client) { c.want(1, "431"); c.ask(3, "GET", "/hello"); c.want(3, "200") }},
		{10_000, func(c *client) { c.wantGoAway(http2.ErrCodeEnhanceYourCalm) }},
	} {
		c := s.dial()
		var more []string
		for range test.fields {
			more = append(more, "bomb", large)
		}
		c.ask(1, "GET", "/hello", more...)
		test.check(c)
	}
}

func TestMalformed(t *testing.T) {
	t.Parallel()
	s := newSite(t, usual)
	good := []string{":method", "GET", ":scheme", "http", ":path", "/hello", ":authority", "x"}
	for name, fields := range map[string][]string{
		"no method":           good[2:],
		"no path":             {":method", "GET", ":scheme", "http"},
		"relative path":       {":method", "GET", ":scheme", "http", ":path", "hello"},
		"twice":               append(good[:8:8], ":path", "/hello"),
		"unknown pseudo":      append(good[:8:8], ":protocol", "websocket"),
		"pseudo behind":       append([]string{"a", "b"}, good...),
		"upper case":          append(good[:8:8], "Accept", "x"),
		"connection":          append(good[:8:8], "connection", "close"),
		"transfer-encoding":   append(good[:8:8], "transfer-encoding", "chunked"),
		"te":                  append(good[:8:8], "te", "gzip"),
		"line end":            append(good[:8:8], "a", "b\r\nc: d"),
		"space in a name":     append(good[:8:8], "a b", "c"),
		"another host":        append(good[:8:8], "host", "y"),
		"content-length":      append(good[:8:8], "content-length", "5"),
		"two content-lengths": append(good[:8:8], "content-length", "0", "content-length", "0"),
		"no number":           append(good[:8:8], "content-length", "+0"),
	} {
		c := s.dial()
		err := c.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: c.fields(fields...), EndStream: true, EndHeaders: true})
		if err != nil {
			t.Fatal(err)
		}
		if a, err := c.read(1, nil); err != nil || !a.reset || a.code != http2.ErrCodeProtocol {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
		c.ask(3, "GET", "/hello") // the connection goes on
		c.want(3, "200")
	}
}

func TestTooManyStreams(t *testing.T) {
	t.Parallel()
	s := newSite(t, usual)
	c := s.dial()
	for i := range uint32(maxStreams) {
		c.ask(2*i+1, "GET", "/wait")
	}
	c.ask(2*maxStreams+1, "GET", "/hello")
	c.wantReset(2*maxStreams+1, http2.ErrCodeRefusedStream)
	if err := c.fr.WriteRSTStream(1, http2.ErrCodeCancel); err != nil {
		t.Fatal(err)
	}
	<-s.gone
	s.until("there is room for another stream", func() bool { return s.busy.Load() < maxStreams })
	c.ask(2*maxStreams+3, "GET", "/hello")
	a, err := c.read(2*maxStreams+3, nil)
	for id := uint32(2*maxStreams + 5); err == nil && a.reset && a.code == http2.ErrCodeRefusedStream; id += 2 {
		c.ask(id, "GET", "/hello") // the handler's return is noted a moment later
		a, err = c.read(id, nil)
	}
	if err != nil || a.status != "200" {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestMoreThanTheWindow(t *testing.T) {
	t.Parallel()
	s := newSite(t, usual)
	c := s.dial()
	c.ask(1, "POST", "/wait")
	for range streamWindow/maxFrame + 1 {
		if err := c.fr.WriteData(1, false, make([]byte, maxFrame)); err != nil {
			t.Fatal(err)
		}
	}
	c.wantReset(1, http2.ErrCodeFlowControl)
	for id := uint32(3); id < 13; id += 2 {
		c.ask(id, "POST", "/wait")
	}
	for i := range uint32(connWindow/maxFrame + 1) {
		if err := c.fr.WriteData(3+2*(i%5), false, make([]byte, maxFrame)); err != nil {
			break
		}
	}
	c.wantGoAway(http2.ErrCodeFlowControl)
}

func TestSlowClients(t *testing.T) {
	t.Parallel()
	soon := usual
	soon.header, soon.idle, soon.closing = 50*time.Millisecond, 100*time.Millisecond, 50*time.Millisecond
	s := newSite(t, soon)
	t.Run("nothing", func(t *testing.T) {
		c := s.dialRaw()
		if _, err := io.ReadAll(c.conn); err != nil && !isReset(err) {
			t.Error(err)
		}
	})
	t.Run("half a preface", func(t *testing.T) {
		c := s.dialRaw()
		_, _ = io.WriteString(c.conn, http2.ClientPreface[:20])
		if _, err := io.ReadAll(c.conn); err != nil && !isReset(err) {
			t.Error(err)
		}
	})
	t.Run("no settings", func(*testing.T) {
		c := s.dialRaw()
		_, _ = io.WriteString(c.conn, http2.ClientPreface)
		c.wantGoAway(http2.ErrCodeProtocol)
	})
	t.Run("half a header", func(t *testing.T) {
		c := s.dial()
		if err := c.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: c.fields("a", "b")}); err != nil {
			t.Fatal(err)
		}
		c.wantGoAway(http2.ErrCodeProtocol)
	})
	t.Run("idle", func(*testing.T) { s.dial().wantGoAway(http2.ErrCodeNo) })
	t.Run("with a stream", func(*testing.T) {
		c := s.dial()
		c.ask(1, "GET", "/events")
		for range 10 { // far longer than idle connections live
			s.publish("x")
			if _, err := c.read(1, func(a *answer) bool { return len(a.body) > 0 }); err != nil {
				t.Fatal(err)
			}
			time.Sleep(soon.idle / 5)
		}
	})
	t.Run("reads nothing", func(t *testing.T) {
		c := s.dial(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 10})
		c.ask(1, "GET", "/bytes?n=100000&ms=50")
		c.wantReset(1, http2.ErrCodeCancel)
		if err := <-s.gone; err == nil {
			t.Error("the handler has no error")
		}
	})
}
