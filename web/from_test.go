package web_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"rollcall/hub/eventlog"
	"rollcall/web"
	"rollcall/web/webtest"
)

// bare is a stream whose events have any form.
type bare struct {
	*webtest.Stream
	t testing.TB
}

func openBare(t testing.TB, srv *webtest.Server, method, target, body string, header ...string) *bare {
	t.Helper()
	return &bare{srv.Open(method, target, body, header...), t}
}

// want wants events next, each as its type and data. It returns the last one's id.
func (b *bare) want(events ...string) string {
	b.t.Helper()
	for _, want := range events {
		ev, err := b.Parser.Next()
		if err != nil {
			b.t.Fatalf("%v, want %q", err, want)
		}
		if got := ev.Type + " " + ev.Data; got != want {
			b.t.Fatalf("got %q, want %q", got, want)
		}
	}
	return b.LastID
}

// message reads the next event, whose data is JSON.
func (b *bare) message(typ string) (id string, m webtest.Message) {
	b.t.Helper()
	ev, err := b.Parser.Next()
	if err != nil || ev.Type != typ || json.Unmarshal([]byte(ev.Data), &m) != nil || m.Type != typ {
		b.t.Fatalf("got %q, error %v, want %s", ev, err, typ)
	}
	return ev.ID, m
}

// wantOwn wants one of the server's own events next, whose payload is this JSON.
func (b *bare) wantOwn(typ, channel, payload string) {
	b.t.Helper()
	_, m := b.message(typ)
	if m.Channel != channel || !webtest.SameJSON(string(m.Payload), payload) || m.Timestamp != nil {
		b.t.Fatalf("%s of %q says %s, want %s of %q", typ, m.Channel, m.Payload, payload, channel)
	}
}

// A stream begins at the requested start; a valid position takes precedence.
func TestSubscribeFrom(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, web.Options{HistoryEvents: 2})
	one := srv.Publish("b", `1`)[0]
	ids := srv.Publish("a", `1`, `2`, `3`)
	two := srv.PublishBody(`{"events":[
		{"channelName":"b","type":"note","payload":{"n":2}},
		{"channelName":"c","type":"message","payload":0}]}`)[0]
	head := srv.Head()
	for none, from := range map[string]struct{ method, target, body string }{
		"n1": {"GET", "/subscribe?channels=a,b,n1&from=", ""},
		"n2": {"POST", "/subscribe", `{"channels":["a","b","n2"],"from":"`},
		"n3": {"QUERY", "/subscribe/", `{"channels":["a","b","n3"],"from":"`},
	} {
		opened := func(place string, header ...string) *webtest.Stream {
			if from.body != "" {
				return srv.Open(from.method, from.target, from.body+place+`"}`, header...)
			}
			return srv.Open(from.method, from.target+place, "", header...)
		}
		now, last, oldest := opened("now"), opened("last"), opened("oldest")
		fresh, resumed := opened(""), opened("oldest", "Last-Event-ID: "+ids[2])
		for _, st := range []*webtest.Stream{now, last, oldest, fresh} {
			if st.WantRegistered().Resumed {
				t.Error("a fresh start is said to be resumed")
			}
		}
		if now.LastID != head || fresh.LastID != head {
			t.Errorf("registered is at %s and %s, want %s", now.LastID, fresh.LastID, head)
		}
		resumed.WantRegistered()
		fresh.WantLast("a", `{"type":"message","payload":3}`)
		fresh.WantLast("b", `{"type":"note","payload":{"n":2}}`)
		fresh.WantLast(none, `{}`)
		begun := last.LastID
		resumed.WantEvent("b", "note", `{"n":2}`)
		if last.WantEvent("a", "message", `3`) != ids[2] || last.WantEvent("b", "note", `{"n":2}`) != two {
			t.Error("the newest events have other ids")
		}
		if oldest.WantEvent("b", "message", `1`) != one {
			t.Error("the oldest event has another id")
		}
		oldest.WantEvent("a", "message", `2`)
		oldest.WantEvent("a", "message", `3`)
		oldest.WantEvent("b", "note", `{"n":2}`)
		dropped := srv.Subscribe("channels=a,b&from=now", "Last-Event-ID: "+begun)
		dropped.WantRegistered()
		dropped.WantEvent("a", "message", `3`)
		live := srv.Publish(none, `"live"`)[0]
		for _, st := range []*webtest.Stream{now, last, oldest, resumed} {
			if st.WantEvent(none, "message", `"live"`) != live {
				t.Error("another id")
			}
		}
		head = srv.Head()
	}
}

