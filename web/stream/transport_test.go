package stream

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"rollcall/hub"
)

// deadlineWriter notes the deadline of its connection.
type deadlineWriter struct {
	*httptest.ResponseRecorder
	deadline time.Time
}

func (w *deadlineWriter) SetWriteDeadline(at time.Time) error {
	w.deadline = at
	return nil
}

// A batch that the handler has taken when its stream is cut is not given the time to
// write that a stream has: the deadline of the cut stands.
func TestCutEndsTheWriteThatBegins(t *testing.T) {
	w := &deadlineWriter{ResponseRecorder: httptest.NewRecorder()}
	tr := newHandlerTransport(w, http.NewResponseController(w), time.Hour)
	tr.Close(true)
	if why, ok := tr.write([][]byte{[]byte("data: 1\n\n")}); ok || why.Code != hub.Gone.Code {
		t.Errorf("the write ends with %v, %v", why, ok)
	}
	if w.deadline.After(time.Now()) {
		t.Errorf("the connection has until %v", w.deadline)
	}
	if w.Body.Len() > 0 {
		t.Errorf("%q was written", w.Body)
	}
}
