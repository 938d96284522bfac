package web_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"rollcall/web"
	"rollcall/web/webtest"
)

func TestShutdown(t *testing.T) {
	srv := start(t)
	// The same server on a second listener, which Shutdown doesn't close.
	side := &http.Server{Handler: srv.Handler()}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = side.Serve(l) }()
	t.Cleanup(func() { _ = side.Close() })
	other := srv.At(t, l.Addr().String())

	id := srv.Publish("a", `1`)[0]
	var streams []*webtest.Stream
	for range 20 {
		st := srv.Subscribe("channels=a,b")
		st.WantRegistered()
		st.WantLast("a", `{"type":"message","payload":1}`)
		st.WantLast("b", `{}`)
		streams = append(streams, st)
	}
	watcher := srv.Watch("channels=nobody")
	at := watcher.LastID
	other.Get("/readyz").WantJSON(`{"status":"ready"}`)

	if err := srv.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	retries := map[time.Duration]bool{}
	for _, st := range streams {
		st.WantGoodbye("draining", true)
		if st.LastID != id {
			t.Errorf("goodbye is at %s, want %s", st.LastID, id)
		}
		if st.Retry > 5*time.Second {
			t.Errorf("retry %v", st.Retry)
		}
		retries[st.Retry] = true
	}
	if len(retries) < 10 {
		t.Errorf("%d streams are to come back at %d different times", len(streams), len(retries))
	}
	wantWatcherGoodbye(t, watcher, "draining")
	if epochOf(watcher.LastID) != epochOf(at) {
		t.Errorf("goodbye is at %s, the snapshot was at %s", watcher.LastID, at)
	}

	// New streams are asked to reconnect, and not admitted.
	other.Get("/readyz").WantFault(503, "draining", "")
	other.Get("/healthz").WantStatus(200)
	other.Post("/publish", `{"events":[{"channelName":"a","type":"t","payload":1}]}`).WantFault(503, "unavailable", "")
	late := other.Subscribe("channels=a", "Last-Event-ID: "+id)
	late.WantGoodbye("draining", true)
	if late.LastID != id {
		t.Errorf("goodbye is at %s, was asked from %s", late.LastID, id)
	}
	other.Subscribe("channels=a").WantGoodbye("draining", true)
	wantWatcherGoodbye(t, &webtest.Roster{Stream: other.Open("GET", "/presence/stream", "")}, "draining")
	if _, err := net.Dial("tcp", srv.Addr); err == nil {
		t.Error("the listener is still open")
	}
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Errorf("again: %v", err)
	}
	if err := srv.Close(); err != nil {
		t.Errorf("Close after it: %v", err)
	}
}

// wantWatcherGoodbye wants goodbye on the presence stream, whose other events have no envelope.
func wantWatcherGoodbye(t *testing.T, r *webtest.Roster, code string) {
	t.Helper()
	ev, err := r.Parser.Next()
	if err != nil || ev.Type != "goodbye" || !strings.Contains(ev.Data, code) {
		t.Fatalf("got %q, error %v, want goodbye %s", ev, err, code)
	}
	r.WantEnd()
}

// A reader that takes nothing can't delay a shutdown beyond its limit: it is cut. The kernel may still find room for
// the rest of its frame, by compacting its buffers. Then the stream ends with its goodbye.
func TestShutdownIsBounded(t *testing.T) {
	srv := start(t)
	st := stuckOn(t, srv, "a")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	switch err := srv.Shutdown(ctx); {
	case err == nil:
		for ev, _ := st.Next(); ev.Type != "goodbye"; ev, _ = st.Next() {
		}
		st.WantEnd()
	case !errors.Is(err, context.DeadlineExceeded):
		t.Errorf("Shutdown: %v, want the deadline", err)
	}
	if _, err := net.Dial("tcp", srv.Addr); err == nil {
		t.Error("the listener is still open")
	}
}

// stuckOn opens a stream that reads nothing and publishes until the server can't write to it any more. Being behind is
// not enough, because a busy shard may be about to continue. A blocked stream stays there whatever else is published.
func stuckOn(t *testing.T, srv *webtest.Server, channel string) *webtest.Stream {
	t.Helper()
	st := srv.Subscribe("channels=" + channel + "&clientId=stuck")
	big := `"` + strings.Repeat("x", 50<<10) + `"`
	sent, still := 0, 0
	eventually(t, "a stream that nobody reads falls behind", func() bool {
		srv.Publish(channel, big, big, big, big, big)
		c := connections(t, srv, "stuck")[0]
		blocked := numbers(t, srv.Get("/metrics").WantStatus(200).Body)["rollcall_streams_blocked"]
		if still++; *c.Behind < 10 || blocked != "1" || *c.BytesSent != sent {
			sent, still = *c.BytesSent, 0
		}
		return still == 5
	})
	return st
}