// An unknown position is announced, and the requested start applies.
func TestSubscribeFromAfterAGap(t *testing.T) {
	t.Parallel()
	srv := start(t)
	srv.Publish("a", `1`, `2`)
	for from, payloads := range map[string][]string{"now": nil, "last": {`2`}, "oldest": {`1`, `2`}} {
		st := srv.Subscribe("channels=a,b&from="+from, "Last-Event-ID: former-7")
		st.WantRegistered()
		st.WantGap("a", "former-7", "epoch")
		st.WantGap("b", "former-7", "epoch")
		for _, payload := range payloads {
			st.WantEvent("a", "message", payload)
		}
	}
}

// The parameters are checked, also in a body.
func TestSubscribeFromAndFormatAreChecked(t *testing.T) {
	t.Parallel()
	srv := start(t)
	for _, field := range []string{"from", "format"} {
		for _, wrong := range []string{"x", "NOW", "raw,json", "0", " "} {
			code := "invalid_" + field
			srv.Get("/subscribe?channels=a&"+field+"="+strings.ReplaceAll(wrong, " ", "+")).WantFault(400, code, field)
			for _, method := range []string{"POST", "QUERY"} {
				srv.Do(method, "/subscribe", fmt.Sprintf(`{"channels":["a"],%q:%q}`, field, wrong)).WantFault(400, code, field)
			}
		}
		srv.Post("/subscribe", fmt.Sprintf(`{"channels":["a"],%q:1}`, field)).WantFault(400, "invalid_field", field)
	}
}

// In JSON, the payloads of all of the server's own events are JSON; published events are the same.
func TestFormatJSON(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, web.Options{HistoryEvents: 2})
	ids := srv.Publish("a", `0`, `"x"`, `{"n":1}`)
	st := openBare(t, srv, "GET", "/subscribe?channels=a,b&format=json&presence=online,channels&clientId=ada", "")
	_, m := st.message("registered")
	if err := json.Unmarshal(m.Payload, &st.Hello); err != nil || st.Hello.ClientID != "ada" || st.Hello.Secret == "" {
		t.Errorf("registered says %s", m.Payload)
	}
	at, m := st.message("lastEvent")
	var told struct {
		ID, Type  string
		Payload   json.RawMessage
		Timestamp time.Time
	}
	if err := json.Unmarshal(m.Payload, &told); err != nil || told.ID != ids[2] || told.Type != "message" ||
		string(told.Payload) != `{"n":1}` || told.Timestamp.IsZero() || at != srv.Head() {
		t.Errorf("lastEvent at %s says %s", at, m.Payload)
	}
	st.wantOwn("lastEvent", "b", `{}`)
	ada := `{"clientId":"ada","info":null}`
	st.wantOwn("presence", "a", `{"action":"snapshot","members":[`+ada+`]}`)
	st.wantOwn("presence", "b", `{"action":"snapshot","members":[`+ada+`]}`)
	st.wantOwn("online-presence", "", `["ada"]`)

	origin := strings.TrimSuffix(ids[0], "1") + "0"
	bob := `{"channels":["b","a"],"format":"json","clientId":"bob","lastEventId":"` + origin + `"}`
	lost := openBare(t, srv, "POST", "/subscribe", bob)
	lost.message("registered")
	lost.wantOwn("gap", "a", `{"after":"`+origin+`","reason":"evicted"}`)
	if id, m := lost.message("message"); id != ids[1] || string(m.Payload) != `"x"` || m.Timestamp == nil {
		t.Errorf("%s: %+v", id, m)
	}
	joined := map[string]bool{}
	for range 2 { // in any order
		_, m := st.message("presence")
		joined[m.Channel] = webtest.SameJSON(string(m.Payload), `{"action":"join","member":{"clientId":"bob","info":null}}`)
	}
	if !joined["a"] || !joined["b"] {
		t.Errorf("bob joined %v", joined)
	}
	st.wantOwn("online-presence", "", `["ada","bob"]`)
	srv.Do("DELETE", "/presence/clients/ada", "").WantStatus(204)
	st.wantOwn("goodbye", "", `{"code":"kicked","reason":"The operator ended the stream.","reconnect":false}`)
	st.WantEnd()
}

