package h2

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// standard returns Go's own client.
func (s *site) standard() *http.Client {
	t := &http.Transport{Protocols: new(http.Protocols)}
	t.Protocols.SetUnencryptedHTTP2(true)
	s.Cleanup(t.CloseIdleConnections)
	return &http.Client{Transport: t, Timeout: patience}
}

func TestHello(t *testing.T) {
	t.Parallel()
	s := newSite(t, usual)
	c := s.dial()
	c.ask(1, "GET", "/hello", "cookie", "a=b", "cookie", "c=d")
	a := c.want(1, "200")
	if string(a.body) != "hello x" || a.header.Get("Content-Length") != "7" || a.header.Get("Date") == "" ||
		!strings.HasPrefix(a.header.Get("Content-Type"), "text/plain") {
		t.Errorf("%q %v", a.body, a.header)
	}
	c.ask(3, "CONNECT", "/hello")
	if a, err := c.read(3, nil); err != nil || a.status == "200" {
		t.Errorf("CONNECT: %+v, %v", a, err)
	}
	c.ask(5, "GET", "/panic")
	c.wantReset(5, http2.ErrCodeInternal)
	c.ask(7, "POST", "/echo", "expect", "100-continue")
	if a, err := c.read(7, func(a *answer) bool { return a.status != "" }); err != nil || a.status != "100" {
		t.Errorf("%+v, %v", a, err)
	}
	_ = c.fr.WriteData(7, false, []byte("one"))
	_ = c.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 7, BlockFragment: c.fields("trailer", "x"), EndStream: true, EndHeaders: true})
	if a := c.want(7, "200"); string(a.body) != "one" {
		t.Errorf("%q", a.body)
	}
}

// Clients that begin otherwise are passed on.
func TestOtherProtocols(t *testing.T) {
	t.Parallel()
	s := newSite(t, usual)
	answer, err := http.Get("http://" + s.addr + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.ProtoMajor != 1 || answer.StatusCode != http.StatusNotFound {
		t.Errorf("%s %s", answer.Proto, answer.Status)
	}
	http.DefaultClient.CloseIdleConnections()
}

// Large bodies go both ways at once, in any pieces.
func TestEcho(t *testing.T) {
	t.Parallel()
	s := newSite(t, usual)
	client := s.standard()
	errs := make(chan error)
	for i := range 20 {
		go func() {
			body := pattern(i * 200_000)
			answer, err := client.Post("http://"+s.addr+"/echo", "text/plain", bytes.NewReader(body))
			if err != nil {
				errs <- err
				return
			}
			defer answer.Body.Close()
			got, err := io.ReadAll(answer.Body)
			if err == nil && !bytes.Equal(got, body) {
				err = fmt.Errorf("%d bytes came back of %d, or others", len(got), len(body))
			}
			errs <- err
		}()
	}
	for range 20 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

// What a client gets is right whatever room it gives, of an answer and of events.
func TestWindows(t *testing.T) {
	t.Parallel()
	s := newSite(t, usual)
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 20 {
		initial := random.IntN(3)
		c := s.dial(http2.Setting{ID: http2.SettingInitialWindowSize, Val: uint32(initial)})
		events := round%2 == 1
		size := 1 + random.IntN(150_000)
		want := pattern(size)
		if events {
			c.ask(1, "GET", "/events")
			s.publish(strings.Repeat("x", size%5000), "last of "+fmt.Sprint(round))
		} else {
			c.ask(1, "GET", fmt.Sprintf("/bytes?n=%d", size))
		}
		a := &answer{}
		done := func() bool {
			if events {
				return bytes.HasSuffix(a.body, []byte("\n\n")) && bytes.Contains(a.body, fmt.Appendf(nil, "last of %d", round))
			}
			return len(a.body) == size
		}
		room := initial
		for !done() {
			if len(a.body) > room {
				t.Fatalf("%d bytes came, there was room for %d", len(a.body), room)
			}
			if room == len(a.body) || random.IntN(3) == 0 {
				n := 1 + random.IntN(9000)
				room += n
				if random.IntN(10) == 0 { // all windows grow
					_ = c.fr.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: uint32(initial + 100)})
					initial += 100
					room += 100
				}
				_ = c.fr.WriteWindowUpdate(0, uint32(n))
				_ = c.fr.WriteWindowUpdate(1, uint32(n))
			}
			part, err := c.read(1, func(p *answer) bool { return len(p.body) > 0 })
			if err != nil {
				t.Fatal(err)
			}
			a.body = append(a.body, part.body...)
		}
		if !events && !bytes.Equal(a.body, want) {
			t.Errorf("round %d: other bytes came", round)
		}
		c.conn.Close()
		if !events {
			<-s.gone
		}
	}
}

