package web_test

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"rollcall/web"
	"rollcall/web/webtest"
)

func TestPublish(t *testing.T) {
	for _, target := range []string{"/publish", "/publish/"} {
		srv := start(t)
		epoch := epochOf(srv.Head())
		srv.Post(target, `{"events":[
			{"channelName":"c","type":"message","payload":"1"},
			{"payload":2,"type":"foo","channelName":"d","unknown":[{}]},
			{"channelName":"c","type":"bar","payload":{}}],"also":"unknown"}`).
			WantJSON(`{"events":[{"channelName":"c","id":"` + epoch + `-1"},{"channelName":"d","id":"` + epoch + `-2"},{"channelName":"c","id":"` + epoch + `-3"}]}`)
		if srv.Head() != epoch+"-3" {
			t.Errorf("head %s", srv.Head())
		}
		for _, none := range []string{`{"events":[]}`, `{"events":null}`, ` {"events": [ ] } `, `{"event":1,"events":[]}`} {
			srv.Post(target, none).WantJSON(`{"events":[]}`)
		}
	}
}

// A body that is not a batch publishes nothing and says so, with what was probably meant.
func TestPublishWithoutEvents(t *testing.T) {
	srv := start(t)
	for body, hint := range map[string]string{
		`{}`:          `{"events":[…]}`,
		` { } `:       `{"events":[…]}`,
		`{"other":1}`: `{"events":[…]}`,
		`{"event":{"channelName":"a","type":"t","payload":1}}`:    "POST /events",
		`{"Events":[{"channelName":"a","type":"t","payload":1}]}`: "lower case",
		`{"channelName":"a","type":"t","payload":1}`:              "in that list",
	} {
		text := srv.Post("/publish", body).WantFault(400, "missing_events", "events")
		if !strings.Contains(text, hint) {
			t.Errorf("%s: %s", body, text)
		}
	}
	if !strings.HasSuffix(srv.Head(), "-0") {
		t.Errorf("the head is %s: something was appended", srv.Head())
	}
}

// A terminal's prompt stands on a line of its own behind every answer.
func TestAnswersEndWithALine(t *testing.T) {
	srv := start(t)
	srv.Publish("a", `1`)
	for _, a := range []*webtest.Answer{
		srv.Get("/history?channel=a"), srv.Get("/history?channel=none"), srv.Get("/lastEvent?channel=a"), srv.Get("/presence/clients"),
		srv.Get("/presence/channels"), srv.Get("/presence/clients/none"), srv.Get("/none"), srv.Get("/healthz"), srv.Get("/readyz"),
		srv.Post("/publish", batch), srv.Post("/publish", "{"), srv.Post("/messages", `{"room":"r","text":"t"}`),
		srv.Post("/events?memberId=a", `{"type":"T"}`), srv.Get("/assets/none.js"), srv.Do("PATCH", "/publish", ""),
	} {
		if !strings.HasPrefix(a.Body, "{") || strings.Count(a.Body, "\n") != 1 || !strings.HasSuffix(a.Body, "}\n") {
			t.Errorf("%d %q", a.Status, a.Body)
		}
	}
}

func TestPublishIsAllOrNothing(t *testing.T) {
	srv := webtest.Start(t, web.Options{MaxBatchEvents: 3, MaxPayloadBytes: 64})
	st := subscribed(t, srv, "", "a")
	good := `{"channelName":"a","type":"t","payload":1}`
	for _, batch := range []string{
		good + `,{"channelName":"a","type":"registered","payload":1}`,
		good + `,{"channelName":"","type":"t","payload":1}`,
		good + `,{"channelName":"a","type":"t"}`,
		good + `,{"channelName":"a","type":"t","payload":"` + strings.Repeat("x", 64) + `"}`,
		good + `,` + good + `,` + good + `,` + good,
		good + `,7`,
		good + `,`,
		good + `}`,
	} {
		a := srv.Post("/publish", `{"events":[`+batch+`]}`)
		if a.Status != 400 && a.Status != 413 {
			t.Errorf("%s: status %d, %s", batch, a.Status, a.Body)
		}
	}
	srv.Post("/publish", `{"events":[`+good+`]`).WantFault(400, "invalid_json", "")
	srv.Post("/publish", `{"events":[`+good+`]}{}`).WantFault(400, "invalid_json", "")
	if !strings.HasSuffix(srv.Head(), "-0") {
		t.Errorf("the head is %s: something was appended", srv.Head())
	}
	srv.Publish("a", `"first"`)
	st.WantEvent("a", "message", `"first"`)
}

