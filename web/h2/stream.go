package h2

import (
	"context"
	"errors"
	"net/http"

	"golang.org/x/net/http2"

	"rollcall/hub"
)

// stream is a request and its answer, or the events that are the answer. All fields and methods are the shard's but for
// those that say otherwise.
type stream struct {
	c      *conn // static
	id     uint32
	heard  bool // everything of the request has arrived
	closed bool
	waits  bool // for room, here or in the link

	room             int64 // bytes of DATA that the peer takes
	unread, returned int64 // of the body, see conn
	length           int64 // of the body, -1 if it is unknown
	body             *body // nil without one
	cancel           context.CancelFunc

	piece  *piece    // of the answer, not written yet
	head   []byte    // of events, until they begin; static before
	events *hub.Conn // nil of a request
}

var _ hub.Linked = (*stream)(nil)

// piece is a part of an answer, which a handler waits to be written.
type piece struct {
	head []byte // a header block, or nil
	data []byte
	end  bool
	done chan error // capacity one
}

// errClosed is the error of a stream that the client or the server has ended.
var errClosed = errors.New("the HTTP/2 stream is closed")

// hear notes the end of the request.
func (s *stream) hear() {
	if s.length > 0 {
		s.c.reset(s.id, http2.ErrCodeProtocol)
		return
	}
	s.heard = true
	if s.body != nil {
		s.body.end(nil)
	}
}

// put has a piece of the answer written.
func (s *stream) put(p *piece) {
	if s.closed {
		p.done <- errClosed
		return
	}
	s.piece = p
	s.proceed()
}

// proceed writes what waits, as far as there is room.
func (s *stream) proceed() {
	if s.events != nil && s.waits && s.free(1) > 0 {
		s.wait(false)
		s.events.Ready()
	}
	p := s.piece
	if p == nil {
		return
	}
	if p.head != nil {
		s.c.writeHeaders(s.id, p.head, p.end && len(p.data) == 0)
		p.head = nil
		if len(p.data) == 0 {
			s.written(p)
			return
		}
	}
	for len(p.data) > 0 || p.end {
		n := s.free(len(p.data))
		if n == 0 && len(p.data) > 0 {
			s.wait(true)
			return
		}
		end := p.end && n == len(p.data)
		s.beginData(n, end)
		s.c.link.Write(p.data[:n])
		if p.data = p.data[n:]; end {
			break
		}
	}
	s.written(p)
}

// written notes that a piece was written.
func (s *stream) written(p *piece) {
	s.wait(false)
	s.piece = nil
	p.done <- nil
	if p.end {
		s.end()
	}
}

// free returns how many of n bytes can be written in one frame now.
func (s *stream) free(n int) int {
	return int(max(min(int64(n), maxFrame, s.room, s.c.room, int64(s.c.link.Room())), 0))
}

// beginData writes the header of a DATA frame, whose n bytes the caller writes. The client may answer it with WINDOW_UPDATE.
func (s *stream) beginData(n int, end bool) {
	s.c.link.Write(appendData(make([]byte, 0, frameHeader), s.id, n, end))
	s.room -= int64(n)
	s.c.room -= int64(n)
	s.c.credit.left += 2
}

// wait notes whether the stream waits for room.
func (s *stream) wait(waits bool) {
	if s.waits == waits {
		return
	}
	s.waits = waits
	if waits {
		s.c.waiting++
	} else {
		s.c.waiting--
	}
}

// end closes the stream after the last frame of its answer.
func (s *stream) end() {
	if !s.heard { // the rest of the request is not wanted (RFC 9113, section 8.1)
		s.c.write(func(fr *http2.Framer) error { return fr.WriteRSTStream(s.id, http2.ErrCodeNo) })
	}
	s.close()
}

// abort ends the stream at once.
func (s *stream) abort(code http2.ErrCode) {
	if !s.closed {
		s.c.write(func(fr *http2.Framer) error { return fr.WriteRSTStream(s.id, code) })
		s.close()
	}
}

// close forgets the stream, whose end is written or has arrived.
func (s *stream) close() {
	if s.closed {
		return
	}
	s.wait(false)
	s.closed = true
	delete(s.c.streams, s.id)
	if s.cancel != nil {
		s.cancel()
	}
	if p := s.piece; p != nil {
		s.piece = nil
		p.done <- errClosed
	}
	if s.body != nil {
		s.body.end(errClosed)
		s.c.giveBack(s.unread)
	}
	if s.events != nil {
		s.events.Lost()
	}
	s.c.changed()
}

// handled notes that the handler has returned.
func (s *stream) handled() {
	s.c.running--
	s.cancel()
	s.cancel, s.body = nil, nil
}

// Link implements [hub.Linked].
func (s *stream) Link() *hub.Link { return s.c.link }

// Chunked implements [hub.Transport].
func (s *stream) Chunked() bool { return false }

// Open implements [hub.Transport].
func (s *stream) Open(c *hub.Conn) {
	s.events = c
	head := s.head
	s.head = nil
	if s.closed {
		c.Lost()
		return
	}
	s.c.writeHeaders(s.id, head, false)
}

// Write implements [hub.Transport].
func (s *stream) Write(bufs [][]byte) (total int, err error) {
	if s.closed {
		return 0, errClosed
	}
	size := 0
	for _, b := range bufs {
		size += len(b)
	}
	at := 0 // within the first buffer
	for total < size {
		n := s.free(size - total)
		if n == 0 {
			s.wait(true)
			break
		}
		s.beginData(n, false)
		for left := n; left > 0; {
			part := bufs[0][at:min(at+left, len(bufs[0]))]
			s.c.link.Write(part)
			left -= len(part)
			if at += len(part); at == len(bufs[0]) {
				bufs, at = bufs[1:], 0
			}
		}
		total += n
	}
	return total, nil
}

// Close implements [hub.Transport].
func (s *stream) Close(cut bool) {
	s.events = nil
	s.c.srv.opts.Streams(-1)
	switch {
	case s.closed:
	case cut:
		s.abort(http2.ErrCodeCancel)
	default:
		s.c.link.Write(appendData(make([]byte, 0, frameHeader), s.id, 0, true))
		s.end()
	}
}

// take makes the answer a stream of events. It is the handler's.
func (s *stream) take(head http.Header) hub.Linked {
	s.head = headerBlock(http.StatusOK, head)
	s.c.srv.opts.Streams(1)
	return s
}
