package livepage_test

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/web/livepage"
)

// client is a ResponseWriter that takes note of deadlines, and fails when it is gone.
type client struct {
	*httptest.ResponseRecorder
	deadlines []time.Time
	gone      error
}

func newClient() *client { return &client{ResponseRecorder: httptest.NewRecorder()} }

func (c *client) SetWriteDeadline(at time.Time) error {
	c.deadlines = append(c.deadlines, at)
	return nil
}

func (c *client) FlushError() error {
	if c.gone == nil {
		c.Flush()
	}
	return c.gone
}

func (c *client) writer(t *testing.T) *livepage.Writer {
	t.Helper()
	w, err := livepage.NewWriter(c)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient()
		w := c.writer(t)
		for _, err := range []error{
			w.Patch("", []byte(`[1]`)),
			w.Patch("a-1", []byte(`[2]`)),
			w.Patch("a-2", nil),
			w.Expire(`So says "ada".`),
		} {
			if err != nil {
				t.Error(err)
			}
		}
		want := "retry: 1000\n\nevent: beat\ndata: {\"every\":5000}\n\n" +
			"event: patch\ndata: [1]\n\n" +
			"id: a-1\nevent: patch\ndata: [2]\n\n" +
			"event: expired\ndata: {\"reason\":\"So says \\\"ada\\\".\"}\n\n"
		if got := c.Body.String(); got != want {
			t.Errorf("the stream is\n%q, want\n%q", got, want)
		}
		if kind := c.Header().Get("Content-Type"); kind != "text/event-stream; charset=utf-8" || !c.Flushed {
			t.Errorf("%s, flushed: %v", kind, c.Flushed)
		}
		for i, at := range c.deadlines { // one for each write, then none
			if wanted := time.Now().Add(livepage.WriteTimeout); i%2 == 0 && !at.Equal(wanted) || i%2 == 1 && !at.IsZero() {
				t.Errorf("deadline %d is %v", i, at)
			}
		}
		if len(c.deadlines) != 8 {
			t.Errorf("%d deadlines, want 8", len(c.deadlines))
		}
	})
}

func TestRunKeepsThePace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
		defer cancel()
		c, began := newClient(), time.Now()
		w := c.writer(t)
		var last time.Time
		n := 0
		err := w.Run(ctx, func(context.Context) error {
			if n++; n == 1 && time.Since(began) != 0 || n > 1 && time.Since(last) < livepage.Interval {
				t.Errorf("update %d comes %v after the one before", n, time.Since(last))
			}
			if n%2 == 0 && n < 10 {
				time.Sleep(300 * time.Millisecond) // of fake time
			}
			last = time.Now()
			return nil
		})
		if !errors.Is(err, context.DeadlineExceeded) || n < 70 || n > 81 {
			t.Errorf("after %d updates: %v", n, err)
		}
		if beats := strings.Count(c.Body.String(), "event: beat\n"); beats != 1+40/5-1 {
			t.Errorf("%d beats in 40 s", beats)
		}
	})
}

func TestWriterOfAClientThatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient()
		w := c.writer(t)
		c.gone = errors.New("gone")
		n := 0
		err := w.Run(t.Context(), func(context.Context) error {
			n++
			_ = w.Patch("", []byte(`[]`))
			return w.Patch("", nil)
		})
		if !errors.Is(err, c.gone) || n != 1 {
			t.Errorf("after %d updates: %v", n, err)
		}
		if err := w.Run(t.Context(), func(context.Context) error { return http.ErrBodyNotAllowed }); !errors.Is(err, http.ErrBodyNotAllowed) {
			t.Errorf("an update's error comes as %v", err)
		}
		quiet := newClient()
		w = quiet.writer(t)
		quiet.gone = c.gone
		if err := w.Run(t.Context(), func(context.Context) error { return nil }); !errors.Is(err, c.gone) {
			t.Errorf("a heartbeat that fails comes as %v", err)
		}
	})
}

// TestWriterOverHTTP reads a stream from a real server and leaves.
func TestWriterOverHTTP(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w, err := livepage.NewWriter(rw)
		if err == nil {
			err = w.Run(r.Context(), func(context.Context) error { return w.Patch("", []byte(`[]`)) })
		}
		ended <- err
	}))
	defer srv.Close()
	resp, err := srv.Client().Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() && lines.Text() != "data: []" {
	}
	resp.Body.Close()
	if err := <-ended; err == nil || lines.Err() != nil {
		t.Errorf("the handler ended with %v, the client with %v", err, lines.Err())
	}
}
