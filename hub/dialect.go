package hub

import "rollcall/hub/eventlog"

// Dialect is another form of the log's events for streams that do not get their frames
// as they are. Everything else of a stream stays: its order, its resumption, gaps and
// goodbye. It has no lastEvent. A Dialect is shared by streams and never changes.
type Dialect struct {
	// Render appends r as whole SSE events with the id at to dst, or nothing for a record that the dialect ignores.
	// Shards' goroutines call it, about once per record and shard; the result must depend only on the arguments.
	Render func(dst []byte, at eventlog.Position, r *eventlog.Record) []byte

	// History gives a fresh start everything that its channels keep, oldest first,
	// and Subscription.Older before it. Otherwise a fresh start begins at the head.
	History bool
}

// renderCache holds the last rendering; within a turn the next stream usually needs the same one.
type renderCache struct {
	dialect *Dialect
	record  *eventlog.Record
	frame   eventlog.Frame
}

// frameOf returns a record as the stream is to get it. A notice that stands in the
// log's live flow is the same in every dialect.
func (s *shard) frameOf(c *Conn, r *eventlog.Record) eventlog.Frame {
	if c.dialect == nil || r.Bare() {
		return r.Frame()
	}
	if s.said.dialect != c.dialect || s.said.record != r {
		at := eventlog.Position{Epoch: s.hub.epoch, Seq: r.Seq}
		s.said = renderCache{c.dialect, r, c.ownFrame(c.dialect.Render(nil, at, r))}
	}
	return s.said.frame
}

// oldest returns the position before the oldest event that the channels keep, or that
// was read for the stream elsewhere.
func (h *Hub) oldest(sub *Subscription) uint64 {
	if sub.Older != nil && len(sub.Older.Records) > 0 {
		return sub.Older.Records[0].Seq - 1
	}
	b := h.log.Next(&eventlog.Cursor{Channels: sub.Channels}, eventlog.Limit{Events: 1}, nil)
	if len(b.Records) > 0 {
		return b.Records[0].Seq - 1
	}
	return b.Through
}
