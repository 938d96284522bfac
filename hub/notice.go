package hub

import (
	"bytes"
	"slices"
	"sync"

	"rollcall/hub/eventlog"
)

// Notice is an event of the server that is not in the log, such as a list of members. Each stream receives it under
// its own position. Streams that receive the same notice should share one, because its encoding is shared, too.
type Notice struct {
	Channel string // "": for streams with WantOnline; else for the channel's streams with WantMembers
	Type    string
	Payload []byte // JSON, sent as a string
	// Version orders notices of one kind: a stream receives only notices newer than its last one.
	Version uint64

	mu    sync.Mutex // nests in nothing
	forms []*form
}

// form is a notice in one dialect, encoded once.
type form struct {
	dialect *Dialect
	frame   eventlog.Frame // all but the id
	pin     pin
}

// in returns the notice in a dialect.
func (n *Notice) in(d *Dialect) *form {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, f := range n.forms {
		if f.dialect == d {
			return f
		}
	}
	text := d.AppendNotice(nil, eventlog.Position{}, n.Channel, n.Type, n.Payload)
	f := &form{dialect: d, frame: eventlog.NewFrame(text[bytes.IndexByte(text, '\n')+1:])}
	f.pin.size = int64(len(f.frame.Chunk()) + len(n.Payload))
	n.forms = append(n.forms, f)
	return f
}

// side is the state of a stream's notices and snapshots.
type side struct {
	// For WantMembers, by slot: the version of each channel's first notice, plus 1; 0 for a channel that has had none
	// and therefore gets no others.
	channels []uint64
	lacking  int    // how many of these are 0
	online   uint64 // version of the newest notice to everybody it was given, and 1; 0 before the first
	stale    bool   // it lacks the newest notice to everybody
	asked    bool   // the owner was asked for missing notices and has not called StartNotices since
	pin      *pin   // the notices it has taken in part, or nil
}

func newSide(wants Wants, channels int) *side {
	side := &side{stale: wants&WantOnline != 0}
	if wants&WantMembers != 0 {
		side.channels, side.lacking = make([]uint64, channels), channels
	}
	return side
}

// lack notes that the stream missed a notice.
func (side *side) lack(slot int32) {
	if side.channels[slot] != 0 {
		side.channels[slot] = 0
		side.lacking++
	}
}

// Notify sends n to all streams that asked for its kind. A stream that cannot take it misses it, and its owner is
// asked for a replacement.
func (h *Hub) Notify(n *Notice) {
	for _, s := range h.shards {
		s.post(func() { s.notify(n) })
	}
}

// StartNotices answers [Refresher]: it sends a stream first notices for some of the channels that lack one, and
// perhaps the notice to everybody. From then on the stream receives newer ones; the owner is asked again about
// channels that still lack one. Before the call, nothing newer may have been passed to Notify. done, if not nil, is
// called once the notices are needed only for what the stream has taken in part.
func (c *Conn) StartNotices(notices []*Notice, done func()) {
	c.shard.post(func() {
		c.shard.startNotices(c, notices)
		if done != nil {
			done()
		}
	})
}

func (s *shard) startNotices(c *Conn, notices []*Notice) {
	if c.side == nil || c.state&ended != 0 {
		return
	}
	c.side.asked = false
	if c.catch != nil || c.state&blocked != 0 {
		c.side.stale = c.side.stale || c.wants&WantOnline != 0
		return
	}
	notices = slices.DeleteFunc(notices, func(n *Notice) bool {
		return n.Channel == "" && n.Version < c.side.online // Notify was first
	})
	if len(notices) > 0 {
		s.give(c, notices)
	}
	s.requestNotices(c)
}

// requestNotices asks the owner of a live stream for its missing notices.
func (s *shard) requestNotices(c *Conn) {
	r, ok := c.owner.(Refresher)
	if !ok || c.side.asked || c.catch != nil || c.state&(ended|blocked) != 0 || !c.side.stale && c.side.lacking == 0 {
		return
	}
	names := make([]string, 0, min(c.side.lacking, askedAtOnce))
	for i := 0; len(names) < cap(names); i++ {
		if c.side.channels[i] == 0 {
			names = append(names, c.subs[i].t.name)
		}
	}
	online := c.side.stale
	c.side.asked, c.side.stale = true, false
	r.Refresh(c, names, online)
}

