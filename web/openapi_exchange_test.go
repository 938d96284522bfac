package web_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"rollcall/hub/eventlog"
	"rollcall/web"
	"rollcall/web/auth"
	"rollcall/web/webtest"
)

// Every command of the description does what it says, and the server answers as it says.
func TestSpecSamples(t *testing.T) {
	t.Parallel()
	doc := loadSpec(t)
	srv := webtest.Start(t, web.Options{PresenceGrace: 10 * time.Second})
	ada := subscribed(t, srv, "clientId=ada&info=%7B%7D", "news", "chat")
	srv.Publish("news", `"hello"`)
	samples := doc.samples()
	for i, step := range []struct {
		operation string
		streamed  string // the events that come, or ""
	}{
		{"publish", ""}, {"publishStream", ""}, {"publishUpload", ""}, {"lastEvent", ""}, {"history", ""}, {"listClients", ""}, {"showClient", ""}, {"listChannels", ""}, {"showChannel", ""},
		{"subscribe", "registered lastEvent"}, {"subscribeByPost", "registered lastEvent"}, {"watchPresence", "snapshot"},
		{"notifyMember", ""}, {"say", ""}, {"followRoom", "message"}, {"time", "time"},
		{"healthz", ""}, {"readyz", ""}, {"metrics", ""}, {"openapi", ""}, {"docs", ""}, {"clientModule", ""}, {"clientTypes", ""},
		{"setInfo", ""}, {"kickConnection", ""}, {"leave", ""}, {"kickClient", ""}, {"blockNetwork", ""}, {"listBlocks", ""}, {"unblock", ""}, {"unblockNetwork", ""}, {"emptyHistory", ""}, {"followMember", "ORDER_SHIPPED"},
		{"ackEvents", ""}, {"backup", ""},
	} {
		r, ok := samples[step.operation]
		if !ok {
			t.Errorf("step %d: no operation %s", i, step.operation)
		}
		delete(samples, step.operation)
		switch step.operation {
		case "kickConnection", "setInfo":
			r.target = strings.Replace(r.target, "QVX4H5CNPZHMG36ZMVNGDNBVRY", ada.Hello.ConnectionID, 1)
			r.target = strings.Replace(r.target, "Xk3vq0S1mZr2Tn8uYc5w7A", ada.Hello.Secret, 1)
		case "ackEvents":
			r.body = fmt.Sprintf(`{"id":%q}`, srv.Head())
		case "followMember": // a new device hears only what comes later
			r.header = append(r.header, "Last-Event-ID: "+epochOf(srv.Head())+"-0")
		}
		if got := doc.exchange(srv, r, strings.Fields(step.streamed)...); step.streamed != "" && got != step.streamed {
			t.Errorf("%s: the events %s", step.operation, got)
		}
	}
	for operation := range samples {
		t.Errorf("%s was not tried", operation)
	}
}

