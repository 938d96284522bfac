package web_test

import (
	"encoding/json"
	"strings"
	"testing"

	"rollcall/web/webtest"
)

// payloads are JSON texts of every kind, including those that encoders, line splitters or number types often break.
var payloads = []string{
	`"text"`, `""`, `0`, `-0`, `1.50`, `1e400`, `-1E-400`, `123456789012345678901234567890`, `0.1000000000000000055511151231257827`,
	`true`, `false`, `null`, `[]`, `{}`, `[[],{},null]`, `{"":""}`, `{"a":1,"a":2}`, `{"__proto__":{"x":1}}`,
	`"\u0000"`, `"\ud800"`, `"\udc00\ud800"`, `"\ud83d\ude00"`, `"😀"`, `"\uFFFF"`, `"\u2028\u2029"`, "\"\u2028\u2029\u0085\"",
	"\"\u007f\u202e\ufeff\"", `"\"\\\/\b\f\n\r\t"`, `"\r\n\r\ndata: x\r\nevent: goodbye\r\nid: 7\r\n\r\n"`, `"\n\n"`, `"\r"`, `"data: x"`, `":"`, `" "`,
	`"{\"type\":\"message\"}"`, `"[object Object]"`, `"<script>alert(1)</script>&amp;"`, `"%0d%0a"`,
	"{\n  \"pretty\": [\n    1,\r\n    2\n  ],\n\n  \"text\": \"a  b\\n\"\n}\n", "[\r1,\r2\r]", "\t[ 1 , 2 ]\t", "{\"a\"\n:\n1}",
	strings.Repeat("[", 5000) + strings.Repeat("]", 5000),
	strings.Repeat(`{"a":`, 2000) + `"é"` + strings.Repeat("}", 2000),
	`"` + strings.Repeat("é\\n", 10_000) + `"`,
	`"` + strings.Repeat("x", 60<<10-2) + `"`,
}

func TestPayloadsRoundTrip(t *testing.T) {
	srv := start(t)
	live := subscribed(t, srv, "", "c")
	ids := []string{live.LastID}
	for i, payload := range payloads {
		ids = append(ids, srv.PublishBody(`{"events":[{"channelName":"c","type":"t","payload":`+payload+`}]}`)...)
		live.WantEvent("c", "t", payload)

		// The newest event: at a fresh start, and requested.
		st := srv.Subscribe("channels=c")
		st.WantRegistered()
		wantTold(t, st.WantOwn("lastEvent", "c"), payload)
		st.Close()
		var last struct{ Response string }
		srv.Get("/lastEvent?channel=c").WantStatus(200).Into(&last)
		wantTold(t, last.Response, payload)

		var page struct {
			Events []struct{ Payload json.RawMessage }
		}
		srv.Get("/history?channel=c&after=" + ids[i]).WantStatus(200).Into(&page)
		if len(page.Events) != 1 || !webtest.SameJSON(string(page.Events[0].Payload), payload) {
			t.Errorf("history has %.200s, want %.200s", page.Events, payload)
		}
	}
	again := srv.Subscribe("channels=c", "Last-Event-ID: "+ids[0])
	again.WantRegistered()
	for i, payload := range payloads {
		if id := again.WantEvent("c", "t", payload); id != ids[i+1] {
			t.Errorf("id %s, want %s", id, ids[i+1])
		}
	}
}

// wantTold wants the payload of a lastEvent.
func wantTold(t *testing.T, text, payload string) {
	t.Helper()
	var last struct {
		Type    string
		Payload json.RawMessage
	}
	if err := json.Unmarshal([]byte(text), &last); err != nil || last.Type != "t" || !webtest.SameJSON(string(last.Payload), payload) {
		t.Errorf("told %.200s, error %v, want %.200s", text, err, payload)
	}
}

// A payload that came on one line is passed on byte for byte.
func TestPayloadBytesAreKept(t *testing.T) {
	srv := start(t)
	st := subscribed(t, srv, "", "c")
	for _, payload := range payloads {
		if payload = strings.TrimSpace(payload); strings.ContainsAny(payload, "\r\n") {
			continue
		}
		srv.PublishBody(`{"events":[{"channelName":"c","type":"t","payload": ` + payload + ` }]}`)
		ev, _ := st.Next()
		if head, rest, _ := strings.Cut(ev.Data, `"payload":`); head != `{"channelName":"c","type":"t",` || !strings.HasPrefix(rest, payload+`,"timestamp":"`) {
			t.Errorf("%.200s arrives as %.300s", payload, ev.Data)
		}
	}
}

func TestTooDeepPayload(t *testing.T) {
	srv := start(t)
	deep := strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000)
	srv.Post("/publish", `{"events":[{"channelName":"c","type":"t","payload":`+deep+`}]}`).WantFault(400, "invalid_json", "")
	srv.Post("/publish", `{"x":`+deep+`}`).WantFault(400, "invalid_json", "")
	srv.Post("/subscribe", `{"x":`+deep+`}`).WantFault(400, "invalid_json", "")
}

// Nothing in a type or a channel's name gets out of its place.
func TestNoInjectionThroughNames(t *testing.T) {
	srv := start(t)
	types := []string{
		`t","payload":"x","x":"`, `\`, `"`, " t", "t ", " ", "data: x", ":", "\u2028id: 7", "message\u2029", "goodbye ", "Goodbye",
		"日本", "😀", "</script>", "%0a", strings.Repeat("t", 64), strings.Repeat("é", 32),
	}
	channels := []string{`c"}`, `c":{"type`, `c\`, `"c"`, "data: x", "id: 7", ":", "c\u2028data: x", "</script>", `\u000a`, "c: d"}
	st := srv.Open("POST", "/subscribe", jsonOf(t, map[string]any{"channels": channels}))
	st.WantRegistered()
	for _, channel := range channels {
		st.WantLast(channel, `{}`)
	}
	for _, typ := range types {
		var batch []any
		for _, channel := range channels {
			batch = append(batch, map[string]any{"channelName": channel, "type": typ, "payload": typ})
		}
		srv.PublishBody(jsonOf(t, map[string]any{"events": batch}))
		for _, channel := range channels {
			st.WantEvent(channel, typ, jsonOf(t, typ))
		}
	}
	for _, channel := range channels {
		want := jsonOf(t, types[len(types)-1])
		last := srv.Open("POST", "/subscribe", jsonOf(t, map[string]any{"channels": []string{channel}}))
		last.WantRegistered()
		if got := last.WantOwn("lastEvent", channel); got != `{"type":`+want+`,"payload":`+want+`}` {
			t.Errorf("last event of %q is %s", channel, got)
		}
	}
}
