package hub

import "rollcall/hub/eventlog"

// Notice is an event of the server's own beside the log, such as who is there.
// Each stream gets it under the position that it has reached.
type Notice struct {
	Channel string // "": for every stream that wants WantOnline; else for the channel's that want WantMembers
	Type    string
	Payload []byte // JSON, sent as a string
	// Version orders notices of one kind: a stream is given none that is not
	// newer than what it was given.
	Version uint64
}

// Notify gives n to the streams that asked for its kind. A stream that is behind
// misses it and is refreshed when it is live again.
func (h *Hub) Notify(n *Notice) {
	for _, s := range h.shards {
		s.post(func() { s.notify(n) })
	}
}

// Begin gives a stream its first notices of a kind, all of one version, after
// which it gets what is newer. The caller must see to it that nothing newer was
// passed to Notify before.
func (c *Conn) Begin(notices []*Notice) {
	c.shard.post(func() {
		if c.side == nil || c.state&ended != 0 {
			return
		}
		if c.catch != nil || c.state&blocked != 0 {
			c.side.stale = true
			return
		}
		var text []byte
		for _, n := range notices {
			if n.Channel == "" && n.Version < c.side.online {
				continue // Notify was first
			}
			text = eventlog.AppendNotice(text, c.reached(), n.Channel, n.Type, n.Payload)
			if n.Channel == "" {
				c.side.online = n.Version + 1
			} else {
				c.side.started, c.side.members = true, n.Version
			}
		}
		if len(text) > 0 {
			c.shard.send(c, c.own(text), nil)
		}
	})
}

// reached is the position that the stream has reached. Shard-owned.
func (c *Conn) reached() eventlog.Position {
	seq := c.pos
	if c.catch == nil {
		seq = max(seq, c.shard.pos)
	}
	return eventlog.Position{Epoch: c.shard.hub.epoch, Seq: seq}
}

// notify gives n to the shard's streams, encoded once for all that have reached
// the shard's position.
func (s *shard) notify(n *Notice) {
	var shared eventlog.Frame
	made := false
	send := func(c *Conn) {
		if c.catch != nil || c.state&blocked != 0 {
			c.side.stale, c.side.started = true, false
			return
		}
		if n.Channel == "" {
			c.side.online = n.Version + 1
		}
		if at := c.reached(); at.Seq != s.pos {
			s.send(c, c.own(eventlog.AppendNotice(nil, at, n.Channel, n.Type, n.Payload)), nil)
			return
		} else if !made {
			shared, made = eventlog.NewFrame(eventlog.AppendNotice(nil, at, n.Channel, n.Type, n.Payload)), true
		}
		s.send(c, shared, nil)
	}
	if n.Channel == "" {
		for i := len(s.conns) - 1; i >= 0; i-- { // sending may end a stream
			if c := s.conns[i]; c.wants&WantOnline != 0 && c.side.online <= n.Version {
				send(c)
			}
		}
		return
	}
	t := s.index[n.Channel]
	if t == nil {
		return
	}
	for i := len(t.refs) - 1; i >= 0; i-- {
		if c := t.refs[i].c; c.wants&WantMembers != 0 && c.side.started && c.side.members < n.Version {
			send(c)
		}
	}
}