// Everything that streams can say is as described.
func TestSpecStreams(t *testing.T) {
	t.Parallel()
	get := func(target string, header ...string) sample {
		return sample{method: "GET", target: target, header: header}
	}
	t.Run("presence", func(t *testing.T) {
		doc, srv := loadSpec(t), webtest.Start(t, web.Options{})
		bob := subscribed(t, srv, "clientId=bob", "news")
		doc.exchange(srv, get("/subscribe?channels=news&clientId=ada&presence=online,channels&info=%7B%22a%22:1%7D"), "presence", "online-presence")
		doc.exchange(srv, get("/presence/stream?channels=news"), "snapshot")
		eventually(t, "ada is gone", func() bool { return srv.Get("/presence/clients/ada").Status == 404 })
		roster := srv.Watch("")
		from := roster.LastID
		cat := subscribed(t, srv, "clientId=cat", "news")
		roster.WantThere("", "cat")
		subscribed(t, srv, "clientId=cat&info=%7B%22b%22:2%7D", "news")
		roster.Want("update", "", "cat")
		bob.Close()
		roster.WantGone("", "bob")
		cat.Close()
		doc.exchange(srv, get("/presence/stream", "Last-Event-ID: "+from), "join", "update", "leave")
	})
	t.Run("resume", func(t *testing.T) {
		doc, srv := loadSpec(t), webtest.Start(t, web.Options{HistoryEvents: 1})
		ids := srv.Publish("news", `1`, `{"a":[null]}`, `"3"`)
		srv.Publish("room.x", `"hello"`, `{"text":"hi","user":"ada"}`)
		for target, want := range map[string]string{
			"/subscribe?channels=news&lastEventId=" + ids[0]: "registered gap message",
			"/subscribe?channels=news&lastEventId=rubbish":   "registered gap lastEvent",
			"/messages?room=x&lastEventId=rubbish":           "gap message",
			"/events?memberId=m&lastEventId=rubbish":         "gap",
		} {
			if got := doc.exchange(srv, get(target), strings.Fields(want)...); got != want {
				t.Errorf("%s: %s", target, got)
			}
		}
	})
	t.Run("goodbye", func(t *testing.T) {
		doc, srv := loadSpec(t), webtest.Start(t, web.Options{MaxStreams: 1})
		subscribed(t, srv, "", "news")
		for _, target := range []string{"/subscribe?channels=news", "/presence/stream", "/messages?room=x", "/events?memberId=m"} {
			if got := doc.exchange(srv, get(target), "goodbye"); got != "goodbye" {
				t.Errorf("%s: %s", target, got)
			}
		}
	})
	t.Run("stay away", func(t *testing.T) {
		doc, srv := loadSpec(t), webtest.Start(t, web.Options{})
		srv.Delete("/presence/clients/eve?block=1h")
		for _, target := range []string{"/subscribe?channels=news&clientId=eve", "/messages?room=x&user=eve", "/events?memberId=eve", "/sse/time?lastEventId=100"} {
			if got := doc.exchange(srv, get(target)); got != "" {
				t.Errorf("%s: %s", target, got)
			}
		}
	})
}

