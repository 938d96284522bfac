package hub

import "sync/atomic"

// pin counts the streams that have taken something large in part, and so hold all of it
// in memory until they have taken the rest.
type pin struct {
	size    int64 // static once a stream has it
	streams atomic.Int64
}

// retain records that the stream has taken p in part. If the hub's limit is exceeded, the stream ends and its client
// reconnects.
func (s *shard) retain(c *Conn, p *pin) {
	s.release(c)
	c.side.pin = p
	if p.streams.Add(1) == 1 && s.hub.held.Add(p.size) > s.hub.maxHeld {
		s.end(c, crowded)
	}
}

// release notes that the stream has taken the rest, or never will.
func (s *shard) release(c *Conn) {
	if c.side == nil || c.side.pin == nil {
		return
	}
	if p := c.side.pin; p.streams.Add(-1) == 0 {
		s.hub.held.Add(-p.size)
	}
	c.side.pin = nil
}

// Held returns how many bytes of snapshots and lists are held for streams that have taken
// them in part.
func (h *Hub) Held() int64 { return h.held.Load() }

// MaxHeld returns how many bytes may be held; see [Options.MaxHeld].
func (h *Hub) MaxHeld() int64 { return h.maxHeld }