// A client that goes ends its handlers and streams.
func TestClientLeaves(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(c *client){
		"reset": func(c *client) {
			_ = c.fr.WriteRSTStream(1, http2.ErrCodeCancel)
			_ = c.fr.WriteRSTStream(3, http2.ErrCodeCancel)
		},
		"close": func(c *client) { c.conn.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, usual)
			c := s.dial()
			c.ask(1, "GET", "/wait")
			c.ask(3, "GET", "/events")
			if _, err := c.read(3, func(a *answer) bool { return a.status == "200" }); err != nil {
				t.Fatal(err)
			}
			leave(c)
			if err := <-s.gone; err != context.Canceled {
				t.Error(err)
			}
			if why := <-s.ends; why != "gone" {
				t.Errorf("the stream ended as %s", why)
			}
		})
	}
}

// A shutdown waits for the answers under way, and takes no new requests.
func TestShutdown(t *testing.T) {
	t.Parallel()
	s := newSite(t, usual)
	idle, busy := s.dial(), s.dial()
	busy.ask(1, "POST", "/echo")
	s.until("the request is there", func() bool { return s.busy.Load() == 1 })
	idle.ask(1, "GET", "/hello")
	idle.want(1, "200")
	done := make(chan error)
	go func() { done <- s.srv.Shutdown(t.Context()) }()
	idle.wantGoAway(http2.ErrCodeNo)
	if _, err := busy.read(1, nil); err == nil || err.(errGone).last != 1 {
		t.Fatalf("%v, want GOAWAY behind stream 1", err)
	}
	busy.ask(3, "GET", "/hello") // which nobody answers
	_ = busy.fr.WriteData(1, true, []byte("the last"))
	if a := busy.want(1, "200"); string(a.body) != "the last" {
		t.Errorf("%q", a.body)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestShutdownIsCut(t *testing.T) {
	t.Parallel()
	s := newSite(t, usual)
	c := s.dial()
	c.ask(1, "GET", "/wait")
	s.until("the request is there", func() bool { return s.busy.Load() == 1 })
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := s.srv.Shutdown(ctx); err != context.DeadlineExceeded {
		t.Error(err)
	}
	if err := <-s.gone; err != context.Canceled {
		t.Error(err)
	}
}

// Whatever bytes come, the server answers others.
func FuzzFrames(f *testing.F) {
	s := newSite(f, usual)
	var seed bytes.Buffer
	fr := http2.NewFramer(&seed, nil)
	_ = fr.WriteSettings()
	_ = fr.WritePing(false, [8]byte{})
	c := s.dialRaw()
	block := c.fields(":method", "POST", ":scheme", "http", ":path", "/echo", ":authority", "x")
	_ = fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block[:3]})
	_ = fr.WriteContinuation(1, true, block[3:])
	_ = fr.WriteDataPadded(1, true, []byte("body"), make([]byte, 3))
	_ = fr.WriteRSTStream(1, http2.ErrCodeCancel)
	_ = fr.WriteWindowUpdate(0, 100)
	_ = fr.WriteGoAway(0, http2.ErrCodeNo, nil)
	f.Add(seed.Bytes())
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, frames []byte) {
		c := s.dialFor(t)
		defer c.conn.Close()
		_, _ = c.conn.Write(append([]byte(http2.ClientPreface), frames...))
		_ = c.conn.(interface{ CloseWrite() error }).CloseWrite()
		_, _ = io.Copy(io.Discard, c.conn)
		other := s.dialFor(t).preface()
		_ = other.tryAsk(1, "GET", "/hello")
		if a, err := other.read(1, nil); err != nil || a.status != "200" {
			t.Fatalf("%+v, %v", a, err)
		}
	})
}