// Raw, an event is its type, its id and its payload, over every transport.
func TestFormatRawOverTransports(t *testing.T) {
	overWays(t, web.Options{}, func(t *testing.T, s *stage) {
		c := s.open(ask{path: "/subscribe?channels=a&format=raw&clientId=zoe"})
		if e := c.must(); !strings.HasSuffix(e.id, "-0") || e.data != "" {
			t.Fatalf("begins with %q", e.raw)
		}
		for n := range 300 {
			tick := map[string]any{"channelName": "a", "type": "tick", "payload": fmt.Sprint("<b>", n)}
			if code := s.call("POST", "/publish", map[string]any{"events": []any{tick}}, nil); code != 200 {
				t.Fatal(code)
			}
			if e := c.must(); e.typ != "tick" || e.data != fmt.Sprint("<b>", n) {
				t.Fatalf("%d: %q", n, e.raw)
			}
		}
		if _, there := s.connection("zoe"); !there {
			t.Error("zoe is not there")
		}
	})
}

// Raw streams have the payloads alone and nothing of the server's own.
func TestFormatRaw(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, web.Options{HistoryEvents: 12, OnlinePresence: true})
	first := srv.Publish("a", `"old"`)[0]
	ada := `{"channels":["a","b"],"format":"raw","presence":"online,channels","clientId":"ada"}`
	st := openBare(t, srv, "QUERY", "/subscribe", ada)
	payloads := map[string]string{
		`"plain"`: "plain", `""`: "", `"<p>ä</p>"`: "<p>ä</p>",
		`"a\nb"`: "a\nb", `"a\r\nb\rc\n"`: "a\nb\nc\n", `"\n\n"`: "\n\n",
		`" indented"`: " indented", `"\ud800"`: "\uFFFD", `{"a": [1,2]}`: `{"a":[1,2]}`, `null`: "null", `1e3`: "1e3",
	}
	for payload, data := range payloads {
		id := srv.Publish("a", payload)[0]
		if got := st.want("message " + data); got != id {
			t.Errorf("%s has the id %s, want %s", payload, got, id)
		}
	}
	srv.PublishBody(`{"events":[{"channelName":"b","type":"cart","payload":"x"}]}`)
	st.want("cart x")
	// A drop, a hole, and an end say nothing either.
	srv.Publish("a", `"evicts"`)
	st.want("message evicts")
	back := openBare(t, srv, "GET", "/subscribe?channels=a&format=raw&clientId=bob&lastEventId="+first, "")
	for range 12 {
		if _, err := back.Parser.Next(); err != nil {
			t.Fatal(err)
		}
	}
	if at := back.LastID; at != st.LastID {
		t.Errorf("the stream is at %s, want %s", at, st.LastID)
	}
	st.Retry = 0
	srv.Do("DELETE", "/presence/clients/ada", "").WantStatus(204)
	if ev, err := st.Parser.Next(); err == nil || st.Retry < time.Second {
		t.Errorf("got %q, and a retry of %v", ev, st.Retry)
	}
	// From elsewhere than the head.
	openBare(t, srv, "GET", "/subscribe?channels=a&format=raw&from=last", "").want("message evicts")
	openBare(t, srv, "GET", "/subscribe?channels=b,a&format=raw&from=oldest&lastEventId="+back.LastID, "").Close()
	srv.Publish("c", `1`, `"2"`)
	all := openBare(t, srv, "GET", "/subscribe?channels=c&format=raw&from=oldest", "")
	all.want("message 1", "message 2")
	unknown := openBare(t, srv, "GET", "/subscribe?channels=c&format=raw&from=last&lastEventId=former-1", "")
	unknown.want("message 2")
	srv.Publish("c", `"live"`)
	all.want("message live")
	unknown.want("message live")
}

