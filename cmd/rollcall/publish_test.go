package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

func TestPublish(t *testing.T) {
	t.Parallel()
	p := serve(t, nil)
	if id := p.cli("publish", "news", "message", `{"a":1.50}`).wantEnd(t, 0, "-1").out; strings.Count(id, "\n") != 1 {
		t.Errorf("printed %q, want an id alone", id)
	}
	p.cli("publish", "news", "message", "hello", "--text", "--json").wantEnd(t, 0, `{"channelName":"news","id":"`)
	p.cli("publish", "news", "message", "1", "--idempotency-key=k").wantEnd(t, 0, "-3")
	p.cli("publish", "news", "message", "1", "--idempotency-key=k").wantEnd(t, 0, "-3  duplicate")
	p.cli("publish", "news", "message", "--", "-5").wantEnd(t, 0, "-4")
	p.cli("publish", "news", "message", "", "--text").wantEnd(t, 0, "-5")
	p.cli("publish", "news", "registered", "1").wantEnd(t, 1, "(invalid_event, field events[0].type)")
	p.cli("publish", "new*,s", "x", "1").wantEnd(t, 1, "field events[0].channelName")
	got := p.cli("history", "news", "--json").wantEnd(t, 0, "").out
	for _, want := range []string{`"payload":{"a":1.50}`, `"payload":"hello"`, `"payload":-5`, `"payload":""`} {
		if !strings.Contains(got, want) {
			t.Errorf("history has no %s:\n%s", want, got)
		}
	}
	if n := strings.Count(got, "\n"); n != 5 {
		t.Errorf("%d events:\n%s", n, got)
	}
}

// Many lines are published in order, in batches that the server takes, and one wrong line is named.
func TestPublishLines(t *testing.T) {
	t.Parallel()
	p := serve(t, nil, "--max-events=7", "--max-body=4KiB", "--max-payload=2KiB")
	env := []string{"ROLLCALL_SERVER=" + p.url}
	var input strings.Builder
	for i := range 100 {
		fmt.Fprintf(&input, "{\"channelName\":\"c\",\"type\":\"n\",\"payload\":[%d,%q],\"id\":\"is passed over\"}\n\n", i, strings.Repeat("x", i*10))
	}
	if n := strings.Count(runCommand(t, env, input.String(), "publish").wantEnd(t, 0, "").out, "\n"); n != 100 {
		t.Fatalf("%d ids", n)
	}
	out := p.cli("history", "c", "--json", "--limit=0").wantEnd(t, 0, "").out
	lines := strings.Split(strings.TrimSpace(out), "\n")
	for i, line := range lines {
		if !strings.Contains(line, fmt.Sprintf(`"payload":[%d,`, i)) {
			t.Fatalf("event %d is %.200s", i, line)
		}
	}
	if len(lines) != 100 {
		t.Fatalf("%d events, want 100", len(lines))
	}
	// What history prints can be published.
	runCommand(t, env, out, "publish", "-").wantEnd(t, 0, "-200")

	good := `{"channelName":"d","type":"n","payload":1}` + "\n"
	runCommand(t, env, good+good+`{"channelName":"d","type":"gap","payload":1}`+"\n", "publish", "--batch=1").wantEnd(t, 1, "line 3: ")
	runCommand(t, env, good+"\n{nope\n"+good, "publish").wantEnd(t, 1, "line 3 is not an event in JSON")
	runCommand(t, env, `{"channelName":"d","type":"n","payload":"`+strings.Repeat("x", 3000)+`"}`+"\n", "publish").wantEnd(t, 1, "(payload_too_large, field events[0].payload)")
	runCommand(t, env, "", "publish").wantEnd(t, 0, "")
	if n := strings.Count(p.cli("history", "d").wantEnd(t, 0, "").out, "\n"); n != 3 {
		t.Errorf("%d events on d, want those in front of what was wrong", n)
	}
}

