package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
)

func TestSubscribe(t *testing.T) {
	t.Parallel()
	p := serve(t, nil)
	r := p.start("subscribe", "news", "chat", "--client-id=ada", `--info={"name":"Ada"}`, "--presence=channels,online", "--json", "--count=2")
	if e := r.wantEvent("registered"); !strings.Contains(string(e.Payload), `"clientId":"ada"`) || e.ID == "" || e.Timestamp != "" {
		t.Errorf("registered: %+v", e)
	}
	if e := r.wantEvent("presence"); !strings.Contains(string(e.Payload), `{"name":"Ada"}`) {
		t.Errorf("presence: %s", e.Payload)
	}
	p.publish("chat", "message", "one")
	p.publish("other", "message", "two")
	p.publish("news", "typing", "three")
	if e := r.wantEvent("message"); e.ChannelName != "chat" || string(e.Payload) != `"one"` || e.Timestamp == "" {
		t.Errorf("message: %+v", e)
	}
	if e := r.wantEvent("typing"); e.ChannelName != "news" || string(e.Payload) != `"three"` {
		t.Errorf("typing: %+v", e)
	}
	r.wantEnd(0)
}

// Lines for people continue from a position, and have colours only on a terminal.
func TestSubscribeFromAPosition(t *testing.T) {
	t.Parallel()
	p := serve(t, nil)
	first := strings.TrimSpace(p.cli("publish", "news", "message", `"one"`).wantEnd(t, 0, "").out)
	p.publish("news", "message", "two\x1b[31m")
	r := p.start("subscribe", "news", "--last-event-id", first, "--once")
	r.want(`  -  registered  {"clientId":`)
	if line := r.want(`  news  message  "two\u001b[31m"`); strings.ContainsAny(line, "\x1b") {
		t.Errorf("it printed an escape sequence: %q", line)
	}
	r.wantEnd(0)
}

func TestSubscribeEndsAtASignal(t *testing.T) {
	t.Parallel()
	p := serve(t, nil)
	r := p.start("subscribe", "news")
	r.want("registered")
	r.want("lastEvent")
	if err := r.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	r.wantEnd(0)
}

// After a final goodbye or a refusal the command does not reconnect.
func TestSubscribeStaysAway(t *testing.T) {
	t.Parallel()
	p := serve(t, nil)
	r := p.start("subscribe", "news", "--client-id=ada", "--json")
	r.wantEvent("lastEvent")
	p.cli("kick", "ada").wantEnd(t, 0, "")
	r.wantEvent("goodbye")
	r.wantEnd(1)
	if !strings.Contains(r.said.String(), "(kicked)") {
		t.Errorf("it said %q", r.said)
	}
	p.cli("block", "eve", "10m").wantEnd(t, 0, "")
	p.cli("subscribe", "news", "--client-id=eve").wantEnd(t, 1, "stay away")
	p.cli("subscribe", "news.>.x").wantEnd(t, 1, "(invalid_channel, field channel")
}

// A stream that is cut anywhere, cleanly or not, within an event or between two, is gone on with: each event comes once.
func TestSubscribeComesBackExactly(t *testing.T) {
	t.Parallel()
	p := serve(t, nil)
	const n = 40
	first := strings.TrimSpace(p.cli("publish", "c", "start", "0").wantEnd(t, 0, "").out)
	for i := range n {
		p.publish("c", "n", fmt.Sprint(i))
	}
	cuts := 0
	env := fakeServer(t, func(w http.ResponseWriter, in *http.Request) {
		out, err := http.NewRequestWithContext(in.Context(), http.MethodGet, p.url+in.RequestURI, nil)
		if err != nil {
			t.Error(err)
			return
		}
		out.Header = in.Header
		from, err := http.DefaultClient.Do(out)
		if err != nil {
			return
		}
		defer from.Body.Close()
		w.Header().Set("Content-Type", "text/event-stream")
		cuts++
		buf, left := make([]byte, 512), 300+41*cuts
		for left > 0 {
			k, err := from.Body.Read(buf[:min(len(buf), left)])
			if err != nil {
				return
			}
			_, _ = io.WriteString(w, strings.ReplaceAll(string(buf[:k]), "retry: 3000", "retry: 0001"))
			_ = http.NewResponseController(w).Flush()
			left -= k
		}
		if cuts%2 == 0 {
			panic(http.ErrAbortHandler)
		}
	})
	r := startCommand(t, env, "subscribe", "c", "--json", "--last-event-id", first, fmt.Sprint("--count=", n))
	for i := range n {
		if e := r.wantEvent("n"); string(e.Payload) != fmt.Sprintf(`"%d"`, i) {
			t.Fatalf("event %d is %s", i, e.Payload)
		}
	}
	r.wantEnd(0)
	if cuts < 5 {
		t.Errorf("the stream was cut %d times", cuts)
	}
}
