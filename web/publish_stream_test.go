package web_test

import (
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"rollcall/web"
	"rollcall/web/webtest"
)

// arrival is a body that the test writes piece by piece.
type arrival struct {
	*io.PipeWriter
	answer chan *webtest.Answer
}

// publishing begins a POST /publish/stream.
func publishing(t *testing.T, srv *webtest.Server, query, contentType string) *arrival {
	t.Helper()
	r, w := io.Pipe()
	t.Cleanup(func() { _ = w.Close() })
	a := &arrival{w, make(chan *webtest.Answer, 1)}
	go func() {
		a.answer <- srv.DoReader("POST", "/publish/stream?"+query, r, "Content-Type: "+contentType)
	}()
	return a
}

func (a *arrival) write(t *testing.T, text string) {
	t.Helper()
	if _, err := io.WriteString(a, text); err != nil {
		t.Fatal(err)
	}
}

// wantText reads the text of a channel from a stream's pieces until it is want.
func wantText(t *testing.T, st *webtest.Stream, want string) (end bool) {
	t.Helper()
	var got strings.Builder
	for got.Len() < len(want) {
		_, m := st.Next()
		var piece string
		if err := json.Unmarshal(m.Payload, &piece); err != nil {
			t.Fatalf("the payload %s is no text", m.Payload)
		}
		got.WriteString(piece)
		end = m.End
		if !strings.HasPrefix(want, got.String()) {
			t.Fatalf("got %q, want %q", got.String(), want)
		}
	}
	return end
}

// A text is published as it arrives, cut between characters.
func TestPublishStreamText(t *testing.T) {
	srv := start(t)
	st := subscribed(t, srv, "", "answer")
	a := publishing(t, srv, "channel=answer&type=token&append=m1&end=true", "text/plain; charset=utf-8")
	a.write(t, "Hello, ")
	wantText(t, st, "Hello, ")
	snow := "☃"
	a.write(t, "w"+snow[:1])
	wantText(t, st, "w")
	a.write(t, snow[1:]+"rld")
	wantText(t, st, "☃rld")
	_ = a.Close()
	if _, m := st.Next(); !m.End || m.Append != "m1" || string(m.Payload) != `""` {
		t.Errorf("the end is %s", m.Payload)
	}
	st.WantGoodbye("complete", false)
	var answer struct {
		Events int
		ID     string
	}
	(<-a.answer).WantStatus(200).Into(&answer)
	if answer.Events < 4 || answer.ID != st.LastID {
		t.Errorf("the answer is %+v, the end was %s", answer, st.LastID)
	}
	late := srv.Subscribe("channels=answer&from=oldest")
	late.WantRegistered()
	if _, m := late.Next(); string(m.Payload) != `"Hello, w☃rld"` || !m.End || m.Pieces != answer.Events {
		t.Errorf("a page that reloads has %s of %d pieces", m.Payload, m.Pieces)
	}
	srv.Do("POST", "/publish/stream?channel=answer&type=token", "more", "Content-Type: text/plain").WantStatus(409)
}

// Lines of JSON are events, as is the data of another stream's events.
func TestPublishStreamEvents(t *testing.T) {
	srv := start(t)
	st := subscribed(t, srv, "", "log")
	a := publishing(t, srv, "channel=log&type=line", "application/x-ndjson")
	a.write(t, `{"n":1}`+"\n")
	st.WantEvent("log", "line", `{"n":1}`)
	a.write(t, "\r\n 2 \n\"three\"")
	st.WantEvent("log", "line", `2`)
	_ = a.Close()
	st.WantEvent("log", "line", `"three"`)
	(<-a.answer).WantJSON(`{"events":3,"id":"` + st.LastID + `"}`)

	b := publishing(t, srv, "channel=log&end=true", "text/event-stream")
	b.write(t, ": a comment\n\ndata: {\"choices\":[1]}\n\nevent: ping\nid: x\ndata: a\ndata: b\n\ndata: [DONE]\n\n")
	st.WantEvent("log", "message", `{"choices":[1]}`)
	st.WantEvent("log", "ping", `"a\u000ab"`)
	st.WantEvent("log", "message", `"[DONE]"`)
	b.write(t, "data: incomplete")
	_ = b.Close()
	if _, m := st.Next(); !m.End || string(m.Payload) != "null" {
		t.Errorf("the end is %s", m.Payload)
	}
	(<-b.answer).WantStatus(200)
}

// A body that breaks off loses nothing of what came, and does not end the channel.
func TestPublishStreamBreaksOff(t *testing.T) {
	srv := start(t)
	st := subscribed(t, srv, "", "a")
	w := srv.Dial()
	w.Send("POST /publish/stream?channel=a&type=t&end=true HTTP/1.1\nHost: " + srv.Addr + "\nContent-Type: application/x-ndjson\nTransfer-Encoding: chunked\n\n7\n1\n2\n3\n")
	st.WantEvent("a", "t", `1`)
	st.WantEvent("a", "t", `2`)
	w.Cut()
	eventually(t, "the request has ended", func() bool {
		return strings.Contains(string(srv.Get("/metrics").Body), "rollcall_publish_requests_total{result=\"invalid\"} 1")
	})
	srv.Publish("a", `"open"`)
	st.WantEvent("a", "message", `"open"`)
}

