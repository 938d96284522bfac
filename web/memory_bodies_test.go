package web_test

import (
	"io"
	"runtime"
	"strings"
	"testing"

	"rollcall/web"
	"rollcall/web/webtest"
)

// heap returns the bytes of what is reachable. Tests that compare it run alone.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what pools held
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestAnnouncedBodies: a head that announces a large body takes little until the body
// arrives, and a body is not awaited before credentials.
func TestAnnouncedBodies(t *testing.T) {
	const requests, most = 100, 64 << 10
	g := guard(t)
	for _, head := range []string{
		"POST /subscribe HTTP/1.1\n", "PUT /nothing HTTP/1.1\n", "GET /healthz HTTP/1.1\n", "DELETE /presence/clients/x HTTP/1.1\n",
		"POST /publish HTTP/1.1\n" + g.billing + "\n", "POST /events?memberId=x HTTP/1.1\n" + g.billing + "\n",
	} {
		before := heap()
		wires := make([]*webtest.Wire, requests)
		length := "1048576"
		if !strings.HasPrefix(head, "POST") {
			length = "65536" // more is refused at once
		}
		for i := range wires {
			wires[i] = g.Dial()
			wires[i].Send(head + "Host: x\nContent-Length: " + length + "\nExpect: 100-continue\n\n")
		}
		for _, w := range wires {
			w.WantLine("HTTP/1.1 100 ") // the body is being read
		}
		if grown := heap() - before; grown > requests*most {
			t.Errorf("%.30q: %d announced bodies take %d KiB each", head, requests, grown/requests>>10)
		}
		for _, w := range wires {
			w.Cut()
		}
	}
	closed := guard(t, func(o *web.Options) { o.Access.Anonymous = nil })
	for target, status := range map[string]string{"POST /subscribe": "401", "POST /publish": "401", "PUT /nothing": "413", "GET /subscribe?channels=a": "413"} {
		w := closed.Dial()
		w.Send(target + " HTTP/1.1\nHost: x\nContent-Length: 1048576\nExpect: 100-continue\n\n")
		if line := w.WantLine("HTTP/1.1 "); !strings.Contains(line, status) {
			t.Errorf("%s: %s, want %s before the body", target, line, status)
		}
		w.Cut()
	}
}

// TestBodiesInAll: the bodies of all subscribers have a total. Publishers have one of
// their own.
func TestBodiesInAll(t *testing.T) {
	srv := webtest.Start(t, web.Options{})
	srv.SetBodyLimits(3<<20, 1<<20)
	send := func(path string) *webtest.Wire {
		w := srv.Dial()
		w.Send("POST " + path + " HTTP/1.1\nHost: x\nContent-Length: 1048576\nExpect: 100-continue\n\n")
		w.WantLine("HTTP/1.1 100 ")
		if _, err := io.WriteString(w.Conn, strings.Repeat(" ", 700<<10)); err != nil {
			t.Fatal(err)
		}
		return w
	}
	first := send("/subscribe")
	eventually(t, "the first body has arrived", func() bool { _, held := srv.BodyBytes(); return held == 700<<10 })
	second := send("/subscribe")
	second.WantLine("event: goodbye")
	if data := second.WantLine("data: "); !strings.Contains(data, "limit") {
		t.Error(data)
	}
	srv.Post("/publish", `{"events":[]}`).WantStatus(200)
	first.Cut()
	eventually(t, "the room is given back", func() bool { _, held := srv.BodyBytes(); return held == 0 })
	srv.Open("POST", "/subscribe", `{"channels":["a"]}`).WantRegistered()
}

// TestConnectionsInAll: idle connections count, and those beyond the limit are closed.
func TestConnectionsInAll(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, web.Options{MaxConnections: 5})
	st := srv.Subscribe("channels=a")
	st.WantRegistered()
	idle := make([]*webtest.Wire, 4)
	for i := range idle {
		idle[i] = srv.Dial()
	}
	eventually(t, "all are counted", func() bool { return srv.Connections() == 5 })
	if text := srv.Dial().Rest(); text != "" {
		t.Errorf("a connection beyond the limit got %q", text)
	}
	idle[0].Cut()
	eventually(t, "one has gone", func() bool { return srv.Connections() == 4 })
	srv.Get("/healthz").WantStatus(200)
	st.Close()
}
