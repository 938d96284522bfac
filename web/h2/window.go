package h2

import "golang.org/x/net/http2"

// resize sets the window of streams to begin with, also of those that have (RFC 9113, section 6.9.2).
func (c *conn) resize(initial int64) error {
	for _, s := range c.streams {
		if s.room += initial - c.initial; s.room > maxWindow {
			return http2.ConnectionError(http2.ErrCodeFlowControl)
		}
	}
	c.initial = initial
	return nil
}

// windowUpdate gives the connection or a stream more room.
func (c *conn) windowUpdate(f *http2.WindowUpdateFrame) {
	if !c.spend(1) {
		return
	}
	if f.StreamID == 0 {
		if c.room += int64(f.Increment); c.room > maxWindow {
			c.fail(http2.ErrCodeFlowControl, "the window is too large")
			return
		}
		c.proceed()
		return
	}
	s := c.streams[f.StreamID]
	switch {
	case c.isIdle(f.StreamID):
		c.fail(http2.ErrCodeProtocol, "WINDOW_UPDATE of an idle stream")
	case s == nil:
	case s.room+int64(f.Increment) > maxWindow:
		c.reset(f.StreamID, http2.ErrCodeFlowControl)
	default:
		s.room += int64(f.Increment)
		s.proceed()
	}
}

// proceed goes on with the streams that waited for room.
func (c *conn) proceed() {
	if c.waiting == 0 || c.room <= 0 {
		return
	}
	for _, s := range c.streams {
		if s.proceed(); c.room <= 0 || c.link.Room() == 0 {
			return
		}
	}
}

// data takes DATA.
func (c *conn) data(f *http2.DataFrame) {
	size := int64(f.Length) // padding counts, too
	if c.isIdle(f.StreamID) {
		c.fail(http2.ErrCodeProtocol, "DATA of an idle stream")
		return
	}
	if c.unread += size; c.unread+c.returned > connWindow {
		c.fail(http2.ErrCodeFlowControl, "more DATA than there is room for")
		return
	}
	s := c.streams[f.StreamID]
	if s == nil || s.heard {
		c.giveBack(size)
		c.reset(f.StreamID, http2.ErrCodeStreamClosed)
		return
	}
	data := f.Data()
	if len(data) == 0 && !f.StreamEnded() && !c.spend(1) {
		return
	}
	s.unread += size
	switch {
	case s.unread+s.returned > streamWindow:
		c.giveBack(size)
		s.unread -= size
		c.reset(s.id, http2.ErrCodeFlowControl)
		return
	case s.length >= 0 && int64(len(data)) > s.length, s.length > int64(len(data)) && f.StreamEnded():
		c.reset(s.id, http2.ErrCodeProtocol)
		return
	}
	if s.length >= 0 {
		s.length -= int64(len(data))
	}
	if padding := size - int64(len(data)); padding > 0 {
		s.read(padding)
	}
	if len(data) > 0 && (s.body == nil || !s.body.arrive(data)) {
		s.read(int64(len(data)))
	}
	if f.StreamEnded() {
		s.hear()
	}
}

// giveBack gives the peer new room for n bytes of bodies, once it is worth a frame.
func (c *conn) giveBack(n int64) {
	c.unread -= n
	if c.returned += n; c.returned >= connWindow/4 {
		n, c.returned = c.returned, 0
		c.write(func(fr *http2.Framer) error { return fr.WriteWindowUpdate(0, uint32(n)) })
	}
}

// read gives the peer new room for n bytes of the body, which were read.
func (s *stream) read(n int64) {
	if s.closed {
		return // close has done so
	}
	s.unread -= n
	s.c.giveBack(n)
	if s.returned += n; !s.heard && s.returned >= streamWindow/4 {
		n, s.returned = s.returned, 0
		s.c.write(func(fr *http2.Framer) error { return fr.WriteWindowUpdate(s.id, uint32(n)) })
	}
}