// What can't be published is refused where it stands, behind what came before it.
func TestPublishStreamRefusals(t *testing.T) {
	srv := webtest.Start(t, web.Options{MaxPayloadBytes: 100})
	for query, want := range map[string]struct {
		kind, body string
		status     int
		code       string
	}{
		"type=t":                             {"text/plain", "x", 400, "invalid_channel"},
		"channel=a":                          {"text/plain", "x", 400, "invalid_field"},
		"channel=a&type=gap":                 {"text/plain", "x", 400, "invalid_field"},
		"channel=a&type=t&append=":           {"text/plain", "x", 400, "invalid_field"},
		"channel=a&type=t&end=yes":           {"text/plain", "x", 400, "invalid_field"},
		"channel=a&type=t":                   {"image/png", "x", 415, "unsupported_type"},
		"channel=b&type=t":                   {"text/plain", "x\xff", 400, "invalid_body"},
		"channel=c&type=t":                   {"text/plain", "x\xe2\x98", 400, "invalid_body"},
		"channel=d&type=t":                   {"application/x-ndjson", "1\n{", 400, "invalid_json"},
		"channel=e&type=t":                   {"application/x-ndjson", "1\n\"" + strings.Repeat("x", 100) + "\"", 413, "payload_too_large"},
		"channel=f&type=t":                   {"application/x-ndjson", "1\n\"" + strings.Repeat("x", 1000) + "\"", 413, "payload_too_large"},
		"channel=g&type=t&append=k":          {"application/x-ndjson", "\"1\"\n2", 400, "invalid_event"},
		"channel=h":                          {"text/event-stream", "data: 1\n\nevent: goodbye\ndata: 2\n\n", 400, "invalid_event"},
		"channel=i&type=t&append=k&end=true": {"application/x-ndjson", "\"1\"\n2", 400, "invalid_event"},
	} {
		a := srv.Do("POST", "/publish/stream?"+query, want.body, "Content-Type: "+want.kind)
		if !strings.Contains(a.Body, `"code":"`+want.code+`"`) || a.Status != want.status {
			t.Errorf("%s with %q: %d %s", query, want.body, a.Status, a.Body)
		}
	}
	for _, channel := range []string{"d", "e", "f", "g", "h", "i"} {
		if text := srv.Get("/history?channel=" + channel).Body; strings.Count(text, `"payload":`) != 1 || strings.Contains(text, `"end"`) {
			t.Errorf("%s has %s, want the one event that came before", channel, text)
		}
	}
	srv.Do("PUT", "/publish/stream?channel=z&type=t&end=true", "", "Content-Type: text/plain").WantStatus(200)
	if text := srv.Get("/history?channel=z").Body; !strings.Contains(text, `"end":true`) {
		t.Errorf("an empty body that ends its channel: %s", text)
	}
}

// However a text is cut on its way in, and whoever reads when, it is the text.
func TestPublishStreamIsTheText(t *testing.T) {
	srv := start(t)
	rng := rand.New(rand.NewPCG(5, 6))
	var text strings.Builder
	for text.Len() < 100_000 {
		text.WriteString([]string{"a", "é", "☃", "🎺", "\n", `"\`, "\x00"}[rng.IntN(7)])
	}
	a := publishing(t, srv, "channel=t&type=token&append=k&end=true", "text/plain")
	rest := text.String()
	live := srv.Subscribe("channels=t&from=oldest")
	live.WantRegistered()
	go func() {
		defer a.Close()
		for len(rest) > 0 {
			n := min(1+rng.IntN(2000), len(rest))
			if _, err := io.WriteString(a, rest[:n]); err != nil {
				return
			}
			rest = rest[n:]
		}
	}()
	var readers []*webtest.Stream
	for range 3 {
		st := srv.Subscribe("channels=t&from=oldest")
		st.WantRegistered()
		readers = append(readers, st)
	}
	for _, st := range append(readers, live) {
		if !wantText(t, st, text.String()) {
			if _, m := st.Next(); !m.End {
				t.Error("the text has no end")
			}
		}
		st.WantGoodbye("complete", false)
	}
	(<-a.answer).WantStatus(200)
}

// A server that shuts down publishes what has arrived.
func TestPublishStreamAtShutdown(t *testing.T) {
	srv := start(t)
	st := subscribed(t, srv, "", "a")
	a := publishing(t, srv, "channel=a&type=t", "application/x-ndjson")
	a.write(t, "1\n")
	st.WantEvent("a", "t", `1`)
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if answer := <-a.answer; answer.Status != http.StatusServiceUnavailable || !strings.Contains(answer.Body, "draining") {
		t.Errorf("the answer is %d %s", answer.Status, answer.Body)
	}
}