func TestSlowReaderIsEnded(t *testing.T) {
	srv := webtest.Start(t, web.Options{StallTimeout: 50 * time.Millisecond, HistoryBytes: 32 << 20})
	roster := srv.Watch("")
	other := subscribed(t, srv, "clientId=other", "b")
	stuckUntilGone(t, srv, roster)
	srv.Publish("b", `1`)
	other.WantEvent("b", "message", `1`)
}

// stuckUntilGone opens a stream that reads nothing and publishes until its client
// is gone.
func stuckUntilGone(t *testing.T, srv *webtest.Server, roster *webtest.Roster) {
	t.Helper()
	srv.Subscribe("channels=a&clientId=stuck")
	roster.WantThere("", "stuck")
	big := `"` + strings.Repeat("x", 50<<10) + `"`
	eventually(t, "a stream that nobody reads is ended", func() bool {
		srv.Publish("a", big, big, big, big, big)
		return srv.Get("/presence/clients/stuck").Status == 404
	})
	roster.WantGone("", "stuck")
}

// A reader that was slow gets everything that is kept, each once and in order,
// under its own event: it fell behind as a cursor.
func TestSlowReaderCatchesUp(t *testing.T) {
	srv := webtest.Start(t, web.Options{StallTimeout: time.Hour, HistoryBytes: 64 << 20})
	st := stuckOn(t, srv, "a")
	srv.Publish("a", `"end"`)
	n := len(allHistory(t, srv, "a"))
	st.WantRegistered()
	st.WantLast("a", `{}`)
	for range n - 1 {
		if ev, m := st.Next(); len(m.Payload) != 50<<10+2 {
			t.Fatalf("got %.300q", ev)
		}
	}
	st.WantEvent("a", "message", `"end"`)
	srv.Publish("a", `"live"`)
	st.WantEvent("a", "message", `"live"`)
}

// Events dropped while a reader was behind are announced as a gap, in their place.
func TestSlowReaderHearsOfTheGap(t *testing.T) {
	srv := webtest.Start(t, web.Options{StallTimeout: time.Hour, HistoryEvents: 20})
	st := stuckOn(t, srv, "a")
	big := `"` + strings.Repeat("x", 50<<10) + `"`
	for range 10 {
		srv.Publish("a", big, big, big, big)
	}
	end := srv.Publish("a", `"end"`)[0]
	st.WantRegistered()
	st.WantLast("a", `{}`)
	gaps := 0
	for st.LastID != end {
		before := st.LastID
		ev, m := st.Next()
		if ev.Type == "gap" {
			gaps++
			if want := `"{\"after\":\"` + before + `\",\"reason\":\"evicted\"}"`; string(m.Payload) != want || ev.ID != before {
				t.Fatalf("%.300q, want the gap at %s", ev, before)
			}
		}
	}
	if gaps == 0 {
		t.Error("no gap was told")
	}
}

// allHistory returns the ids of all that a channel keeps.
func allHistory(t *testing.T, srv *webtest.Server, channel string) (ids []string) {
	t.Helper()
	for after := ""; ; {
		p := history(t, srv, "channel="+channel+"&limit=1000&after="+after)
		if len(p.Events) == 0 {
			return ids
		}
		for _, ev := range p.Events {
			ids = append(ids, ev.ID)
		}
		after = p.Next
	}
}

func TestOverloaded(t *testing.T) {
	srv := webtest.Start(t, web.Options{MaxStreams: 2})
	one := subscribed(t, srv, "clientId=ada", "a")
	roster := srv.Watch("")
	roster.WantThere("", "ada")
	id := srv.Publish("a", `1`)[0]
	one.WantEvent("a", "message", `1`)

	fresh := srv.Subscribe("channels=a&clientId=bob")
	fresh.WantGoodbye("overloaded", true)
	back := srv.Subscribe("channels=a", "Last-Event-ID: "+id)
	back.WantGoodbye("overloaded", true)
	if back.LastID != id {
		t.Errorf("goodbye is at %s, was asked from %s", back.LastID, id)
	}
	srv.Open("POST", "/subscribe", `{"channels":["a"]}`).WantGoodbye("overloaded", true)
	wantWatcherGoodbye(t, &webtest.Roster{Stream: srv.Open("GET", "/presence/stream", "")}, "overloaded")
	srv.Get("/subscribe?channels=a.%3E.b").WantFault(400, "invalid_channel", "channels")

	// There is room again: the refused client reconnects with the id of goodbye.
	id2 := srv.Publish("a", `2`)[0]
	one.Close()
	eventually(t, "there is room", func() bool { return srv.Streams() == 1 })
	st := srv.Subscribe("channels=a&clientId=bob", "Last-Event-ID: "+fresh.LastID)
	if st.WantRegistered().Resumed {
		t.Error("who never was here resumes")
	}
	if at := st.WantLast("a", `{"type":"message","payload":2}`); at != id2 {
		t.Errorf("lastEvent at %s, want %s", at, id2)
	}
	st.Close()
	eventually(t, "there is room", func() bool { return srv.Streams() == 1 })
	st = srv.Subscribe("channels=a", "Last-Event-ID: "+back.LastID)
	st.WantRegistered()
	st.WantEvent("a", "message", `2`)
}
