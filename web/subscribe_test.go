package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"rollcall/hub/eventlog"
	"rollcall/web"
	"rollcall/web/webtest"
)

func TestStreamHead(t *testing.T) {
	srv := start(t)
	for channel, open := range map[string]struct{ method, target, body string }{
		"a": {"GET", "/subscribe?channels=a", ""},
		"b": {"GET", "/subscribe/?channels=b", ""},
		"c": {"POST", "/subscribe", `{"channels":["c"]}`},
		"d": {"POST", "/subscribe/", `{"channels":["d"]}`},
	} {
		// Open fails on a redirect, and returns only if the head is flushed at once.
		st := srv.Open(open.method, open.target, open.body)
		for name, want := range map[string]string{
			"Content-Type":      "text/event-stream",
			"Cache-Control":     "no-cache, no-transform",
			"X-Accel-Buffering": "no",
			"Content-Encoding":  "",
		} {
			if got := strings.Join(st.Header.Values(name), " | "); got != want {
				t.Errorf("%s %s: %s is %q, want %q", open.method, open.target, name, got, want)
			}
		}
		st.WantRegistered()
		if st.Retry.Milliseconds() != 3000 {
			t.Errorf("retry is %v, want 3 s", st.Retry)
		}
		st.WantLast(channel, `{}`)
		srv.Publish(channel, `1`)
		st.WantEvent(channel, "message", `1`)
	}
}

func TestFreshStart(t *testing.T) {
	srv := start(t)
	srv.PublishBody(`{"events":[
		{"channelName":"b","type":"message","payload":"old"},
		{"channelName":"b","type":"foo","payload":{"n": 1}},
		{"channelName":"a","type":"message","payload":"hi"},
		{"channelName":"other","type":"message","payload":0}]}`)
	head := srv.Head()

	st := srv.Subscribe("channels=b,empty,a")
	if hello := st.WantRegistered(); hello.Resumed {
		t.Error("registered says that it was resumed")
	}
	for _, at := range []string{
		st.LastID,
		st.WantLast("b", `{"type":"foo","payload":{"n": 1}}`),
		st.WantLast("empty", `{}`),
		st.WantLast("a", `{"type":"message","payload":"hi"}`),
	} {
		if at != head {
			t.Errorf("what is told first is at %s, want the head %s", at, head)
		}
	}
	ids := srv.PublishBody(`{"events":[
		{"channelName":"other","type":"message","payload":0},
		{"channelName":"a","type":"bar","payload":[]},
		{"channelName":"b","type":"message","payload":null}]}`)
	if got := st.WantEvent("a", "bar", `[]`); got != ids[1] {
		t.Errorf("id %s, the publisher was told %s", got, ids[1])
	}
	st.WantEvent("b", "message", `null`)
}

// The bytes of the contract's example.
func TestStreamBytes(t *testing.T) {
	srv := start(t)
	id := srv.Publish("channel1", `"hi"`)[0]
	w := srv.Dial()
	w.Send("GET /subscribe?channels=channel1&clientId=u1 HTTP/1.0\nHost: x\n\n")
	w.WantLine("HTTP/1.0 200 OK")
	if line := w.WantLine("retry: "); line != "retry: 3000" {
		t.Error(line)
	}
	hello := `data: {"type":"registered","payload":"{\"clientId\":\"u1\",\"connectionId\":\"`
	stamped := `data: {"channelName":"channel1","type":"message","payload":"hi again","timestamp":"`
	next := func(want string) {
		t.Helper()
		line, err := w.ReadString('\n')
		if err != nil || line != want+"\n" && (want != hello && want != stamped || !strings.HasPrefix(line, want)) {
			t.Errorf("line %q, error %v, want %q", line, err, want)
		}
	}
	next("id: " + id)
	next("event: registered")
	next(hello)
	next("")
	next("id: " + id)
	next("event: lastEvent")
	next(`data: {"channelName":"channel1","type":"lastEvent","payload":"{\"type\":\"message\",\"payload\":\"hi\"}"}`)
	next("")
	id = srv.Publish("channel1", `"hi again"`)[0]
	next("id: " + id)
	next("event: message")
	next(stamped)
	next("")
}

