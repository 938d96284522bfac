package web_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"rollcall/web"
	"rollcall/web/webtest"
)

// face is a stream that is no /subscribe, with verbs.
type face struct {
	*webtest.Stream
	t testing.TB
}

// opened opens such a stream.
func opened(t testing.TB, srv *webtest.Server, target string, header ...string) *face {
	t.Helper()
	return &face{srv.Open(http.MethodGet, target, "", header...), t}
}

var timestamps = regexp.MustCompile(`"timestamp":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"`)

// want wants an event next, with this data before the timestamp at its end, and returns its id.
func (f *face) want(typ, data string) string {
	f.t.Helper()
	ev, err := f.Parser.Next()
	if err != nil {
		f.t.Fatalf("%v, want %s %s", err, typ, data)
	}
	want := strings.TrimSuffix(data, "}") + `,"timestamp":""}`
	if got := timestamps.ReplaceAllString(ev.Data, `"timestamp":""`); ev.Type != typ || got != want {
		f.t.Fatalf("got %s %s, want %s %s", ev.Type, ev.Data, typ, want)
	}
	return ev.ID
}

// idOf returns the id in an answer.
func idOf(a *webtest.Answer) string {
	var got struct{ ID string }
	a.Into(&got)
	return got.ID
}

func TestCompatOff(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, web.Options{NoCompat: true})
	for _, path := range []string{"/events?memberId=a", "/messages?room=a", "/sse/time", "/events/", "/messages/", "/sse/time/"} {
		srv.Get(path).WantFault(404, "not_found", "")
		srv.Post(path, `{"type":"A","text":"a","room":"a"}`).WantFault(404, "not_found", "")
	}
	on := start(t)
	on.Post("/sse/time", "").WantFault(405, "method_not_allowed", "")
	on.Do("DELETE", "/events?memberId=a", "").WantFault(405, "method_not_allowed", "")
}

// What a page of another origin sends along is allowed to it.
func TestCompatHeadersOfOtherOrigins(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, web.Options{CORSOrigins: []string{"https://app.example"}})
	a := srv.Do("OPTIONS", "/events", "", "Origin: https://app.example", "Access-Control-Request-Method: POST").WantStatus(204)
	for _, name := range []string{"Member-Id", "Memberid", "Device-Id", "Last-Event-Id"} {
		if !strings.Contains(a.Header.Get("Access-Control-Allow-Headers"), name) {
			t.Errorf("%s is not among %q", name, a.Header.Get("Access-Control-Allow-Headers"))
		}
	}
}

