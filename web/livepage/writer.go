package livepage

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

const (
	// Interval is the least time between two updates of a page.
	Interval = 500 * time.Millisecond
	// Heartbeat is the longest time without an event on a stream. The page is told, and takes a longer silence for a
	// loss that it was not told of.
	Heartbeat = 5 * time.Second
	// WriteTimeout is how long a client may take to accept a write.
	WriteTimeout = 10 * time.Second
)

// retry is how long a page waits, in ms, before it reconnects by itself.
const retry = "retry: 1000\n\n"

// Writer writes a page's event stream. It is for the handler's goroutine. A failed write is final:
// the client is gone or takes nothing, and every later call returns the same error.
type Writer struct {
	w     http.ResponseWriter
	rc    *http.ResponseController
	event []byte // the one being put together
	wrote time.Time
	err   error
}

// NewWriter answers a request with a stream. To learn of a failed flush, w must have FlushError or
// unwrap to one that has, as net/http's own.
func NewWriter(w http.ResponseWriter) (*Writer, error) {
	s := &Writer{w: w, rc: http.NewResponseController(w)}
	Head(w.Header())
	_ = s.rc.SetReadDeadline(time.Time{})
	return s, s.write(append([]byte(retry), beat...))
}

// Head sets the head of a page's event stream.
func Head(h http.Header) {
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would hold events back
}

// beat is the event of a stream on which nothing else happens; every is the heartbeat in ms.
var beat = fmt.Appendf(nil, "event: beat\ndata: {\"every\":%d}\n\n", Heartbeat.Milliseconds())

// Patch sends a patch; nil sends nothing. The id, which must have no line end in it, is the page's Last-Event-ID when
// it reconnects; "" keeps the previous one.
func (s *Writer) Patch(id string, patch []byte) error {
	if patch == nil {
		return s.err
	}
	s.event = s.event[:0]
	if id != "" {
		s.event = append(append(append(s.event, "id: "...), id...), '\n')
	}
	return s.send("patch", patch)
}

// Expire reports the end of the session to the page, with a sentence that says why. The handler returns then.
func (s *Writer) Expire(reason string) error {
	s.event = s.event[:0]
	return s.send("expired", append(quote([]byte(`{"reason":`), reason), '}'))
}

// send completes s.event and writes it.
func (s *Writer) send(kind string, data []byte) error {
	s.event = append(append(s.event, "event: "...), kind...)
	s.event = append(append(s.event, "\ndata: "...), data...)
	s.event = append(s.event, "\n\n"...)
	return s.write(s.event)
}

func (s *Writer) write(b []byte) error {
	if s.err != nil {
		return s.err
	}
	s.wrote = time.Now()
	err := s.rc.SetWriteDeadline(s.wrote.Add(WriteTimeout))
	if err == nil || errors.Is(err, http.ErrNotSupported) {
		_, err = s.w.Write(b)
	}
	if err == nil {
		err = s.rc.Flush()
	}
	if err == nil {
		_ = s.rc.SetWriteDeadline(time.Time{}) // over HTTP/2 it ends a stream that has nothing to write, too
	}
	s.err = err
	return err
}

// Run calls update at once and then again and again, each [Interval] after the one before has
// returned, and keeps the stream alive while nothing is written. It returns the first error of
// update or of a write, or the context's when that is done.
func (s *Writer) Run(ctx context.Context, update func(context.Context) error) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		}
		if err := update(ctx); err != nil {
			return err
		}
		if time.Since(s.wrote) >= Heartbeat {
			if err := s.write(beat); err != nil {
				return err
			}
		}
		timer.Reset(Interval)
	}
}
