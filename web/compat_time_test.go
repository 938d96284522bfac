package web_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"rollcall/web"
	"rollcall/web/auth"
	"rollcall/web/webtest"
)

// The clock strikes a hundred times and ends, over every transport.
func TestClock(t *testing.T) {
	overWays(t, web.Options{}, func(t *testing.T, s *stage) {
		c := s.open(ask{path: "/sse/time"})
		for n := range 100 {
			e := c.want("time")
			if at, err := time.Parse("2006-01-02T15:04:05.000Z", e.data); err != nil || time.Since(at).Abs() > time.Hour || e.id != fmt.Sprint(n+1) {
				t.Fatalf("%d: %q", n+1, e.raw)
			}
		}
		if _, err := c.next(); err != io.EOF {
			t.Errorf("%v, want the end", err)
		}
		again := s.open(ask{path: "/sse/time/", resume: "99"})
		if e := again.want("time"); e.id != "100" {
			t.Errorf("behind 99 comes %q", e.raw)
		}
		if _, err := again.next(); err != io.EOF {
			t.Errorf("%v, want the end", err)
		}
	})
}

func TestClockResumes(t *testing.T) {
	t.Parallel()
	srv := start(t)
	for _, id := range []string{"100", "101", "time-100", "18446744073709551615"} {
		srv.Get("/sse/time", "Last-Event-ID: "+id).WantStatus(204)
		srv.Get("/sse/time?lastEventId=" + id).WantStatus(204)
	}
	for id, next := range map[string]string{"98": "99", "time-98": "99", "0": "1", "-1": "1", "x": "1", "new-0": "1", "18446744073709551616": "1"} {
		st := opened(t, srv, "/sse/time?last_event_id="+id)
		if ev, err := st.Parser.Next(); err != nil || ev.ID != next {
			t.Errorf("behind %s comes %s, %v", id, ev.ID, err)
		}
		st.Close()
	}
}

// A shutdown says goodbye in the midst of it, at a place to go on from.
func TestClockShutdown(t *testing.T) {
	t.Parallel()
	srv := start(t)
	st := opened(t, srv, "/sse/time")
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	var ev webtest.Event
	for last := 0; ; last++ {
		var err error
		if ev, err = st.Parser.Next(); err != nil {
			t.Fatal(err)
		}
		if ev.Type == "time" {
			continue
		}
		if ev.Type != "goodbye" || ev.ID != fmt.Sprint("time-", last) || !strings.Contains(ev.Data, "draining") {
			t.Errorf("ends with %+v behind %d", ev, last)
		}
		break
	}
	if _, err := st.Parser.Next(); err != io.EOF {
		t.Errorf("%v, want the end", err)
	}
}

// A clock takes no place from the streams that have events, and has limits of its own: so
// many at once for an address, and the rate at which streams are opened.
func TestClockTakesNoStreamsPlace(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, web.Options{MaxStreams: 1, H2C: true, StallTimeout: longStall, AddressLimits: auth.Limits{Connections: 1}})
	deaf := deafClocks(t, srv, 20)
	first := subscribed(t, srv, "", "a")
	if srv.Streams() != 1 {
		t.Errorf("%d streams", srv.Streams())
	}
	opened(t, srv, "/sse/time", "Last-Event-ID: 3").WantGoodbye("limit", true)
	opened(t, srv, "/messages?room=a").WantGoodbye("overloaded", true)
	first.Close()
	deaf.Cut()
	eventually(t, "a clock is free", func() bool {
		st := opened(t, srv, "/sse/time")
		defer st.Close()
		ev, err := st.Parser.Next()
		return err == nil && ev.Type == "time"
	})

	srv = webtest.Start(t, web.Options{AddressLimits: auth.Limits{ConnectsPerSecond: 0.01}})
	opened(t, srv, "/sse/time")
	opened(t, srv, "/sse/time", "Last-Event-ID: 3").WantGoodbye("limit", true)
}

// Clients that read nothing hold a clock for the stall timeout and no longer.
func TestClockEndsDeafReaders(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, web.Options{H2C: true, StallTimeout: 50 * time.Millisecond})
	deafClocks(t, srv, 16)
	eventually(t, "the clocks are free", func() bool { // on a busy machine this one may be taken for deaf, too
		answer, err := http.Get(srv.URL + "/sse/time?lastEventId=98")
		if err != nil {
			return false
		}
		defer answer.Body.Close()
		ev, err := webtest.NewParser(answer.Body).Next()
		return err == nil && ev.Type == "time"
	})
}

// The clock is for callers that may subscribe to some channel.
func TestClockTakesCredentials(t *testing.T) {
	t.Parallel()
	g := guard(t, func(o *web.Options) {
		access := *o.Access
		access.Anonymous = nil
		o.Access = &access
	})
	for _, target := range []string{"/sse/time", "/sse/time/?lastEventId=100"} {
		g.Get(target).WantFault(401, "unauthorized", "")
		g.Get(target, bearer("garbage")).WantFault(401, "unauthorized", "")
		g.Get(target, g.reader).WantFault(403, "forbidden", "") // for presence alone
		g.Get(target, bearer(token(t, "ann", "", "orders.*"))).WantFault(403, "forbidden", "")
	}
	for _, show := range []string{g.root, g.billing, bearer(token(t, "ann", "room.a", ""))} {
		g.Get("/sse/time?lastEventId=100", show).WantStatus(204)
	}
	guard(t).Get("/sse/time?lastEventId=100").WantStatus(204) // anonymous subscribers may
}

// longStall is a stall timeout that no test sees the end of.
const longStall = time.Hour

// deafClocks opens n clocks on one HTTP/2 connection of a client whose window is
// closed: it takes no data. They have begun when it returns.
func deafClocks(t *testing.T, srv *webtest.Server, n int) *webtest.Wire {
	t.Helper()
	w := srv.Dial()
	w.Send("PRI * HTTP/2.0\n\nSM\n\n")
	framer := http2.NewFramer(w.Conn, w.Reader)
	if err := framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0}); err != nil {
		t.Fatal(err)
	}
	var block bytes.Buffer
	enc := hpack.NewEncoder(&block)
	for _, field := range [][2]string{{":method", "GET"}, {":scheme", "http"}, {":authority", srv.Addr}, {":path", "/sse/time"}} {
		_ = enc.WriteField(hpack.HeaderField{Name: field[0], Value: field[1], Sensitive: true}) // stays out of the table
	}
	for i := range uint32(n) {
		head := http2.HeadersFrameParam{StreamID: 2*i + 1, BlockFragment: block.Bytes(), EndStream: true, EndHeaders: true}
		if err := framer.WriteHeaders(head); err != nil {
			t.Fatal(err)
		}
	}
	begun := make(chan error, 2)
	var reading sync.WaitGroup
	t.Cleanup(func() {
		w.Cut()
		reading.Wait()
	})
	reading.Go(func() { // it answers pings, so that the connection lives
		for answered := 0; ; {
			f, err := framer.ReadFrame()
			if ping, ok := f.(*http2.PingFrame); ok && !ping.IsAck() {
				err = framer.WritePing(true, ping.Data)
			}
			if err != nil {
				begun <- err
				return
			}
			if _, ok := f.(*http2.HeadersFrame); ok {
				if answered++; answered == n {
					begun <- nil
				}
			}
		}
	})
	if err := <-begun; err != nil {
		t.Fatal(err)
	}
	return w
}