// Bad input is refused with what is wrong about it.
func TestCompatRefuses(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, web.Options{MaxPayloadBytes: 100, MaxBodyBytes: 2000})
	long := strings.Repeat("x", 249)
	for _, c := range []struct {
		method, target, body string
		status               int
		code, field          string
	}{
		{"GET", "/events", "", 400, "invalid_member", "memberId"},
		{"GET", "/events?memberId=", "", 400, "invalid_member", "memberId"},
		{"GET", "/events?memberId=a,b", "", 400, "invalid_member", "memberId"},
		{"GET", "/events?memberId=a.*", "", 400, "invalid_member", "memberId"},
		{"GET", "/events?memberId=a%00", "", 400, "invalid_member", "memberId"},
		{"GET", "/events?memberId=%ff", "", 400, "invalid_member", "memberId"},
		{"GET", "/events?memberId=" + long, "", 400, "invalid_member", "memberId"},
		{"GET", "/events?memberId=a&deviceId=%0a", "", 400, "invalid_device", "deviceId"},
		{"GET", "/events?memberId=a&deviceId=" + long + "toolong", "", 400, "invalid_device", "deviceId"},
		{"GET", "/events?memberId=%", "", 400, "invalid_query", ""},
		{"POST", "/events", `{"type":"A"}`, 400, "invalid_member", "memberId"},
		{"POST", "/events?memberId=%", `{"type":"A"}`, 400, "invalid_query", ""},
		{"POST", "/events?memberId=a", ``, 400, "invalid_json", ""},
		{"POST", "/events?memberId=a", `{`, 400, "invalid_json", ""},
		{"POST", "/events?memberId=a", "{\"type\":\"A\",\"body\":\"\xff\"}", 400, "invalid_json", ""},
		{"POST", "/events?memberId=a", `{}`, 400, "invalid_event", "type"},
		{"POST", "/events?memberId=a", `null`, 400, "invalid_body", ""},
		{"POST", "/events?memberId=a", `{"type":"a"}`, 400, "invalid_event", "type"},
		{"POST", "/events?memberId=a", `{"type":"_A"}`, 400, "invalid_event", "type"},
		{"POST", "/events?memberId=a", `{"type":"1A"}`, 400, "invalid_event", "type"},
		{"POST", "/events?memberId=a", `{"type":"A-B"}`, 400, "invalid_event", "type"},
		{"POST", "/events?memberId=a", `{"type":"A\n"}`, 400, "invalid_event", "type"},
		{"POST", "/events?memberId=a", `{"type":"É"}`, 400, "invalid_event", "type"},
		{"POST", "/events?memberId=a", `{"type":"` + strings.Repeat("A", 65) + `"}`, 400, "invalid_event", "type"},
		{"POST", "/events?memberId=a", `{"type":5}`, 400, "invalid_field", "type"},
		{"POST", "/events?memberId=a", `{"event":{"type":"a"}}`, 400, "invalid_event", "event.type"},
		{"POST", "/events?memberId=a", `{"event":{}}`, 400, "invalid_event", "event.type"},
		{"POST", "/events?memberId=a", `{"event":"A"}`, 400, "invalid_field", "event"},
		{"POST", "/events?memberId=a", `{"type":"A","idempotencyKey":"` + strings.Repeat("k", 129) + `"}`, 400, "invalid_event", "idempotencyKey"},
		{"POST", "/events?memberId=a", `{"event":{"type":"A","body":"` + long + `"}}`, 413, "payload_too_large", "event.body"},
		{"POST", "/events?memberId=a", `{"type":"A","body":"` + strings.Repeat(long, 9) + `"}`, 413, "body_too_large", ""},
		{"GET", "/messages", "", 400, "invalid_room", "room"},
		{"GET", "/messages?room=a,b", "", 400, "invalid_room", "room"},
		{"GET", "/messages?room=" + long + "long", "", 400, "invalid_room", "room"},
		{"GET", "/messages?room=a&user=%00", "", 400, "invalid_client_id", "user"},
		{"GET", "/messages?%", "", 400, "invalid_query", ""},
		{"POST", "/messages", `{"text":"a"}`, 400, "invalid_room", "room"},
		{"POST", "/messages", `{"text":"a","room":">"}`, 400, "invalid_room", "room"},
		{"POST", "/messages", `{"room":"a"}`, 400, "invalid_message", "text"},
		{"POST", "/messages", `{"room":"a","text":""}`, 400, "invalid_message", "text"},
		{"POST", "/messages", `{"room":"a","text":null}`, 400, "invalid_message", "text"},
		{"POST", "/messages", `{"room":"a","text":{"a":1}}`, 400, "invalid_field", "text"},
		{"POST", "/messages", `{"room":"a","text":"a","user":1}`, 400, "invalid_field", "user"},
		{"POST", "/messages", `{"room":"a","text":"a","user":"\u0000"}`, 400, "invalid_message", "user"},
		{"POST", "/messages", `{"room":"a","text":"` + long + `"}`, 413, "payload_too_large", "text"},
		{"POST", "/messages", `[]`, 400, "invalid_body", ""},
	} {
		a := srv.Do(c.method, c.target, c.body)
		if strings.HasPrefix(a.Header.Get("Content-Type"), "text/event-stream") {
			t.Errorf("%s %s %s: a stream", c.method, c.target, c.body)
			continue
		}
		a.WantFault(c.status, c.code, c.field)
	}
	if head := srv.Head(); !strings.HasSuffix(head, "-0") {
		t.Errorf("something was published: %s", head)
	}
}

