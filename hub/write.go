package hub

import "rollcall/hub/eventlog"

// flush writes the pending records of a live stream.
func (s *shard) flush(c *Conn) {
	out := c.out
	c.out, c.touched = nil, false
	if c.state&blocked != 0 {
		s.fallBehind(c, out[0].Seq-1)
	} else {
		s.send(c, eventlog.Frame{}, out)
	}
	clear(out)
	s.spare = append(s.spare, out[:0])
}

// send writes the stream's rest, then events of its own, then records, and reports whether all of it was taken.
// Otherwise the stream keeps its own events, the rest of one frame and its position.
func (s *shard) send(c *Conn, own eventlog.Frame, recs []*eventlog.Record) bool {
	text := c.frame(own)
	if c.state&tapped != 0 && len(text) > 0 {
		s.show(c, own.SSE())
	}
	bufs, size := s.gather(c, text, recs)
	n, err := s.write(c, bufs)
	if err != nil {
		if len(recs) > 0 {
			s.fallBehind(c, recs[0].First()-1) // its position then says so
		}
		s.end(c, Gone)
		return false
	}
	if n < size {
		s.block(c)
		s.settle(c, text, recs, n)
		return false
	}
	c.rest = nil
	s.count(c, recs)
	return true
}

// gather lists the buffers that send writes, and returns their total size.
func (s *shard) gather(c *Conn, text []byte, recs []*eventlog.Record) (bufs [][]byte, size int) {
	bufs, size = s.bufs[:0], len(c.rest)+len(text)
	if len(c.rest) > 0 {
		bufs = append(bufs, c.rest)
	}
	if len(text) > 0 {
		bufs = append(bufs, text)
	}
	for _, r := range recs {
		b := c.frame(s.frameOf(c, r))
		bufs = append(bufs, b)
		size += len(b)
	}
	return bufs, size
}

// write gives bufs, which may be s.bufs, to a stream's transport.
func (s *shard) write(c *Conn, bufs [][]byte) (taken int, err error) {
	taken, err = c.t.Write(bufs)
	clear(bufs)
	s.bufs = bufs[:0]
	if taken > 0 {
		c.wrote = s.wheel.now
		s.countBytes(c, taken)
	}
	return taken, err
}

// settle accounts for the n bytes that the transport took, and makes the stream keep the rest.
func (s *shard) settle(c *Conn, text []byte, recs []*eventlog.Record, n int) {
	if own := len(c.rest) + len(text); n < own {
		if n < len(c.rest) {
			c.rest = append(c.rest[n:len(c.rest):len(c.rest)], text...)
		} else {
			c.rest = text[n-len(c.rest):]
		}
		if len(recs) > 0 {
			s.fallBehind(c, recs[0].First()-1)
		}
		return
	}
	n -= len(c.rest) + len(text)
	c.rest = nil
	for i, r := range recs {
		b := c.frame(s.frameOf(c, r))
		switch {
		case n >= len(b):
			n -= len(b)
		case n == 0:
			s.count(c, recs[:i])
			s.fallBehind(c, r.First()-1)
			return
		default: // a frame taken in part counts as given: its rest goes out first
			c.rest = b[n:]
			s.count(c, recs[:i+1])
			s.fallBehind(c, r.Seq)
			return
		}
	}
}

// count notes records as given.
func (s *shard) count(c *Conn, recs []*eventlog.Record) {
	if len(recs) > 0 {
		c.pos = recs[len(recs)-1].Seq
		c.events.Store(c.events.Load() + uint64(len(recs)))
		s.counts.events += uint64(len(recs))
		if c.state&tapped != 0 {
			for _, r := range recs {
				if text := s.frameOf(c, r).SSE(); len(text) > 0 {
					s.show(c, text)
				}
			}
		}
	}
}

// countBytes notes bytes as taken.
func (s *shard) countBytes(c *Conn, n int) {
	c.bytes.Store(c.bytes.Load() + uint64(n))
	s.counts.bytes += uint64(n)
}

// block notes that the transport takes nothing more until it calls Ready.
func (s *shard) block(c *Conn) {
	c.state |= blocked
	c.waits.Store(true)
	c.stuck = s.wheel.now
	if c.state&listed == 0 {
		c.state |= listed
		s.stuck = append(s.stuck, c)
	}
}
