package clients

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// dialog is a stream that curl reads once.
type dialog struct {
	*session
	answer answer
	body   bytes.Buffer // all of it, once the stream has ended
}

// read starts to read a stream with curl.
func read(t *testing.T, args ...string) *dialog {
	t.Helper()
	path := curl.need(t)
	ctx, cancel := context.WithCancel(context.Background())
	d := &dialog{session: newSession()}
	done := make(chan struct{})
	go func() {
		defer close(done)
		d.answer = runCurl(ctx, path, &d.body, d.hear, args...)
		d.end(d.answer.status)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return d
}

// TestExactBytes compares a whole answer with testdata/stream.txt, but for what is different each time.
func TestExactBytes(t *testing.T) {
	for _, version := range []string{"--http1.1", "--http1.0"} {
		t.Run(version[2:], func(t *testing.T) {
			t.Parallel()
			srv := startServer(t, "--heartbeat=1s")
			log := &ledger{server: srv}
			log.publish(event{Channel: "channel1", Type: "message", Payload: "hi"})
			d := read(t, version, srv.url("/subscribe?channels=channel1,channel2&clientId=u1"))
			d.first(t, 3)
			log.publish(
				event{Channel: "channel1", Type: "message", Payload: "hi again"},
				event{Channel: "elsewhere", Type: "message", Payload: "unheard"},
				event{Channel: "channel2", Type: "foo", Payload: map[string]any{"a": []any{1, nil, "ü"}}},
			)
			d.first(t, 5)
			srv.kick("u1")
			if status := d.awaitEnd(t); status != "200 OK" || d.answer.exit != nil {
				t.Fatalf("the answer is %q, curl ended with %v", status, d.answer.exit)
			}
			for name, want := range map[string]string{
				"Content-Type": "text/event-stream", "Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no",
				"Content-Encoding": "", "Content-Length": "", "Location": "",
			} {
				if got := d.answer.header.Get(name); got != want {
					t.Errorf("the header %s is %q, want %q", name, got, want)
				}
			}

			want, err := os.ReadFile(filepath.Join("testdata", "stream.txt"))
			if err != nil {
				t.Fatal(err)
			}
			// A pause of the machine may have been long enough for a comment line.
			got := regexp.MustCompile(`(?m)^:.*\n\n?`).ReplaceAll(d.body.Bytes(), nil)
			pattern := regexp.QuoteMeta(string(want))
			for name, form := range map[string]string{
				"epoch": epoch(log.all()[0].ID), "connection": `[A-Za-z0-9._-]+`, "secret": `[A-Za-z0-9_-]{22}`, "time": `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`,
				"retry": `[1-5]\d{3}`, "reason": `[A-Z][^"\\]*\.`,
			} {
				pattern = strings.ReplaceAll(pattern, "<"+name+">", form)
			}
			if !regexp.MustCompile("^" + pattern + "$").Match(got) {
				t.Errorf("the stream is\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// TestCursor resumes from a position in each of the possible parameters.
func TestCursor(t *testing.T) {
	t.Parallel()
	srv := startServer(t)
	log := &ledger{server: srv}
	for n := range 4 {
		log.publish(event{Channel: "channel1", Type: "message", Payload: n})
	}
	all := log.all()
	at := func(n int) string { return all[n].ID }
	header := func(id string) []string { return []string{"--header", "Last-Event-ID: " + id} }
	post := func(lastEventID string) []string {
		body, _ := json.Marshal(map[string]any{"channels": []string{"channel1"}, "lastEventId": lastEventID})
		return []string{"--header", "Content-Type: application/json", "--data-binary", string(body)}
	}
	const get = "?channels=channel1"
	tests := map[string]struct {
		query string
		args  []string
		from  int // the first event wanted; those after it follow
	}{
		"header":                      {get, header(at(1)), 2},
		"lastEventId":                 {get + "&lastEventId=" + at(1), nil, 2},
		"last_event_id":               {get + "&last_event_id=" + at(1), nil, 2},
		"header before query":         {get + "&lastEventId=" + at(0), header(at(2)), 3},
		"query before garbled header": {get + "&lastEventId=" + at(0), header("~"), 1},
		"POST":                        {"", post(at(1)), 2},
		"header before POST":          {"", append(post(at(0)), header(at(2))...), 3},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := read(t, append(test.args, srv.url("/subscribe"+test.query))...)
			events := d.first(t, 1+len(all)-test.from)
			events[0].wantOwn(t, "registered", "", map[string]any{"resumed": true})
			wantExactly(t, events[1:], all[test.from:])
		})
	}
}
