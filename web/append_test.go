package web_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"rollcall/hub/eventlog"
	"rollcall/web"
	"rollcall/web/auth"
	"rollcall/web/webtest"
)

// The program that a server is part of publishes by the rules of POST /publish, all or nothing.
func TestPublishFromWithin(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, web.Options{MaxPayloadBytes: 100})
	st := subscribed(t, srv, "", "a", "b")
	good := eventlog.Event{Channel: "a", Type: "m", Payload: []byte("{\n\"n\": 1}")}
	for field, bad := range map[string]eventlog.Event{
		"channel": {Channel: "a,b", Type: "m", Payload: []byte("1")},
		"type":    {Channel: "a", Type: "goodbye", Payload: []byte("1")},
		"key":     {Channel: "a", Type: "m", Payload: []byte("1"), Key: strings.Repeat("k", 129)},
		"payload": {Channel: "a", Type: "m", Payload: []byte("{")},
		"at most": {Channel: "a", Type: "m", Payload: []byte(`"` + strings.Repeat("x", 100) + `"`)},
	} {
		if _, err := srv.Server.Publish(t.Context(), []eventlog.Event{good, bad}); err == nil || !strings.Contains(err.Error(), "events[1]") || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
	results, err := srv.Server.Publish(t.Context(), []eventlog.Event{good, {Channel: "b", Type: "m", Payload: []byte("2"), Key: "k"}})
	if err != nil || len(results) != 2 || results[0].ID != epochOf(st.LastID)+"-1" || results[1].ID != epochOf(st.LastID)+"-2" {
		t.Fatalf("%v, %v", results, err)
	}
	if id := st.WantEvent("a", "m", `{"n":1}`); id != results[0].ID {
		t.Errorf("the client sees the id %s, the publisher %s", id, results[0].ID)
	}
	st.WantEvent("b", "m", `2`)
	for _, channel := range []string{"a", ""} {
		if there := srv.Members(channel); len(there) != 1 || there[0].ClientID != st.Hello.ClientID {
			t.Errorf("on %q: %v", channel, there)
		}
	}
	if n := srv.Kick(st.Hello.ClientID); n != 1 || srv.Kick("nobody") != 0 {
		t.Errorf("%d streams are ended", n)
	}
	st.WantGoodbye("kicked", false)
	if err := srv.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := srv.Server.Publish(t.Context(), []eventlog.Event{good}); !errors.Is(err, eventlog.ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
}

// A browser sends an application's session with any page's request: not every page may use the server then.
func TestSessionsWantOrigins(t *testing.T) {
	t.Parallel()
	who := &auth.Options{Session: func(*http.Request) (*auth.Session, error) { return nil, nil }}
	if s, err := web.New(web.Options{Access: who, CORSOrigins: []string{"*"}}); err == nil {
		s.Close()
		t.Error("every page may use a visitor's session")
	}
}