// The rights to a member or room are those to its channel.
func TestCompatGrants(t *testing.T) {
	t.Parallel()
	g := guard(t)
	wantField := func(a *webtest.Answer, status int, field string) {
		t.Helper()
		var got struct{ Error struct{ Field string } }
		if a.WantStatus(status).Into(&got); got.Error.Field != field {
			t.Errorf("refused for the field %q, want %q", got.Error.Field, field)
		}
	}
	ann := bearer(token(t, "ann", "member.ann,room.lobby", "member.bob,room.lobby"))
	wantField(g.Get("/events?memberId=ann"), 401, "memberId")
	wantField(g.Get("/events?memberId=bob", ann), 403, "memberId")
	wantField(g.Get("/messages?room=cellar", ann), 403, "room")
	wantField(g.Post("/events?memberId=ann", `{"type":"A"}`, ann), 403, "memberId")
	wantField(g.Post("/messages", `{"room":"cellar","text":"a"}`, ann), 403, "room")
	g.Post("/messages", `{"room":"lobby","text":"a"}`).WantFault(401, "unauthorized", "")

	st := opened(t, g.Server, "/events?memberId=ann", ann)
	room := opened(t, g.Server, "/messages?room=lobby&user=eve", ann)
	g.Post("/events?memberId=ann", `{"type":"A"}`, g.root).WantStatus(202)
	st.want("A", `{"body":null}`)
	g.Post("/messages", `{"room":"lobby","text":"a"}`, ann).WantStatus(201)
	room.want("message", `{"text":"a","user":""}`)
	g.Get("/presence/clients/eve", g.root).WantFault(404, "not_online", "") // the token determines the client
	g.Get("/presence/clients/ann", g.root).WantStatus(200)

	for _, target := range []string{"/events?memberId=ann", "/messages?room=lobby", "/sse/time"} {
		g.Get(target, bearer(ann[len(ann)/2:])).WantFault(401, "unauthorized", "")
	}

	// Another member is another channel, and the token's subject on it.
	both := bearer(token(t, "ann", "member.*", ""))
	other := opened(t, g.Server, "/events?memberId=bob", both)
	g.Post("/events?memberId=bob", `{"type":"B"}`, ann).WantStatus(202)
	other.want("B", `{"body":null}`)
	g.Get("/presence/clients/bob", g.root).WantFault(404, "not_online", "")
}

// A kick, a block and a shutdown end these streams as any other.
func TestCompatStreamsEnd(t *testing.T) {
	t.Parallel()
	srv := start(t)
	st := opened(t, srv, "/events?memberId=ann&deviceId=phone")
	id := idOf(srv.Post("/events?memberId=ann", `{"type":"A"}`).WantStatus(202))
	st.want("A", `{"body":null}`)
	srv.Delete("/presence/clients/ann")
	st.WantGoodbye("kicked", false)
	if seqOf(t, st.LastID) < seqOf(t, id) { // the device's place may be in the log behind it
		t.Errorf("goodbye is at %s, want %s", st.LastID, id)
	}
	srv.Get("/events?memberId=ann", "Last-Event-ID: "+id).WantStatus(204)
	srv.Delete("/presence/clients/eve?block=10m")
	srv.Get("/messages?room=a&user=eve").WantStatus(204)

	again, room := opened(t, srv, "/events?memberId=ann"), opened(t, srv, "/messages?room=a")
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	again.WantGoodbye("draining", true)
	room.WantGoodbye("draining", true)
}

// They count against the limits.
func TestCompatLimits(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, web.Options{MaxStreams: 1})
	opened(t, srv, "/messages?room=a")
	opened(t, srv, "/messages?room=a").WantGoodbye("overloaded", true)
	opened(t, srv, "/events?memberId=a").WantGoodbye("overloaded", true)
}
