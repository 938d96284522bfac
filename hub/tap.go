package hub

import (
	"slices"

	"rollcall/hub/eventlog"
)

// SendEvent sends one stream an event that is not in the log: make returns it as whole SSE lines for the stream's
// position and dialect. A stream that is behind does not receive it. The shard's goroutine calls told with the result;
// told must not block.
func (c *Conn) SendEvent(make func(at eventlog.Position, d *Dialect) []byte, told func(bool)) {
	c.shard.post(func() {
		ok := c.state&(ended|blocked) == 0 && c.catch == nil && len(c.rest) == 0
		if ok {
			c.shard.send(c, c.ownFrame(make(c.position(), c.dialect)), nil)
			ok = c.state&ended == 0
		}
		told(ok)
	})
}

// Tap has f see everything that the stream is given from now on: one or several
// whole SSE events at a time, shared bytes that never change; nil when the stream
// has ended, after which nothing follows. f is called by the shard's goroutine and
// must not block. stop ends it; f may be called once more meanwhile.
func (c *Conn) Tap(f func(sse []byte)) (stop func()) {
	t := &f
	s := c.shard
	s.post(func() {
		if c.state&ended != 0 {
			f(nil)
			return
		}
		s.tap(c, t)
	})
	return func() {
		s.post(func() {
			if left := slices.DeleteFunc(s.taps[c], func(other *func([]byte)) bool { return other == t }); len(left) > 0 {
				s.taps[c] = left
			} else {
				delete(s.taps, c)
				c.state &^= tapped
			}
		})
	}
}

// tap adds a tap on a stream.
func (s *shard) tap(c *Conn, f *func([]byte)) {
	if s.taps == nil {
		s.taps = make(map[*Conn][]*func([]byte))
	}
	s.taps[c] = append(s.taps[c], f)
	c.state |= tapped
}

// show passes written bytes to the stream's taps.
func (s *shard) show(c *Conn, sse []byte) {
	for _, f := range s.taps[c] {
		(*f)(sse)
	}
}

// untap notifies a stream's taps that it has ended.
func (s *shard) untap(c *Conn) {
	s.show(c, nil)
	delete(s.taps, c)
	c.state &^= tapped
}

// Shed ends about n streams, spread over the shards, for the given reason. It
// returns at once.
func (h *Hub) Shed(n int, why Reason) {
	start := int(h.shed.Add(1) % uint32(len(h.shards)))
	for i, s := range h.shards {
		share := n / len(h.shards)
		if (i+start)%len(h.shards) < n%len(h.shards) {
			share++
		}
		s.post(func() {
			for ; share > 0 && len(s.conns) > 0; share-- {
				s.end(s.conns[len(s.conns)-1], why)
			}
		})
	}
}