// give writes notices to a live stream, each as an id of the stream's own and the shared rest. Notices that it does
// not begin to take count as missing.
func (s *shard) give(c *Conn, notices []*Notice) {
	if at := c.position(); s.idOf != at {
		s.idOf, s.id = at, eventlog.NewFrame([]byte("id: "+at.String()+"\n"))
	}
	head := c.frame(s.id)
	bufs := s.bufs[:0]
	for _, n := range notices {
		bufs = append(bufs, head, c.frame(n.in(c.dialect).frame))
	}
	taken, err := s.write(c, bufs)
	if err != nil {
		s.end(c, Gone)
		return
	}
	for i, n := range notices {
		form := n.in(c.dialect)
		body := c.frame(form.frame)
		if taken == 0 {
			s.block(c)
			for _, n := range notices[i:] {
				c.side.stale = c.side.stale || n.Channel == ""
			}
			return
		}
		s.note(c, n)
		if c.state&tapped != 0 {
			s.show(c, slices.Concat(s.id.SSE(), form.frame.SSE()))
		}
		if taken >= len(head)+len(body) {
			taken -= len(head) + len(body)
			continue
		}
		held := &form.pin
		if taken >= len(head) {
			c.rest = body[taken-len(head):]
		} else {
			c.rest = slices.Concat(head[taken:], body)
			held = &pin{size: int64(len(c.rest))}
		}
		taken = 0
		s.block(c)
		if s.retain(c, held); c.state&ended != 0 {
			return
		}
	}
}

// note notes that a stream was given a notice.
func (s *shard) note(c *Conn, n *Notice) {
	if n.Channel == "" {
		c.side.online = n.Version + 1
		return
	}
	t := s.index.topics[n.Channel]
	if t == nil || c.side.channels == nil {
		return
	}
	for i := range c.subs {
		if c.subs[i].t == t {
			if c.side.channels[i] == 0 {
				c.side.lacking--
			}
			c.side.channels[i] = n.Version + 1
			return
		}
	}
}

// position is the position that the stream has reached. Shard-owned.
func (c *Conn) position() eventlog.Position {
	seq := c.pos
	if c.catch == nil {
		seq = max(seq, c.shard.pos)
	}
	return eventlog.Position{Epoch: c.shard.hub.epoch, Seq: seq}
}

// id is the position to resume from: the stream's own, once all gaps of its start are announced. Shard-owned.
func (c *Conn) id() eventlog.Position {
	if c.state&owing != 0 {
		return c.catch.id
	}
	return c.position()
}

// notify gives n to the shard's streams. One of a channel is encoded once for all in one
// dialect that have reached the shard's position.
func (s *shard) notify(n *Notice) {
	if n.Channel == "" {
		one := []*Notice{n}
		for i := len(s.conns) - 1; i >= 0; i-- { // sending may end a stream
			c := s.conns[i]
			if c.wants&WantOnline == 0 || c.side.online > n.Version {
				continue
			}
			if c.catch != nil || c.state&blocked != 0 {
				c.side.stale = true
				continue
			}
			s.give(c, one)
		}
		return
	}
	t := s.index.topics[n.Channel]
	if t == nil {
		return
	}
	at := eventlog.Position{Epoch: s.hub.epoch, Seq: s.pos}
	var shared eventlog.Frame
	var in *Dialect // of shared
	made := false
	for i := len(t.refs) - 1; i >= 0; i-- {
		c, slot := t.refs[i].c, t.refs[i].slot
		if c.wants&WantMembers == 0 || c.side.channels[slot] == 0 || c.side.channels[slot] > n.Version {
			continue
		}
		if c.catch != nil || c.state&blocked != 0 {
			c.side.lack(slot)
			continue
		}
		if own := c.position(); own != at {
			s.send(c, c.ownFrame(c.dialect.AppendNotice(nil, own, n.Channel, n.Type, n.Payload)), nil)
			continue
		}
		if !made || in != c.dialect {
			in, made = c.dialect, true
			shared = eventlog.NewFrame(in.AppendNotice(nil, at, n.Channel, n.Type, n.Payload))
		}
		s.send(c, shared, nil)
	}
}
