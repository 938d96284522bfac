package web_test

import (
	"fmt"
	"strings"
	"testing"

	"rollcall/hub/eventlog"
	"rollcall/web"
	"rollcall/web/webtest"
)

// A room sends its old messages, and then new ones, over every transport.
func TestRoomOverTransports(t *testing.T) {
	overWays(t, web.Options{}, func(t *testing.T, s *stage) {
		speak := func(n int) {
			t.Helper()
			if code := s.call("POST", "/messages", map[string]any{"text": fmt.Sprint(n), "room": "lobby", "user": "ann"}, nil); code != 201 {
				t.Fatal(code)
			}
		}
		for n := range 600 { // more than one step
			speak(n)
		}
		c := s.open(ask{path: "/messages?room=lobby&user=zoe"})
		if e := c.must(); !strings.HasSuffix(e.id, "-0") || e.data != "" {
			t.Fatalf("begins with %q", e.raw)
		}
		for n := range 610 {
			if n >= 600 {
				speak(n)
			}
			e := c.want("message")
			if data := timestamps.ReplaceAllString(e.data, "T"); data != fmt.Sprintf(`{"text":"%d","user":"ann",T}`, n) {
				t.Fatalf("%d: %q", n, e.raw)
			}
		}
		if _, there := s.connection("zoe"); !there {
			t.Error("zoe is not there")
		}
	})
}

func TestRoom(t *testing.T) {
	t.Parallel()
	srv := start(t)
	a := srv.Post("/messages", `{"text":"<hi> \"you\"\n","room":"developers","user":"ann"}`).WantStatus(201)
	last := srv.Get("/history?channel=room.developers").WantStatus(200)
	var kept struct {
		Events []struct{ ID, Timestamp, Type string }
	}
	last.Into(&kept)
	want := fmt.Sprintf(`{"id":%q,"text":"<hi> \"you\"\n","user":"ann","room":"developers","timestamp":%q}`+"\n", kept.Events[0].ID, kept.Events[0].Timestamp)
	if a.Body != want || kept.Events[0].Type != "message" {
		t.Errorf("answered %s, want %s", a.Body, want)
	}
	second := idOf(srv.Post("/messages/", `{"text":"ho","room":"developers"}`).WantStatus(201))
	st := opened(t, srv, "/messages/?room=developers")
	first := st.want("message", `{"text":"<hi> \"you\"\u000a","user":"ann"}`)
	if st.want("message", `{"text":"ho","user":""}`) != second {
		t.Error("another id")
	}
	// From a position on, and from one that means nothing here.
	opened(t, srv, "/messages?room=developers", "Last-Event-ID: "+first).want("message", `{"text":"ho","user":""}`)
	lost := opened(t, srv, "/messages?room=developers&lastEventId=former-1")
	lost.WantGap("room.developers", "former-1", "epoch")
	lost.want("message", `{"text":"<hi> \"you\"\u000a","user":"ann"}`)
	lost.want("message", `{"text":"ho","user":""}`)
	// A room without messages, and a client that was refused there.
	empty := opened(t, srv, "/messages?room=empty", "Last-Event-ID: new-0")
	srv.Post("/messages", `{"text":"at last","room":"empty"}`).WantStatus(201)
	empty.want("message", `{"text":"at last","user":""}`)
	opened(t, srv, "/messages?room=empty", "Last-Event-ID: new-0").want("message", `{"text":"at last","user":""}`)
}

// Other events on a room's channel are messages if they have the form, and are otherwise ignored.
func TestRoomIsLenient(t *testing.T) {
	t.Parallel()
	srv := start(t)
	st := opened(t, srv, "/messages?room=a")
	for payload, data := range map[string]string{
		`"plain"`:                        `{"text":"plain","user":""}`,
		`""`:                             `{"text":"","user":""}`,
		`"\ud800"`:                       `{"text":"` + "\uFFFD" + `","user":""}`,
		`{"text":"t"}`:                   `{"text":"t","user":""}`,
		`{"text":"t","user":"u","x":[]}`: `{"text":"t","user":"u"}`,
		`{"text":"t","user":7}`:          `{"text":"t","user":""}`,
		`{"text":"t","user":null}`:       `{"text":"t","user":""}`,
		`{"text":7}`:                     "",
		`{"user":"u"}`:                   "",
		`7`:                              "",
		`null`:                           "",
		`[{"text":"t"}]`:                 "",
	} {
		srv.Publish("room.a", payload)
		srv.PublishBody(`{"events":[{"channelName":"room.a","type":"typing","payload":"x"}]}`)
		if data != "" {
			st.want("message", data)
		}
	}
	srv.Publish("room.a", `"end"`)
	st.want("message", `{"text":"end","user":""}`)
}

// A room keeps its own number of messages, regardless of other channels' limits, and a fresh start has no gap.
func TestRoomKeeps(t *testing.T) {
	t.Parallel()
	opts := web.Options{HistoryEvents: 3}
	srv := webtest.Start(t, opts)
	for range 11 {
		texts := make([]string, 1000)
		for i := range texts {
			texts[i] = `"x"`
		}
		srv.Publish("room.full", texts...)
		srv.Publish("other", texts[:5]...)
	}
	st := opened(t, srv, "/messages?room=full")
	var got int
	for range 10_000 {
		st.want("message", `{"text":"x","user":""}`)
		got++
	}
	srv.Publish("room.full", `"last"`)
	st.want("message", `{"text":"last","user":""}`)
	if p := history(t, srv, "channel=other"); len(p.Events) != 3 {
		t.Errorf("another channel keeps %d", len(p.Events))
	}
	h := opts.History()
	if l := h.Limits("room.full"); l.Events != 10_000 || l.Bytes != 5_000_000 {
		t.Errorf("a room keeps %+v", l)
	}
	opts.NoCompat = true
	if h = opts.History(); len(h.Rules) != 0 {
		t.Errorf("without rooms there are rules: %+v", h.Rules)
	}
	var _ eventlog.Options = h
}

// What the server no longer has in memory, a room's fresh start gets from the store.
func TestRoomOlder(t *testing.T) {
	t.Parallel()
	engine := newDeepEngine(t)
	srv := webtest.Start(t, web.Options{Engine: engine})
	for i := range 12 {
		srv.Publish("room.a", fmt.Sprintf(`"%d"`, i))
	}
	for _, resume := range []string{"", "new-0"} {
		st := opened(t, srv, "/messages?room=a&lastEventId="+resume)
		for i := range 12 {
			st.want("message", fmt.Sprintf(`{"text":"%d","user":""}`, i))
		}
		srv.Publish("room.b", `"elsewhere"`)
		st.Close()
	}
}