// Errors are as described, and what a schema can say is refused by it as by the server.
func TestSpecErrors(t *testing.T) {
	t.Parallel()
	const asJSON = "Content-Type: application/json"
	type refusal struct {
		sample
		code string
		fits bool // the schemas allow the request: why it is refused they can't say
	}
	get := func(target string, header ...string) sample { return sample{"GET", target, "", header} }
	post := func(target, body string, header ...string) sample {
		return sample{"POST", target, body, append([]string{asJSON}, header...)}
	}
	check := func(t *testing.T, srv *webtest.Server, list []refusal) {
		t.Helper()
		doc := loadSpec(t)
		for _, r := range list {
			in, err := doc.request(r.method, r.target, r.body, r.header...)
			if r.fits != (err == nil) {
				t.Errorf("%s %.100s %.100s: the description says %v", r.method, r.target, r.body, err)
			}
			a := srv.Do(r.method, r.target, r.body, r.header...)
			if !strings.Contains(a.Body, fmt.Sprintf("%q:%q", "code", r.code)) {
				t.Errorf("%s %.100s %.100s: %.300s, want %s", r.method, r.target, r.body, a.Body, r.code)
			}
			doc.wantAnswer(in, a.Status, a.Header, a.Body)
		}
	}
	long := strings.Repeat("x", 256)
	many := strings.Join(names(1001), ",")
	event := func(fields string) string { return `{"events":[{` + fields + `}]}` }

	t.Run("open", func(t *testing.T) {
		srv := start(t)
		ada := subscribed(t, srv, "clientId=ada", "a")
		check(t, srv, []refusal{
			{post("/presence/connections/"+ada.Hello.ConnectionID+"/leave?secret=x", ``), "wrong_secret", true},
			{sample{method: "PUT", target: strings.Replace(infoPath(ada), ada.Hello.Secret, "x", 1), body: `{}`, header: []string{asJSON}}, "wrong_secret", true},
			{sample{method: "PUT", target: infoPath(ada), body: `[]`, header: []string{asJSON}}, "invalid_info", false},
			{sample{method: "PUT", target: "/presence/connections/none/info?secret=x", body: `{}`, header: []string{asJSON}}, "not_online", true},
			{get("/subscribe"), "missing_channels", true}, // there are two parameters for it
			{get("/subscribe?channels=" + many), "too_many_channels", false},
			{get("/subscribe?channels=$news"), "invalid_channel", false},
			{get("/subscribe?channel=$a"), "invalid_channel", false},
			{get("/subscribe?channels=a&clientId=" + long), "invalid_client_id", false},
			{get("/subscribe?channels=a&presence=all"), "invalid_presence", false},
			{get("/subscribe?channels=a&info=[1]"), "invalid_info", false},
			{get("/subscribe?channels=a&q=%zz"), "invalid_query", true},
			{get("/subscribe?channels=a&x=" + strings.Repeat("x", 33<<10)), "url_too_long", true},
			{post("/subscribe", `{"channels":`), "invalid_json", false},
			{post("/subscribe", `{"channels":["a"],"clientId":1}`), "invalid_field", false},
			{post("/subscribe", `{"channels":[]}`), "missing_channels", false},
			{post("/subscribe", `{"channels":`+list(names(1001))+`}`), "too_many_channels", false},
			{post("/subscribe", `{"channels":["a,b"]}`), "invalid_channel", false},
			{post("/subscribe", `{"channels":["a"],"clientId":"`+long+`"}`), "invalid_client_id", false},
			{post("/subscribe", `{"channels":["a"],"presence":["all"]}`), "invalid_presence", false},
			{post("/subscribe", `{"channels":["a"],"info":[]}`), "invalid_info", false},
			{post("/subscribe", `{"channels":["a"]}`, "Content-Encoding: gzip"), "unsupported_encoding", true},
			{post("/subscribe", strings.Repeat(" ", 1<<20)+`{"channels":["a"]}`), "body_too_large", true},

			{post("/publish", `{`), "invalid_json", false},
			{post("/publish", `[]`), "invalid_body", false},
			{post("/publish", `{"events":{}}`), "invalid_body", false},
			{post("/publish", `{"event":{}}`), "missing_events", false},
			{post("/publish", event(``)), "invalid_event", false},
			{post("/publish", event(`"channelName":"a","type":"gap","payload":1`)), "invalid_event", false},
			{post("/publish", event(`"channelName":"a","type":"x"`)), "invalid_event", false},
			{post("/publish", event(`"channelName":"a","type":"x","payload":1,"idempotencyKey":"`+long+`"`)), "invalid_event", false},
			{post("/publish", event(`"channelName":"a","type":"x","payload":"`+strings.Repeat("x", 61<<10)+`"`)), "payload_too_large", true},
			{post("/publish", `{"events":[`+strings.Repeat(`{"channelName":"a","type":"x","payload":1},`, 1000)+`{"channelName":"a","type":"x","payload":1}]}`), "too_many_events", false},
			{post("/publish", `{"events":[]}`, "Content-Encoding: gzip"), "unsupported_encoding", true},
			{post("/publish", strings.Repeat(" ", 1<<20)+`{"events":[]}`), "body_too_large", true},
			{post("/publish", `{"events":[]}`, "Origin: https://evil.example"), "foreign_origin", true},

			{get("/lastEvent"), "invalid_channel", false},
			{get("/lastEvent?channel=a,b"), "invalid_channel", false},
			{get("/history?channel=*"), "invalid_channel", false},
			{get("/history?channel=a&after=x"), "invalid_position", false},
			{get("/history?channel=a&limit=0"), "invalid_limit", false},
			{get("/presence/clients?limit=x"), "invalid_limit", false},
			{get("/presence/clients?cursor=%2F"), "invalid_cursor", false},
			{get("/presence/channels?limit=-1"), "invalid_limit", false},
			{get("/presence/channels?cursor=!"), "invalid_cursor", false},
			{get("/presence/clients/nobody"), "not_online", true},
			{sample{method: "DELETE", target: "/presence/clients/nobody"}, "not_online", true},
			{sample{method: "DELETE", target: "/presence/clients/nobody?block=soon"}, "invalid_block", false},
			{sample{method: "DELETE", target: "/presence/clients/nobody?block=9000h"}, "invalid_block", true},
			{sample{method: "DELETE", target: "/presence/connections/none"}, "not_online", true},
			{post("/presence/connections/none/leave", ``, "Sec-Fetch-Site: cross-site"), "foreign_origin", true},
			{post("/presence/connections/none/leave", ``), "missing_secret", true},
			{get("/presence/stream?channels=$x"), "invalid_channel", false},
			{get("/presence/stream?channels=" + many), "too_many_channels", false},

			{get("/events"), "invalid_member", true}, // there are three parameters for it
			{get("/events?memberId=" + long), "invalid_member", false},
			{get("/events?memberId=m&deviceId=" + long), "invalid_device", false},
			{get("/events?memberId=m&deviceId=d&ack=x"), "invalid_ack", false},
			{post("/events/ack?memberId=m&deviceId=d", `{"id":"former-1"}`), "invalid_position", true},
			{get("/events?memberId=m&x=%zz"), "invalid_query", true},
			{post("/events?memberId=m", `{`), "invalid_json", false},
			{post("/events?memberId=m", `{"type":1}`), "invalid_field", false},
			{post("/events?memberId=m", `{"type":"lower"}`), "invalid_event", false},
			{post("/events", `{"type":"UPPER"}`), "invalid_member", true},
			{post("/events?memberId=m", `{"type":"UPPER","body":"`+strings.Repeat("x", 61<<10)+`"}`), "payload_too_large", true},
			{get("/messages"), "invalid_room", false},
			{get("/messages?room=*"), "invalid_room", true},
			{get("/messages?room=x&user=" + long), "invalid_client_id", false},
			{post("/messages", `{`), "invalid_json", false},
			{post("/messages", `{"room":1,"text":"hello"}`), "invalid_field", false},
			{post("/messages", `{"room":"x"}`), "invalid_message", false},
			{post("/messages", `{"room":"","text":"hello"}`), "invalid_room", false},
			{post("/messages", `{"text":"hello"}`), "invalid_room", false},
		})
	})
	t.Run("guarded", func(t *testing.T) {
		g := guard(t, func(o *web.Options) { o.AddressLimits = auth.Limits{FailedAuth: 4} })
		reader := g.reader
		check(t, g.Server, []refusal{
			{post("/publish", `{"events":[]}`), "unauthorized", true},
			{post("/publish", oneEvent("a", `1`), reader), "forbidden", true},
			{get("/subscribe?channels=a"), "unauthorized", true},
			{get("/subscribe?channels=a", reader), "forbidden", true},
			{post("/subscribe", `{"channels":["a"]}`, reader), "forbidden", true},
			{get("/lastEvent?channel=a", reader), "forbidden", true},
			{get("/history?channel=a", reader), "forbidden", true},
			{get("/presence/clients", g.billing), "forbidden", true},
			{get("/presence/stream", g.billing), "forbidden", true},
			{get("/metrics", reader), "forbidden", true},
			{sample{"DELETE", "/presence/clients/ada", "", []string{reader}}, "forbidden", true},
			{sample{"DELETE", "/presence/connections/x", "", []string{reader}}, "forbidden", true},
			{get("/events?memberId=m", reader), "forbidden", true},
			{post("/events?memberId=m", `{"type":"UPPER"}`, reader), "forbidden", true},
			{get("/messages?room=x", reader), "forbidden", true},
			{post("/messages", `{"room":"x","text":"hello"}`, reader), "forbidden", true},
			{get("/presence/clients/ada", reader, bearer("x")), "invalid_credentials", true},
			{get("/presence/channels", bearer("x")), "unauthorized", true},
			{get("/presence/clients/ada", bearer("x")), "unauthorized", true},
			{get("/sse/time", bearer("x")), "unauthorized", true},
			{get("/metrics", bearer("x")), "unauthorized", true},
			{get("/metrics", bearer("x")), "too_many_failures", true},
			{post("/publish", `{"events":[]}`, bearer("x")), "too_many_failures", true},
		})
	})
	t.Run("too fast", func(t *testing.T) {
		srv := webtest.Start(t, web.Options{AddressLimits: auth.Limits{PublishesPerSecond: .01}})
		srv.Post("/publish", `{"events":[]}`).WantStatus(200)
		check(t, srv, []refusal{
			{post("/publish", `{"events":[]}`), "too_many_publishes", true},
			{post("/events?memberId=m", `{"type":"UPPER"}`), "too_many_publishes", true},
			{post("/messages", `{"room":"x","text":"hello"}`), "too_many_publishes", true},
		})
		srv = webtest.Start(t, web.Options{AddressLimits: auth.Limits{BytesPerSecond: 1}})
		srv.Post("/publish", oneEvent("a", `"`+strings.Repeat("x", 16<<10)+`"`)).WantStatus(200)
		check(t, srv, []refusal{{post("/publish", oneEvent("a", `1`)), "too_many_bytes", true}})
	})
	t.Run("foreign host", func(t *testing.T) {
		srv := webtest.StartLocal(t, web.Options{})
		const host = "Host: rollcall.example"
		check(t, srv, []refusal{
			{get("/healthz", host), "foreign_host", true}, {get("/docs", host), "foreign_host", true}, {get("/presence/clients", host), "foreign_host", true},
		})
	})
	t.Run("store", func(t *testing.T) {
		for code, err := range map[string]error{
			"busy": eventlog.ErrBusy, "too_large_to_store": eventlog.ErrTooLarge, "store_full": eventlog.ErrFull, "outcome_unknown": eventlog.ErrUnknown,
			"store_unavailable": eventlog.ErrUnavailable, "unavailable": errors.New("unheard of"),
		} {
			memory := web.MemoryEngine{Memory: eventlog.NewMemory(eventlog.Options{})}
			t.Cleanup(func() { memory.Close() })
			srv := webtest.Start(t, web.Options{Engine: brokenEngine{memory, err}})
			check(t, srv, []refusal{
				{get("/readyz"), "store_unavailable", true},
				{post("/publish", oneEvent("a", `1`)), code, true},
				{post("/events?memberId=m", `{"type":"UPPER"}`), code, true},
				{post("/messages", `{"room":"x","text":"hello"}`), code, true},
			})
		}
		engine := newDeepEngine(t)
		engine.away = true
		check(t, webtest.Start(t, web.Options{Engine: engine}), []refusal{
			{get("/lastEvent?channel=a"), "store_unavailable", true},
			{get("/history?channel=a&after=" + engine.Head().Epoch + "-0"), "store_unavailable", true},
		})
		check(t, webtest.Start(t, web.Options{Engine: newLaggingEngine(t, false)}), []refusal{
			{get("/lastEvent?channel=a&lastEventId=e-5"), "behind", true},
			{get("/history?channel=a&after=e-5"), "behind", true},
		})
	})
	// These have no operation: the path or the method is none.
	t.Run("nothing", func(t *testing.T) {
		doc, srv := loadSpec(t), start(t)
		in, _ := doc.request("GET", "/healthz", "")
		for target, code := range map[string]string{"/nothing": "not_found", "/publish": "method_not_allowed"} {
			a := srv.Get(target)
			if !strings.Contains(a.Body, code) {
				t.Errorf("%s: %s", target, a.Body)
			}
			doc.wantAnswer(in, a.Status, a.Header, a.Body)
		}
	})
}