// A stream that is turned away gets its goodbye in the form that it asked for, and without one, the
// time and the place to come back.
func TestTurnedAwayInItsFormat(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, web.Options{MaxStreams: 1})
	srv.Subscribe("channels=a").WantRegistered()
	st := openBare(t, srv, "GET", "/subscribe?channels=a&format=json", "")
	const reason = `"The server has reached its limit of streams."`
	st.wantOwn("goodbye", "", `{"code":"overloaded","reason":`+reason+`,"reconnect":true}`)
	st.WantEnd()
	for resume, want := range map[string]string{"": "new-0", "x-3": "x-3"} {
		a := srv.Get("/subscribe?channels=a&format=raw", "Last-Event-ID: "+resume).WantStatus(200)
		body := a.WantHeader("Content-Type", "text/event-stream").Body
		var retry int
		n, err := fmt.Sscanf(body, "retry: %d\nid: "+want+"\n\n", &retry)
		if n != 1 || err != nil || retry < 1000 || strings.Count(body, "\n") != 3 {
			t.Errorf("got %q", body)
		}
	}
}

// What was published before the server's memory begins is read from the store.
func TestSubscribeFromOldestOfTheStore(t *testing.T) {
	t.Parallel()
	stored := func(inStore bool) (*stepEngine, *webtest.Server) {
		engine := newStepEngine(t)
		srv := webtest.Start(t, web.Options{Engine: engine})
		srv.Publish("a", `1`, `2`, `3`)
		srv.Publish("b", `4`)
		recs := engine.Page("a", 0, 3)
		engine.Lose("a", 2)
		if inStore {
			engine.steps = []eventlog.Batch{
				{Gaps: []eventlog.Gap{{Channel: "b", Empty: true}}, Records: recs[2:], Through: 1},
				{Records: recs[1:2], Through: 2, Done: true},
			}
		}
		return engine, srv
	}
	_, srv := stored(true)
	st := srv.Subscribe("channels=b,a&from=oldest")
	st.WantRegistered()
	for i, channel := range []string{"a", "a", "a", "b"} {
		st.WantEvent(channel, "message", fmt.Sprint(i+1))
	}
	_, srv = stored(true)
	raw := openBare(t, srv, "GET", "/subscribe?channels=b,a&from=oldest&format=raw", "")
	raw.want("message 1", "message 2", "message 3", "message 4")
	// The store could not be read as far as the memory begins.
	engine, srv := stored(false)
	st = srv.Subscribe("channels=b,a&from=oldest")
	st.WantRegistered()
	st.WantGap("a", engine.Head().Epoch+"-0", "evicted")
	st.WantEvent("a", "message", `3`)
}

// QUERY is held to what holds for POST: bodies, origins, credentials.
func TestQueryIsHeldToWhatPostIs(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, web.Options{CORSOrigins: []string{"https://app.example"}, MaxBodyBytes: 1000})
	body := `{"channels":["a"]}`
	for _, path := range []string{"/subscribe", "/subscribe/"} {
		srv.Do("QUERY", path, body, "Sec-Fetch-Site: cross-site").WantFault(403, "foreign_origin", "")
		srv.Do("QUERY", path, body, "Origin: "+foreign).WantFault(403, "foreign_origin", "")
		srv.Open("QUERY", path, body, "Origin: https://app.example", "Sec-Fetch-Site: cross-site").WantRegistered()
		srv.Do("QUERY", path, "").WantFault(400, "invalid_json", "")
		srv.Do("QUERY", path, `{"channels":[]}`).WantFault(400, "missing_channels", "channels")
		srv.Do("QUERY", path, `{"channels":["`+strings.Repeat("x", 1000)+`"]}`).WantFault(413, "body_too_large", "")
	}
	srv.Do("QUERY", "/publish", `{"events":[]}`).WantFault(405, "method_not_allowed", "")
	asks := []string{"Origin: https://app.example", "Access-Control-Request-Method: QUERY"}
	a := srv.Do("OPTIONS", "/subscribe", "", asks...).WantStatus(204)
	if got := a.Header.Get("Access-Control-Allow-Methods"); !strings.Contains(got, "QUERY") {
		t.Errorf("pages may use %s", got)
	}
	webtest.Start(t, withCookie(t)).Do("QUERY", "/subscribe", body).WantStatus(401)
}
