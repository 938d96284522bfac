package h2

import (
	"io"
	"net/http"
	"os"
	"sync"
	"time"
)

// body is a request's body. Its methods are safe for concurrent use, but for Read.
type body struct {
	s        *stream
	deadline deadline
	more     chan struct{} // capacity one

	mu        sync.Mutex
	continues bool   // 100 Continue is expected
	arrived   []byte // and not read
	err       error  // behind what has arrived
	closed    bool   // nothing will be read
}

func newBody(s *stream, continues bool) *body {
	b := &body{s: s, more: make(chan struct{}, 1), continues: continues}
	b.deadline.set(time.Now().Add(s.c.srv.timeouts.request))
	return b
}

// arrive adds what has arrived. It reports false if nobody will read it.
func (b *body) arrive(p []byte) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	b.arrived = append(b.arrived, p...)
	b.wake()
	return true
}

// end notes that nothing more will arrive; nil is the body's proper end.
func (b *body) end(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err == nil {
		b.err = io.EOF
	} else {
		b.err, b.arrived = err, nil
	}
	b.wake()
}

func (b *body) wake() {
	select {
	case b.more <- struct{}{}:
	default:
	}
}

// Read implements [io.Reader].
func (b *body) Read(p []byte) (int, error) {
	for {
		n, err := b.take(p)
		if n > 0 {
			b.s.c.link.Post(func() { b.s.read(int64(n)) })
			return n, nil
		}
		if err != nil || len(p) == 0 {
			return 0, err
		}
		if _, ok := wait(&b.deadline, b.more); !ok {
			return 0, os.ErrDeadlineExceeded
		}
	}
}

// take copies what has arrived. It returns neither bytes nor an error if there is nothing yet.
func (b *body) take(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return 0, http.ErrBodyReadAfterClose
	}
	n := copy(p, b.arrived)
	if b.arrived = b.arrived[n:]; len(b.arrived) == 0 {
		b.arrived = nil
	}
	if n > 0 {
		return n, nil
	}
	if b.err == nil && b.continues {
		b.continues = false
		s := b.s
		s.c.link.Post(func() {
			if !s.closed {
				s.c.writeHeaders(s.id, headerBlock(http.StatusContinue, nil), false)
			}
		})
	}
	return 0, b.err
}

// Close implements [io.Closer].
func (b *body) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.closed = true
		n := len(b.arrived)
		b.arrived = nil
		b.s.c.link.Post(func() { b.s.read(int64(n)) })
		b.wake()
	}
	return nil
}
