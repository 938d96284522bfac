package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	gosse "github.com/tmaxmax/go-sse"
)

// newRemote makes the client of a command, for the server at url.
func newRemote(t *testing.T, url string) *RemoteFlags {
	t.Helper()
	r := &RemoteFlags{Server: url, Timeout: Duration(patience)}
	if err := r.AfterApply(&settings{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.client.CloseIdleConnections)
	return r
}

// runFollower runs a follower against handlers, one for each of its requests, and returns what it got, as type and data.
func runFollower(t *testing.T, handlers ...http.HandlerFunc) (got []string, ids []string, err error) {
	t.Helper()
	var mu sync.Mutex // each connection has a goroutine of its own
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		ids = append(ids, r.Header.Get("Last-Event-ID"))
		n := len(ids)
		mu.Unlock()
		if n > len(handlers) {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		handlers[n-1](w, r)
	}))
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	f := newFollower(newRemote(t, server.URL), "/subscribe", nil, "e-0", io.Discard)
	f.retry, f.silence = time.Millisecond, patience
	err = f.run(ctx, func(ev gosse.Event) error {
		got = append(got, ev.Type+" "+ev.Data)
		if ev.Data == "enough" {
			return errDone
		}
		return nil
	})
	if ctx.Err() != nil {
		t.Fatal("it did not end")
	}
	return got, ids, err
}

// says answers with a stream of this text, which ends.
func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "retry: 1\n"+text) }
}

func TestFollower(t *testing.T) {
	t.Parallel()
	const final = "id: e-9\nevent: goodbye\ndata: {\"type\":\"goodbye\",\"payload\":\"{\\\"code\\\":\\\"kicked\\\",\\\"reason\\\":\\\"Out.\\\",\\\"reconnect\\\":false}\"}\n\n"
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	for name, test := range map[string]struct {
		handlers []http.HandlerFunc
		got, ids string
		err      string
	}{
		"cut in an event":     {[]http.HandlerFunc{says("id: e-1\nevent: a\ndata: 1\n\nid: e-2\nevent: a\ndata: 2"), says("id: e-2\nevent: a\ndata: 23\n\n")}, "a 1,a 23", "e-0,e-1,e-2", "stay away"},
		"cut at a line":       {[]http.HandlerFunc{says("id: e-1\nevent: a\ndata: 1\n"), says("id: e-1\nevent: a\ndata: 1\n\n")}, "a 1", "e-0,e-0,e-1", "stay away"},
		"an id alone":         {[]http.HandlerFunc{says("id: e-1\n\n")}, "", "e-0,e-1", "stay away"},
		"no event at all":     {[]http.HandlerFunc{says(":\n\n"), says("")}, "", "e-0,e-0,e-0", "stay away"},
		"busy, then enough":   {[]http.HandlerFunc{status(503), status(502), status(429), says("event: a\ndata: enough\n\n")}, "a enough", "e-0,e-0,e-0,e-0", ""},
		"refused":             {[]http.HandlerFunc{says("id: e-1\ndata: 1\n\n"), status(403)}, " 1", "e-0,e-1", "403"},
		"goodbye":             {[]http.HandlerFunc{says(final)}, "goodbye " + final[len("id: e-9\nevent: goodbye\ndata: "):len(final)-2], "e-0", "Out. (kicked)"},
		"goodbye, but return": {[]http.HandlerFunc{says(strings.Replace(final, "false", "true", 1)), status(404)}, "goodbye", "e-0,e-9", "404"},
		"goodbye in no form":  {[]http.HandlerFunc{says("event: goodbye\ndata: x\n\n"), status(404)}, "goodbye x", "e-0,e-0", "404"},
		"cut before the head": {[]http.HandlerFunc{says("id: e-1\ndata: 1\n\n"), func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }}, " 1", "e-0,e-1,e-1", "stay away"},
		"never there":         {[]http.HandlerFunc{func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }}, "", "e-0", "can't be reached"},
		"moved": {[]http.HandlerFunc{func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/else", http.StatusMovedPermanently)
		}}, "", "e-0", "/else"},
	} {
		t.Run(name, func(t *testing.T) {
			got, ids, err := runFollower(t, test.handlers...)
			if text := strings.Join(got, ","); !strings.HasPrefix(text, test.got) || test.got == "" && text != "" || strings.Join(ids, ",") != test.ids {
				t.Errorf("got %q by %q, want %q by %q", got, ids, test.got, test.ids)
			}
			if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("error %v, want %q", err, test.err)
			}
		})
	}
}

// A stream that says nothing at all is dead, and is opened anew.
func TestFollowerLeavesADeadStream(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1) == 1 {
			_, _ = io.WriteString(w, "data: 1\n\n")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
			return
		}
		_, _ = io.WriteString(w, "data: 2\n\n")
	}))
	defer server.Close()
	var note bytes.Buffer
	f := newFollower(newRemote(t, server.URL), "/", nil, "", &note)
	f.retry, f.silence = time.Millisecond, 50*time.Millisecond
	err := f.run(t.Context(), func(ev gosse.Event) error {
		if ev.Data == "2" {
			return errDone
		}
		return nil
	})
	if err != nil || !strings.Contains(note.String(), "nothing arrived for 50ms; reconnecting in") {
		t.Errorf("error %v, said %q", err, note.String())
	}
}

// Retry lines are found however the reads fall, and nothing else is taken for one.
func TestPulse(t *testing.T) {
	t.Parallel()
	const text = "retry: 5\nid: retry: 7\n\ndata: " + "0123456789012345678901234567890123456789012345678901234567890\nretry:6\r\nretry: x\nretry: -1\nretry: 99999999999\ndata: retry: 8\nretry: 9"
	for _, body := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text)), iotest.HalfReader(strings.NewReader(text))} {
		var got []time.Duration
		beats := 0
		p := &pulse{body: body, beat: func() { beats++ }, retry: func(d time.Duration) { got = append(got, d) }}
		all, err := io.ReadAll(p)
		if string(all) != text || !errors.Is(err, io.ErrUnexpectedEOF) || beats == 0 {
			t.Errorf("read %q, %v, %d beats", all, err, beats)
		}
		if len(got) != 2 || got[0] != 5*time.Millisecond || got[1] != 6*time.Millisecond {
			t.Errorf("retries %v, want 5ms and 6ms", got)
		}
	}
}