func TestChannelSpellings(t *testing.T) {
	srv := start(t)
	for _, query := range []string{
		"channels=a,b", "channels=a%2Cb", "channels=a&channels=b", "channel=a&channel=b", "channels=a&channel=b",
		"channels=a,b,a,a", "channels=a,b&channel=b&channel=a",
	} {
		st := srv.Subscribe(query)
		st.WantRegistered()
		st.WantLast("a", `{}`)
		st.WantLast("b", `{}`)
		st.Close()
	}
	body := srv.Open("POST", "/subscribe", `{"channels":["a","b","a"]}`)
	body.WantRegistered()
	body.WantLast("a", `{}`)
	body.WantLast("b", `{}`)

	st := srv.Subscribe("channels=a,b,a&channel=a")
	st.WantRegistered()
	st.WantLast("a", `{}`)
	st.WantLast("b", `{}`)
	srv.Publish("a", `"once"`)
	srv.Publish("b", `"next"`)
	st.WantEvent("a", "message", `"once"`)
	st.WantEvent("b", "message", `"next"`)
}

func TestChannelNames(t *testing.T) {
	srv := start(t)
	good := []string{
		"a", "A.b-c_d~e", "a b", "a..b", ".", "a*", "*a", ">>", "a.>b", "b$", "news/today?x=1&y#z", "%2F", "a+b", `q"b\`,
		"🎺", "日本", "a\u2028b", "\u202e", "__proto__", "<script>", "';--", strings.Repeat("x", 255), strings.Repeat("é", 127),
	}
	for _, name := range good {
		st := srv.Subscribe("channel=" + url.QueryEscape(name))
		st.WantRegistered()
		st.WantLast(name, `{}`)
		srv.Publish(name, `"x"`)
		st.WantEvent(name, "message", `"x"`)
		st.Close()
	}
	st := srv.Open("POST", "/subscribe", jsonOf(t, map[string]any{"channels": good}))
	st.WantRegistered()
	for _, name := range good {
		st.WantLast(name, `{"type":"message","payload":"x"}`)
	}
	for _, name := range []string{
		strings.Repeat("x", 256), strings.Repeat("é", 128), "*", ">", "a.*.b", "*.b", "a.>", ">.b", "$x", "$online", "$", " a", "a ",
		"\u00a0a", "a\nb", "a\rb", "a\x00b", "a\x7f", "a\u0085b", "a\tb", "a\xff", "\xc3\x28", "",
	} {
		srv.Get("/lastEvent?channel="+url.QueryEscape(name)).WantFault(400, "invalid_channel", "channel")
		srv.Get("/history?channel="+url.QueryEscape(name)).WantFault(400, "invalid_channel", "channel")
		_, notPattern := eventlog.ParsePattern(name)
		if notPattern != nil {
			srv.Get("/subscribe?channel="+url.QueryEscape(name)).WantFault(400, "invalid_channel", "channels")
			srv.Get("/subscribe?channels=ok,"+url.QueryEscape(name)).WantFault(400, "invalid_channel", "channels")
		}
		if name != "" && notPattern != nil {
			srv.Get("/presence/stream?channel="+url.QueryEscape(name)).WantFault(400, "invalid_channel", "channels")
		}
		if utf8.ValidString(name) {
			if notPattern != nil {
				srv.Post("/subscribe", jsonOf(t, map[string]any{"channels": []string{name}})).WantFault(400, "invalid_channel", "channels")
			}
			srv.Post("/publish", jsonOf(t, map[string]any{"events": []any{map[string]any{"channelName": name, "type": "t", "payload": 1}}})).
				WantFault(400, "invalid_event", "events[0].channelName")
		}
	}
	// A comma separates names in a list; one name has none.
	srv.Post("/subscribe", `{"channels":["a,b"]}`).WantFault(400, "invalid_channel", "channels")
	srv.Get("/subscribe?channel=a,b").WantFault(400, "invalid_channel", "channels")
	srv.Get("/lastEvent?channel=a,b").WantFault(400, "invalid_channel", "channel")
}

func TestChannelLimit(t *testing.T) {
	srv := start(t)
	st := srv.Subscribe("channels=" + strings.Join(append(names(1000), "c0", "c999"), ","))
	st.WantRegistered()
	for _, name := range names(1000) {
		st.WantLast(name, `{}`)
	}
	srv.Publish("c999", `1`)
	st.WantEvent("c999", "message", `1`)
	st = srv.Open("POST", "/subscribe", `{"channels":`+list(names(1000))+`}`)
	st.WantRegistered()

	srv.Get("/subscribe?channels="+strings.Join(names(1001), ",")).WantFault(400, "too_many_channels", "channels")
	srv.Post("/subscribe", `{"channels":`+list(names(1001))+`}`).WantFault(400, "too_many_channels", "channels")
	srv.Get("/presence/stream?channels="+strings.Join(names(1001), ",")).WantFault(400, "too_many_channels", "channels")
	for _, none := range []string{"", "?channels=", "?clientId=x", "?channels=&lastEventId=a-1"} {
		srv.Get("/subscribe"+none).WantFault(400, "missing_channels", "channels")
	}
	srv.Post("/subscribe", `{}`).WantFault(400, "missing_channels", "channels")
	srv.Post("/subscribe", `{"channels":null}`).WantFault(400, "missing_channels", "channels")

	few := webtest.Start(t, web.Options{MaxChannels: 2})
	few.Subscribe("channels=a,b,a").WantRegistered()
	few.Get("/subscribe?channels=a,b,c").WantFault(400, "too_many_channels", "channels")
}

func TestClientID(t *testing.T) {
	srv := start(t)
	given := map[string]bool{}
	for range 20 {
		hello := srv.Subscribe("channels=a").WantRegistered()
		for _, id := range []string{hello.ClientID, hello.ConnectionID} {
			if len(id) < 22 || given[id] {
				t.Errorf("%q can be guessed or was given before", id)
			}
			given[id] = true
		}
	}
	for _, id := range []string{"ada", "ada@example.org", `a"\b`, "日本", "a b/c?d", "<script>", strings.Repeat("x", 255)} {
		st := srv.Subscribe("channels=a&clientId=" + url.QueryEscape(id))
		if hello := st.WantRegistered(); hello.ClientID != id || given[hello.ConnectionID] {
			t.Errorf("asked for %q, got %+v", id, hello)
		}
		st = srv.Open("POST", "/subscribe", jsonOf(t, map[string]any{"channels": []string{"a"}, "clientId": id}))
		if hello := st.WantRegistered(); hello.ClientID != id {
			t.Errorf("asked for %q, got %+v", id, hello)
		}
	}
	for _, id := range []string{strings.Repeat("x", 256), "a\nb", "a\x00", "\xff", "a\u0085"} {
		srv.Get("/subscribe?channels=a&clientId="+url.QueryEscape(id)).WantFault(400, "invalid_client_id", "clientId")
	}
}

