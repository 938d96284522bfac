package web_test

import (
	"strings"
	"testing"

	"rollcall/web"
	"rollcall/web/webtest"
)

// What the example of the Node system that Rollcall follows does: a page opens
// one stream over two channels, a script posts four events, and what the page's
// listeners print stays the same.
func TestSeedPageAndBatch(t *testing.T) {
	const page = "http://localhost:8080"
	srv := webtest.Start(t, web.Options{CORSOrigins: []string{page}, OnlinePresence: true})
	open := func() *webtest.Stream {
		st := srv.Open("GET", "/subscribe/?channels=channel1%2Cchannel2", "", "Origin: "+page, "Accept: text/event-stream", "Cache-Control: no-cache")
		if got := st.Header.Get("Access-Control-Allow-Origin"); got != page {
			t.Errorf("the page may not read the stream: %q", got)
		}
		st.WantRegistered()
		return st
	}
	st := open()
	st.WantLast("channel1", `{}`)
	st.WantLast("channel2", `{}`)
	st.WantOnline(st.Hello.ClientID)

	srv.Post("/publish", strings.TrimSpace(`
{
  "events": [
    {"channelName": "channel1", "type": "message", "payload": "{\"text\":\"hello\"}"},
    {"channelName": "channel1", "type": "foo", "payload": "[1,2,3]"},
    {"channelName": "channel2", "type": "bar", "payload": "plain text"},
    {"channelName": "channel2", "type": "message", "payload": "{}"}
  ]
}`), "User-Agent: curl/8").WantStatus(200)
	st.WantEvent("channel1", "message", `"{\"text\":\"hello\"}"`)
	st.WantEvent("channel1", "foo", `"[1,2,3]"`)
	st.WantEvent("channel2", "bar", `"plain text"`)
	st.WantEvent("channel2", "message", `"{}"`)

	again := open()
	again.WantLast("channel1", `{"type":"foo","payload":"[1,2,3]"}`)
	again.WantLast("channel2", `{"type":"message","payload":"{}"}`)
	srv.Get("/lastEvent?channel=channel1").WantJSON(`{"response":"{\"type\":\"foo\",\"payload\":\"[1,2,3]\"}"}`)
	srv.Get("/lastEvent?channel=channel3").WantJSON(`{"response":"{}"}`)
}

// The seed system's defects, which are not carried over.
func TestSeedDefects(t *testing.T) {
	srv := start(t)
	st := subscribed(t, srv, "channel=a&channel=__proto__", "a", "__proto__")
	// The first event of a channel is like all others; falsy payloads and objects
	// are payloads; a bad event keeps the good ones before it from being sent.
	srv.Post("/publish", `{"events":[{"channelName":"a","type":"t","payload":"lost?"},{"channelName":"a","payload":1}]}`).WantStatus(400)
	srv.PublishBody(`{"events":[{"channelName":"__proto__","type":"t","payload":0},{"channelName":"a","type":"t","payload":""},{"channelName":"a","type":"t","payload":{"o":1}}]}`)
	st.WantEvent("__proto__", "t", `0`)
	st.WantEvent("a", "t", `""`)
	st.WantEvent("a", "t", `{"o":1}`)
	srv.Get("/lastEvent?channel=__proto__").WantJSON(`{"response":"{\"type\":\"t\",\"payload\":0}"}`)
	srv.Get("/lastEvent?channel=constructor").WantJSON(`{"response":"{}"}`)
}