// A publisher that has to wait, or loses the answer, retries with the same keys, and nothing is published twice.
func TestPublishTriesAgain(t *testing.T) {
	t.Parallel()
	p := serve(t, nil)
	target, err := url.Parse(p.url)
	if err != nil {
		t.Fatal(err)
	}
	var requests atomic.Int32
	env := fakeServer(t, func(w http.ResponseWriter, r *http.Request) {
		switch requests.Add(1) {
		case 1:
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = io.WriteString(w, `{"error":{"code":"busy","message":"Busy."}}`)
			return
		case 2:
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		case 3: // published, and the answer is lost
			answer, err := http.Post(p.url+"/publish", "application/json", r.Body)
			if err != nil {
				t.Error(err)
			} else {
				answer.Body.Close()
			}
			panic(http.ErrAbortHandler)
		}
		proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }, Transport: &http.Transport{DisableKeepAlives: true}}
		proxy.ServeHTTP(w, r)
	})
	event := `{"channelName":"c","type":"n","payload":1}` + "\n"
	runCommand(t, env, event+event, "publish").wantEnd(t, 0, "duplicate")
	if n := requests.Load(); n < 4 {
		t.Errorf("%d requests", n)
	}
	if n := strings.Count(p.cli("history", "c").wantEnd(t, 0, "").out, "\n"); n != 2 {
		t.Errorf("%d events, want 2", n)
	}
	requests.Store(0)
	runCommand(t, env, event, "publish", "--retry=0").wantEnd(t, 1, "Busy. (busy)")
}

// Without retries no keys are made; the user's own are kept.
func TestPublishKeys(t *testing.T) {
	t.Parallel()
	bodies := make(chan string, 1)
	env := fakeServer(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies <- string(body)
		_, _ = io.WriteString(w, `{"events":[{"channelName":"c","id":"e-1"}]}`)
	})
	for args, want := range map[string]string{
		"--retry=0": "", "--retry=0 --idempotency-key=mine": "mine", "--idempotency-key=mine": "mine", "--retry=1s": "?",
	} {
		runCommand(t, env, "", append([]string{"publish", "c", "n", `"<"`}, strings.Fields(args)...)...).wantEnd(t, 0, "e-1")
		var sent struct{ Events []wireEvent }
		body := <-bodies
		if err := json.Unmarshal([]byte(body), &sent); err != nil || len(sent.Events) != 1 || !strings.Contains(body, `"<"`) {
			t.Fatalf("%s: %v", body, err)
		}
		if got := sent.Events[0].IdempotencyKey; got != want && (want != "?" || len(got) < 20) {
			t.Errorf("%s: key %q, want %q", args, got, want)
		}
	}
}

// Lines that come while a request is on its way are its successors, in their order, whatever becomes of a request: what is refused
// for now is sent again before anything behind it.
func TestPublishLinesInOrder(t *testing.T) {
	t.Parallel()
	p := serve(t, nil, "--history-events=100000")
	target, err := url.Parse(p.url)
	if err != nil {
		t.Fatal(err)
	}
	var requests, together atomic.Int32
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.Transport = &http.Transport{} // the common one's connections are closed by other tests
	t.Cleanup(proxy.Transport.(*http.Transport).CloseIdleConnections)
	env := fakeServer(t, func(w http.ResponseWriter, r *http.Request) {
		if together.Add(1) > 1 {
			t.Error("two requests at a time")
		}
		defer together.Add(-1)
		// An answer before the end of the request may be lost: then the proxy closes both connections, and the lines are sent again.
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		if requests.Add(1)%3 == 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		proxy.ServeHTTP(w, r)
	})
	const n = 2000
	var input strings.Builder
	for i := range n {
		fmt.Fprintf(&input, "{\"channelName\":\"c\",\"type\":\"n\",\"payload\":%d}\n", i)
	}
	out := runCommand(t, env, input.String(), "publish", "--batch=400").wantEnd(t, 0, "").out
	ids := strings.Fields(out)
	if len(ids) != n || strings.Contains(out, "duplicate") {
		t.Fatalf("%d ids", len(ids))
	}
	for i, id := range ids {
		if _, number, _ := strings.Cut(id, "-"); number != strconv.Itoa(i+1) {
			t.Fatalf("line %d is event %s", i+1, id)
		}
	}
	lines := strings.Split(strings.TrimSpace(p.cli("history", "c", "--json", "--limit=0").wantEnd(t, 0, "").out), "\n")
	for i, line := range lines {
		if !strings.Contains(line, fmt.Sprintf(`"payload":%d,`, i)) {
			t.Fatalf("event %d is %s", i, line)
		}
	}
}

// BenchmarkPublishLines is publishing standard input to a server with its events in memory, two processes on this machine.
func BenchmarkPublishLines(b *testing.B) {
	p := serve(b, nil)
	var input strings.Builder
	for i := range b.N {
		fmt.Fprintf(&input, `{"channelName":"c.%d","type":"message","payload":{"n":%d,"text":"hello hello hello hello"}}`+"\n", i%100, i)
	}
	b.ResetTimer()
	out := runCommand(b, []string{"ROLLCALL_SERVER=" + p.url}, input.String(), "publish").wantEnd(b, 0, "").out
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	if n := strings.Count(out, "\n"); n != b.N {
		b.Fatalf("%d ids for %d lines", n, b.N)
	}
}