func TestInfo(t *testing.T) {
	srv := start(t)
	info := func(id string) string {
		var got struct{ Info any }
		srv.Get("/presence/clients/" + id).WantStatus(200).Into(&got)
		return jsonOf(t, got.Info)
	}
	srv.Subscribe("channels=a&clientId=none").WantRegistered()
	if got := info("none"); got != "null" {
		t.Errorf("no info is %s", got)
	}
	srv.Subscribe("channels=a&clientId=ada&info=" + url.QueryEscape("{ \"name\":\r\n \"Ada 👋\" }")).WantRegistered()
	if got := info("ada"); got != `{"name":"Ada 👋"}` {
		t.Errorf("info is %s", got)
	}
	srv.Open("POST", "/subscribe", `{"channels":["a"],"clientId":"bob","info":{"name":"Bob","n":[1,2]}}`).WantRegistered()
	if got := info("bob"); got != `{"n":[1,2],"name":"Bob"}` {
		t.Errorf("info is %s", got)
	}
	srv.Open("POST", "/subscribe", `{"channels":["a"],"info":null}`).WantRegistered()
	full := `{"x":"` + strings.Repeat("x", 1024-8) + `"}`
	srv.Subscribe("channels=a&info=" + url.QueryEscape(full)).WantRegistered()
	for _, bad := range []string{full + " ", `"text"`, `[1]`, `7`, `null`, `{`, `{"a":}`, `{}{}`, "{\"a\":\"\xff\"}"} {
		srv.Get("/subscribe?channels=a&info="+url.QueryEscape(bad)).WantFault(400, "invalid_info", "info")
	}
	srv.Post("/subscribe", `{"channels":["a"],"info":[1]}`).WantFault(400, "invalid_info", "info")
	srv.Post("/subscribe", `{"channels":["a"],"info":`+full[:1022]+`x"}}`).WantFault(400, "invalid_info", "info")
}

