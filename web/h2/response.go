package h2

import (
	"net/http"
	"os"
	"strconv"
	"time"

	"golang.org/x/net/http2"

	"rollcall/hub"
)

// response is the [http.ResponseWriter] of a request. It is the handler's, but for SetReadDeadline and SetWriteDeadline, which are
// safe for concurrent use.
type response struct {
	s        *stream
	header   http.Header
	bodyless bool // by the request's method or the answer's status
	status   int  // 0 before WriteHeader
	begun    bool // the header was handed over
	taken    bool // the hub has the stream
	length   int  // written by the handler
	buf      []byte
	err      error
	deadline deadline
}

func newResponse(s *stream, bodyless bool) *response {
	w := &response{s: s, header: make(http.Header), bodyless: bodyless}
	w.deadline.set(time.Now().Add(s.c.srv.timeouts.request))
	return w
}

// Header implements [http.ResponseWriter].
func (w *response) Header() http.Header { return w.header }

// WriteHeader implements [http.ResponseWriter].
func (w *response) WriteHeader(status int) {
	switch {
	case status < 100 || status > 999:
		panic("invalid status " + strconv.Itoa(status))
	case w.status != 0 || w.taken:
	case status >= 200 || status == http.StatusSwitchingProtocols:
		w.status = status
		w.bodyless = w.bodyless || status == http.StatusNoContent || status == http.StatusNotModified
	default:
		_ = w.hand(&piece{head: headerBlock(status, w.header)})
	}
}

// Write implements [http.ResponseWriter].
func (w *response) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.taken {
		return 0, http.ErrHijacked
	}
	w.length += len(p)
	if w.bodyless {
		if w.status == http.StatusNoContent || w.status == http.StatusNotModified {
			return 0, http.ErrBodyNotAllowed
		}
		return len(p), nil
	}
	for rest := p; len(rest) > 0; {
		if len(w.buf) == pieceBytes {
			if err := w.flush(false); err != nil {
				return len(p) - len(rest), err
			}
		}
		n := min(len(rest), pieceBytes-len(w.buf))
		w.buf = append(w.buf, rest[:n]...)
		rest = rest[n:]
	}
	return len(p), nil
}

// WriteString implements [io.StringWriter].
func (w *response) WriteString(s string) (int, error) { return w.Write([]byte(s)) }

// Flush implements [http.Flusher].
func (w *response) Flush() { _ = w.FlushError() }

// FlushError is Flush, with its error.
func (w *response) FlushError() error {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	return w.flush(false)
}

// flush hands over what was written, behind the header.
func (w *response) flush(end bool) error {
	if w.err != nil || w.taken || w.begun && len(w.buf) == 0 && !end {
		return w.err
	}
	p := &piece{data: w.buf, end: end}
	if !w.begun {
		w.complete(end)
		p.head, w.begun = headerBlock(w.status, w.header), true
	}
	err := w.hand(p)
	w.buf = w.buf[:0]
	return err
}

// complete adds the header fields that a server adds.
func (w *response) complete(end bool) {
	h := w.header
	if _, ok := h["Date"]; !ok {
		h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	}
	if _, ok := h["Content-Length"]; !ok && end && w.length > 0 {
		h.Set("Content-Length", strconv.Itoa(w.length))
	}
	if _, ok := h["Content-Type"]; !ok && len(w.buf) > 0 && h.Get("Content-Encoding") == "" {
		h.Set("Content-Type", http.DetectContentType(w.buf))
	}
}

// hand hands a piece over and waits until it is written, or the deadline comes. After an error there are no more.
func (w *response) hand(p *piece) error {
	if w.err != nil {
		return w.err
	}
	p.done = make(chan error, 1)
	s := w.s
	s.c.link.Post(func() { s.put(p) })
	written, ok := wait(&w.deadline, p.done)
	if !ok {
		s.c.link.Post(func() { s.abort(http2.ErrCodeCancel) })
		<-p.done // the piece is the handler's again
		written = os.ErrDeadlineExceeded
	}
	w.err = written
	return w.err
}

// SetWriteDeadline is for [http.ResponseController]. At the deadline a write that waits fails, and the stream ends.
func (w *response) SetWriteDeadline(at time.Time) error {
	w.deadline.set(at)
	return nil
}

// SetReadDeadline is for [http.ResponseController].
func (w *response) SetReadDeadline(at time.Time) error {
	if w.s.body != nil {
		w.s.body.deadline.set(at)
	}
	return nil
}

// EnableFullDuplex is for [http.ResponseController]. It always is.
func (w *response) EnableFullDuplex() error { return nil }

// Take makes the answer a stream of a hub, if it is the hub of the connection and nothing was written yet. The handler then
// attaches the stream and returns.
func (w *response) Take(to *hub.Hub) (hub.Transport, bool) {
	if w.status != 0 || w.err != nil || w.bodyless || w.s.c.link.Hub() != to {
		return nil, false
	}
	w.complete(false)
	w.taken = true
	return w.s.take(w.header), true
}

// finish ends the answer after the handler.
func (w *response) finish() {
	if w.taken {
		return
	}
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if n := w.header.Get("Content-Length"); n != "" && !w.bodyless && n != strconv.Itoa(w.length) {
		w.s.c.link.Post(func() { w.s.abort(http2.ErrCodeInternal) })
		return
	}
	_ = w.flush(true) // nobody is left to hear of it
}