func TestBatchesAreContiguous(t *testing.T) {
	srv := start(t)
	st := subscribed(t, srv, "", "a", "b")
	var publishers sync.WaitGroup
	const publishing, rounds = 4, 20
	for p := range publishing {
		publishers.Go(func() {
			for range rounds {
				ev := func(channel string) string {
					return fmt.Sprintf(`{"channelName":"%s","type":"t","payload":%d}`, channel, p)
				}
				srv.Post("/publish", `{"events":[`+ev("a")+`,`+ev("b")+`,`+ev("a")+`]}`)
			}
		})
	}
	for range publishing * rounds {
		ev, m := st.Next()
		from := string(m.Payload)
		seq, err := strconv.Atoi(ev.ID[strings.LastIndexByte(ev.ID, '-')+1:])
		if err != nil {
			t.Fatal(err)
		}
		for i, channel := range []string{"b", "a"} {
			if id := st.WantEvent(channel, "t", from); id != fmt.Sprintf("%s-%d", epochOf(ev.ID), seq+1+i) {
				t.Errorf("%s in a batch that begins with %s", id, ev.ID)
			}
		}
	}
	publishers.Wait()
}

func TestIdempotencyKey(t *testing.T) {
	srv := start(t)
	st := subscribed(t, srv, "", "a")
	epoch := epochOf(st.LastID)
	batch := `{"events":[{"channelName":"a","type":"t","payload":1,"idempotencyKey":"k"},{"channelName":"a","type":"t","payload":2}]}`
	srv.Post("/publish", batch).WantJSON(`{"events":[{"channelName":"a","id":"` + epoch + `-1"},{"channelName":"a","id":"` + epoch + `-2"}]}`)
	srv.Post("/publish", batch).WantJSON(`{"events":[{"channelName":"a","id":"` + epoch + `-1","duplicate":true},{"channelName":"a","id":"` + epoch + `-3"}]}`)

	// Twice in one batch; the same key on another channel is another key.
	srv.Post("/publish", `{"events":[{"channelName":"a","type":"t","payload":3,"idempotencyKey":"l"},{"channelName":"b","type":"t","payload":3,"idempotencyKey":"l"},{"channelName":"a","type":"other","payload":4,"idempotencyKey":"l"}]}`).
		WantJSON(`{"events":[{"channelName":"a","id":"` + epoch + `-4"},{"channelName":"b","id":"` + epoch + `-5"},{"channelName":"a","id":"` + epoch + `-4","duplicate":true}]}`)

	// A refused batch uses up no key. No key, twice, is two events.
	srv.Post("/publish", `{"events":[{"channelName":"a","type":"t","payload":5,"idempotencyKey":"m"},7]}`).WantStatus(400)
	for _, payload := range []string{`5`, `6`, `7`} {
		srv.Post("/publish", `{"events":[{"channelName":"a","type":"t","payload":`+payload+`,"idempotencyKey":"m"},{"channelName":"a","type":"t","payload":0,"idempotencyKey":""},{"channelName":"a","type":"t","payload":0,"idempotencyKey":null}]}`).WantStatus(200)
	}
	for _, payload := range []string{`1`, `2`, `2`, `3`, `5`, `0`, `0`, `0`, `0`, `0`, `0`} {
		st.WantEvent("a", "t", payload)
	}
	long := strings.Repeat("k", 128)
	srv.Post("/publish", `{"events":[{"channelName":"a","type":"t","payload":1,"idempotencyKey":"`+long+`"}]}`).WantStatus(200)
	srv.Post("/publish", `{"events":[{"channelName":"a","type":"t","payload":1,"idempotencyKey":"`+long+`k"}]}`).WantFault(400, "invalid_event", "events[0].idempotencyKey")
}