func TestBadSubscribe(t *testing.T) {
	srv := start(t)
	srv.Get("/subscribe?channels=%").WantFault(400, "invalid_query", "")
	srv.Get("/subscribe?channels=a;b").WantFault(400, "invalid_query", "")
	srv.Get("/subscribe?channels=a&presence=everything").WantFault(400, "invalid_presence", "presence")
	srv.Post("/subscribe", `{"channels":["a"],"presence":["online","x"]}`).WantFault(400, "invalid_presence", "presence")
	for body, code := range map[string]string{
		"":                                     "invalid_json",
		"{":                                    "invalid_json",
		`channels=a`:                           "invalid_body",
		`{"channels":["a"]}x`:                  "invalid_json",
		`{"channels":["a"],"info":` + "\"\x01": "invalid_json",
		`{"channels":["` + "\xff" + `"]}`:      "invalid_json",
	} {
		srv.Post("/subscribe", body).WantFault(400, code, "")
	}
	srv.Post("/subscribe", `{"channels":"a"}`).WantFault(400, "invalid_field", "channels")
	srv.Post("/subscribe", `{"channels":["a"],"clientId":7}`).WantFault(400, "invalid_field", "clientId")
	srv.Post("/subscribe", `{"channels":["a"],"presence":7}`).WantStatus(400)
	srv.Post("/subscribe", `["a"]`).WantStatus(400)
	small := webtest.Start(t, web.Options{MaxBodyBytes: 100})
	small.Post("/subscribe", `{"channels":["`+strings.Repeat("x", 100)+`"]}`).WantFault(http.StatusRequestEntityTooLarge, "body_too_large", "")
}

func TestHeartbeat(t *testing.T) {
	srv := webtest.Start(t, web.Options{Heartbeat: 25 * time.Millisecond})
	st := subscribed(t, srv, "", "a")
	watcher := srv.Watch("")
	for range 3 {
		st.WantHeartbeat()
		watcher.WantHeartbeat()
	}
	srv.Publish("a", `1`)
	st.WantEvent("a", "message", `1`)
}

func TestManyStreamsSeeOneOrder(t *testing.T) {
	srv := webtest.Start(t, web.Options{Shards: 3})
	var streams []*webtest.Stream
	for i := range 12 {
		st := subscribed(t, srv, fmt.Sprint("clientId=", i), "a", "b")
		streams = append(streams, st)
	}
	const rounds = 25
	for i := range rounds {
		srv.PublishBody(fmt.Sprintf(`{"events":[{"channelName":"b","type":"t","payload":%d},{"channelName":"x","type":"t","payload":0},{"channelName":"a","type":"t","payload":%d}]}`, i, i))
	}
	for _, st := range streams {
		for i := range rounds {
			st.WantEvent("b", "t", fmt.Sprint(i))
			st.WantEvent("a", "t", fmt.Sprint(i))
		}
	}
}
