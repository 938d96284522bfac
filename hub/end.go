package hub

import "rollcall/hub/eventlog"

// end ends a stream, with a goodbye if it can be written.
func (s *shard) end(c *Conn, why Reason) {
	if c.state&ended != 0 {
		return
	}
	c.state |= ended
	cut := true
	if c.state&blocked == 0 && why.Code != Gone.Code {
		bye := eventlog.NewFrame(c.dialect.AppendGoodbye(nil, c.id(), why))
		if c.state&tapped != 0 {
			s.show(c, bye.SSE())
		}
		bufs := [][]byte{c.rest, c.frame(bye), nil}
		if c.chunked {
			bufs[2] = lastChunk
		}
		n, err := c.t.Write(bufs)
		s.countBytes(c, n)
		cut = err != nil || n < len(bufs[0])+len(bufs[1])+len(bufs[2])
	}
	if c.state&tapped != 0 {
		s.untap(c)
	}
	if s.counts.ends == nil {
		s.counts.ends = make(map[string]uint64)
	}
	s.counts.ends[why.Code]++
	s.index.remove(c)
	s.clients.remove(c)
	s.wheel.remove(c)
	last := s.conns[len(s.conns)-1]
	s.conns[c.at], last.at = last, c.at
	s.conns[len(s.conns)-1] = nil
	s.conns = s.conns[:len(s.conns)-1]
	at := c.position().Seq
	if len(c.rest) > 0 && at > 0 { // of an event that was taken in part
		at--
	}
	c.given.Store(at + 1) // for good, wherever the shard goes
	if c.catch != nil {
		c.catch.dropOlder()
	}
	c.catch, c.rest = nil, nil
	s.release(c)
	c.t.Close(cut)
	c.owner.Ended(c, why)
	s.hub.release()
}

// endAll ends every stream there is and every one that comes.
func (s *shard) endAll(why Reason) {
	s.leaving = &why
	for i := len(s.conns) - 1; i >= 0; i-- {
		// A stream that is blocked may yet take the rest and its goodbye.
		if c := s.conns[i]; c.state&blocked == 0 {
			s.end(c, why)
		}
	}
}

// cutAll ends every stream there is at once.
func (s *shard) cutAll() {
	if s.leaving == nil {
		s.leaving = &Draining
	}
	for len(s.conns) > 0 {
		c := s.conns[len(s.conns)-1]
		c.state |= blocked
		s.end(c, *s.leaving)
	}
}