// Publishers that send the same keys at once get the same ids, and each event
// exists once.
func TestIdempotencyKeyAtOnce(t *testing.T) {
	srv := start(t)
	const keys = 20
	var publishers sync.WaitGroup
	got := make([][]string, 4)
	for p := range got {
		publishers.Go(func() {
			for k := range keys {
				got[p] = append(got[p], srv.PublishBody(fmt.Sprintf(`{"events":[{"channelName":"a","type":"t","payload":%d,"idempotencyKey":"k%d"}]}`, k, k))...)
			}
		})
	}
	publishers.Wait()
	for p := range got {
		if strings.Join(got[p], " ") != strings.Join(got[0], " ") {
			t.Errorf("publisher %d got %v, the first %v", p, got[p], got[0])
		}
	}
	if head := srv.Head(); !strings.HasSuffix(head, fmt.Sprintf("-%d", keys)) {
		t.Errorf("head %s, want %d events", head, keys)
	}
}

func TestBadEvents(t *testing.T) {
	srv := start(t)
	for event, field := range map[string]string{
		`7`:                        "",
		`null`:                     "",
		`[]`:                       "",
		`{}`:                       "channelName",
		`{"type":"t","payload":1}`: "channelName",
		`{"channelName":null,"type":"t","payload":1}`:                                        "channelName",
		`{"channelName":7,"type":"t","payload":1}`:                                           "channelName",
		`{"channelName":["a"],"type":"t","payload":1}`:                                       "channelName",
		`{"ChannelName":"a","type":"t","payload":1}`:                                         "channelName",
		`{"channelName":"a","payload":1}`:                                                    "type",
		`{"channelName":"a","type":"","payload":1}`:                                          "type",
		`{"channelName":"a","type":7,"payload":1}`:                                           "type",
		`{"channelName":"a","type":"t\n","payload":1}`:                                       "type",
		`{"channelName":"a","type":"t\r\ndata: x","payload":1}`:                              "type",
		`{"channelName":"a","type":"t\u0000","payload":1}`:                                   "type",
		`{"channelName":"a","type":"t\u0085","payload":1}`:                                   "type",
		`{"channelName":"a","type":"` + strings.Repeat("t", 65) + `","payload":1}`:           "type",
		`{"channelName":"a","type":"registered","payload":1}`:                                "type",
		`{"channelName":"a","type":"lastEvent","payload":1}`:                                 "type",
		`{"channelName":"a","type":"online-presence","payload":1}`:                           "type",
		`{"channelName":"a","type":"presence","payload":1}`:                                  "type",
		`{"channelName":"a","type":"gap","payload":1}`:                                       "type",
		`{"channelName":"a","type":"goodbye","payload":1}`:                                   "type",
		`{"channelName":"a","type":"goodb\u0079e","payload":1}`:                              "type",
		`{"channelName":"a","type":"t"}`:                                                     "payload",
		`{"channelName":"a","type":"t","payload":1,"idempotencyKey":7}`:                      "idempotencyKey",
		`{"channelName":"\ud800","type":"t","payload":1}`:                                    "channelName",
		`{"channelName":"a","type":"\udc00x","payload":1}`:                                   "type",
		`{"channelName":"a","type":"t","payload":1,"idempotencyKey":"\ud800"}`:               "idempotencyKey",
		`{"channelName":"a","channelName":"$b","type":"t","payload":1}`:                      "channelName",
		`{"channelName":"a\r\nid: 7","type":"t","payload":1}`:                                "channelName",
		`{"channelName":"a\u0000","type":"t","payload":1}`:                                   "channelName",
		`{"channelName":"` + strings.Repeat("c", 256) + `","type":"t","payload":1}`:          "channelName",
		`{"channelName":"a\",\"type\":\"goodbye","type":"t","payload":1,"idempotencyKey":7}`: "idempotencyKey",
	} {
		at := "events[1]"
		if field != "" {
			at += "." + field
		}
		message := srv.Post("/publish", `{"events":[{"channelName":"a","type":"t","payload":1},`+event+`]}`).WantFault(400, "invalid_event", at)
		if strings.ContainsAny(message, "\r\n\x00") {
			t.Errorf("%s: message %q", event, message)
		}
	}
	// The contract's own example.
	got := srv.Post("/publish", `{"events":[{"channelName":"a","type":"t","payload":1},{"channelName":"a","type":"t","payload":1},{"channelName":"a","type":"registered","payload":1}]}`).
		WantFault(400, "invalid_event", "events[2].type")
	if got != `events[2].type "registered" is reserved` && !strings.HasPrefix(got, `events[2].type "registered" is reserved `) {
		t.Errorf("message %q", got)
	}
}

