package web_test

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

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
	eventually(t, "all are counted out", func() bool { return srv.Streams() == 0 })
}

// A shutdown says goodbye in the midst of it, at a place to go on from.
func TestClockShutdown(t *testing.T) {
	t.Parallel()
	srv := start(t)
	st := opened(t, srv, "/sse/time")
	if srv.Streams() != 1 {
		t.Errorf("%d streams", srv.Streams())
	}
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

func TestClockLimits(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, web.Options{AddressLimits: auth.Limits{Connections: 1}})
	st := opened(t, srv, "/messages?room=a")
	opened(t, srv, "/sse/time", "Last-Event-ID: 3").WantGoodbye("limit", true)
	st.Close()
	eventually(t, "the place is free", func() bool { return srv.Streams() == 0 })
	opened(t, srv, "/sse/time").Close()
	eventually(t, "the place is free again", func() bool { return srv.Streams() == 0 })
	guard(t).Get("/sse/time", bearer("garbage")).WantFault(401, "unauthorized", "")
}