func TestBadBodies(t *testing.T) {
	srv := start(t)
	for body, code := range map[string]string{
		"":                    "invalid_json",
		" ":                   "invalid_json",
		"{":                   "invalid_json",
		`{"events":`:          "invalid_json",
		`{"events":[`:         "invalid_json",
		`{"events":[]`:        "invalid_json",
		`{"events":[]}x`:      "invalid_json",
		`{"events":[]} {}`:    "invalid_json",
		`{"events":[],}`:      "invalid_json",
		`{'events':[]}`:       "invalid_json",
		"{\"events\":[]}\x00": "invalid_json",
		"\xef\xbb\xbf{}":      "invalid_body",
		"{\"\xff\":1}":        "invalid_json",
		"events=1":            "invalid_body",
		"[]":                  "invalid_body",
		`"events"`:            "invalid_body",
		"7":                   "invalid_body",
		"null":                "invalid_body",
		`{"events":[{"channelName":"a","type":"t","payload":"` + "\xff" + `"}]}`:     "invalid_json",
		`{"events":[{"channelName":"a","type":"t","payload":"` + "a\nb" + `"}]}`:     "invalid_json",
		`{"events":[{"channelName":"a","type":"t","payload":01}]}`:                   "invalid_json",
		`{"events":[{"channelName":"a","type":"t","payload":NaN}]}`:                  "invalid_json",
		`{"events":[{"channelName":"a","type":"t","payload":1,}]}`:                   "invalid_json",
		`{"events":[{"channelName":"a","type":"t","payload":}]}`:                     "invalid_json",
		`{"events":[{"channelName":"a","type":"t","payload":1}` + "\n" + `{}]}`:      "invalid_json",
		`{"events":[{"channelName":"a","type":"t","payload":1}],"x":` + "\xff" + `}`: "invalid_json",
	} {
		srv.Post("/publish", body).WantFault(400, code, "")
	}
	for _, events := range []string{`{}`, `"a"`, `7`, `true`} {
		srv.Post("/publish", `{"events":`+events+`}`).WantFault(400, "invalid_body", "events")
	}
	srv.Post("/publish", `{}`, "Content-Encoding: gzip").WantFault(415, "unsupported_encoding", "")
	srv.Post("/publish", `{"events":[]}`, "Content-Type: text/plain", "Content-Encoding: identity").WantStatus(200)
}

func TestPublishLimits(t *testing.T) {
	srv := start(t)
	event := func(payload string) string { return `{"channelName":"a","type":"t","payload":` + payload + `}` }
	many := func(n int) string { return `{"events":[` + strings.Repeat(event("1")+",", n-1) + event("1") + `]}` }
	if ids := srv.PublishBody(many(1000)); len(ids) != 1000 {
		t.Errorf("%d ids", len(ids))
	}
	srv.Post("/publish", many(1001)).WantFault(413, "too_many_events", "events")

	text := func(n int) string { return `"` + strings.Repeat("x", n-2) + `"` }
	full := text(60 << 10)
	srv.PublishBody(`{"events":[` + event("1") + `,` + event(full) + `]}`)
	srv.Post("/publish", `{"events":[`+event("1")+`,`+event(text(60<<10+1))+`]}`).WantFault(413, "payload_too_large", "events[1].payload")

	body := many(2)
	body += strings.Repeat(" ", 1<<20-len(body))
	srv.Post("/publish", body).WantStatus(200)
	srv.Post("/publish", body+" ").WantFault(413, "body_too_large", "")
	chunked(t, srv, body+" ").WantFault(413, "body_too_large", "")
	chunked(t, srv, body).WantStatus(200)
	if head := srv.Head(); !strings.HasSuffix(head, "-1006") {
		t.Errorf("head %s: a refused batch was appended", head)
	}

	small := webtest.Start(t, web.Options{MaxBodyBytes: 200, MaxPayloadBytes: 10, MaxBatchEvents: 2})
	small.Post("/publish", many(2)).WantStatus(200)
	small.Post("/publish", many(3)).WantFault(413, "too_many_events", "events")
	small.Post("/publish", `{"events":[`+event(`"12345678"`)+`]}`).WantStatus(200)
	small.Post("/publish", `{"events":[`+event(`"123456789"`)+`]}`).WantFault(413, "payload_too_large", "events[0].payload")
	small.Post("/publish", strings.Repeat(" ", 201)).WantFault(413, "body_too_large", "")
}
