package hub

import (
	"time"

	"rollcall/hub/eventlog"
)

// textBytes is how much of a text in pieces is sent to a stream in one step.
const textBytes = 4 << 20

// catchup is the state of a stream that is behind.
type catchup struct {
	cursor    eventlog.Cursor
	older     *eventlog.Batch // given before what the log keeps; nil once it was
	olderDone func()          // to be called when older is no longer held; may be nil
	resumed   bool            // it began after a position of this log
	isStart   bool            // it is the stream's first one
	from      uint64          // the position at which it began
	had       uint64          // events given before
	since     uint32          // the tick in which it began
	gaps      int             // announced so far
	afresh    bool            // its owner is to be asked for a snapshot

	// For a fresh start: what is announced of each channel, a gap if the requested position was unusable, and its newest
	// event.
	last      []*eventlog.Record // by channel; nil if nothing is announced
	match     []*eventlog.Record // the newest events of its patterns' channels, announced behind those
	told      int                // announced so far, of last and then of match
	tellsLast bool               // a lastEvent is announced
	asked     string
	reason    string            // "", "epoch" or "unknown"
	id        eventlog.Position // of the announcements except the last one, if there is a reason
}

// fallBehind makes a live stream one that catches up from after.
func (s *shard) fallBehind(c *Conn, after uint64) {
	if c.catch == nil {
		c.catch = &catchup{cursor: eventlog.Cursor{Channels: c.channels()}, from: after, had: c.events.Load(), since: s.wheel.now}
	}
	c.pos = after
	c.catch.cursor.After = after
	c.given.Store(after + 1)
}

// catchUp gives the streams that are behind a step each, as many as fit in one
// turn. It reports whether there are more.
func (s *shard) catchUp() bool {
	turn := s.lagging
	if len(turn) > laggards {
		turn = turn[:laggards]
	}
	n := len(turn)
	for _, c := range turn {
		c.state &^= queued
		s.advance(c)
	}
	rest := copy(s.lagging, s.lagging[n:])
	clear(s.lagging[rest:])
	s.lagging = s.lagging[:rest]
	return rest > 0
}

// advance takes the next step of a stream that is behind: first the older batch, then the start announcement, then the
// events that the log keeps. At the head the stream becomes live.
func (s *shard) advance(c *Conn) {
	if c.state&(ended|blocked) != 0 {
		return
	}
	k := c.catch
	if s.leaving != nil {
		s.end(c, *s.leaving)
		return
	}
	if c.side != nil && c.side.pin != nil {
		if !s.send(c, eventlog.Frame{}, nil) {
			return
		}
		s.release(c)
	}
	if k == nil {
		if len(c.rest) == 0 || s.send(c, eventlog.Frame{}, nil) {
			s.live(c)
		}
		return
	}
	var text []byte
	if k.last != nil {
		told := k.told
		text = k.announceStart(c, s.hub.epoch)
		if k.reason != "" {
			gaps := min(k.told, len(k.last)) - min(told, len(k.last))
			s.counts.gaps += uint64(gaps)
			k.gaps += gaps
		}
		if k.told < k.announcements() {
			if s.send(c, c.ownFrame(text), nil) {
				s.queue(c)
			}
			return
		}
		k.last, k.match = nil, nil
		if k.older == nil && c.pos >= s.pos { // later events are in the live flow
			c.catch = nil
			if s.send(c, c.ownFrame(text), nil) {
				s.caughtUp(c, k)
				s.live(c)
			}
			return
		}
	}
	if k.older != nil {
		s.sendOlder(c, k, text)
		return
	}
	if k.afresh {
		s.snapshot(c, k)
		return
	}
	batch := s.hub.log.Next(&k.cursor, eventlog.Limit{Bytes: catchBytes, Events: liveBatch}, s.batch[:0])
	if n := len(batch.Records); !batch.Done && batch.Records[n-1].Append() != "" { // the text is sent whole
		gaps := batch.Gaps
		batch = s.hub.log.Next(&k.cursor, eventlog.Limit{Bytes: textBytes}, batch.Records)
		batch.Gaps = append(gaps, batch.Gaps...)
	}
	if _, shots := c.owner.(Snapshotter); shots && len(batch.Gaps) > 0 {
		clear(batch.Records)
		s.batch = batch.Records[:0]
		k.afresh = true
		s.snapshot(c, k)
		return
	}
	text = s.announce(c, batch.Gaps, text)
	if s.send(c, c.ownFrame(text), c.pick(batch.Records)) {
		c.pos = max(c.pos, batch.Through)
		k.cursor.After = c.pos
		if batch.Done {
			c.catch = nil
			s.caughtUp(c, k)
			s.live(c)
		} else {
			c.given.Store(c.pos + 1)
			s.queue(c)
		}
	}
	clear(batch.Records)
	s.batch = batch.Records[:0]
}

// sendOlder sends a stream the next step of its older batch, after text.
func (s *shard) sendOlder(c *Conn, k *catchup, text []byte) {
	b := k.older
	if len(b.Gaps) > 0 {
		text = s.announce(c, b.Gaps, text)
		b.Gaps = nil
	}
	for len(b.Records) > 0 && b.Records[0].Seq <= c.pos {
		b.Records = b.Records[1:] // taken before the connection was blocked
	}
	n, size := 0, 0
	for n < len(b.Records) && (n < liveBatch && size < catchBytes || b.Records[n].Append() != "" && size < textBytes) {
		size += len(b.Records[n].Frame().Chunk())
		n++
	}
	if !s.send(c, c.ownFrame(text), c.pick(b.Records[:n])) {
		return
	}
	if b.Records = b.Records[n:]; len(b.Records) == 0 {
		c.pos = max(c.pos, b.Through)
		k.dropOlder()
	}
	k.cursor.After = c.pos
	c.given.Store(c.pos + 1)
	s.queue(c)
}

// snapshot gives a stream its owner's snapshot, from which it goes on.
func (s *shard) snapshot(c *Conn, k *catchup) {
	if len(c.rest) > 0 && !s.send(c, eventlog.Frame{}, nil) {
		return
	}
	frames, at, ok := c.owner.(Snapshotter).Snapshot()
	if !ok {
		s.end(c, tooLarge)
		return
	}
	k.afresh = false
	c.pos, k.cursor.After = at, at
	c.given.Store(at + 1)
	frame := c.ownFrame(frames)
	if s.send(c, frame, nil) {
		s.queue(c)
	} else if c.state&ended == 0 {
		s.retain(c, &pin{size: int64(len(frame.Chunk()))})
	}
}

// dropOlder releases the stream's older batch.
func (k *catchup) dropOlder() {
	if k.older = nil; k.olderDone != nil {
		k.olderDone()
		k.olderDone = nil
	}
}

// announce appends gaps to text.
func (s *shard) announce(c *Conn, gaps []eventlog.Gap, text []byte) []byte {
	s.counts.gaps += uint64(len(gaps))
	if c.catch != nil {
		c.catch.gaps += len(gaps)
	}
	at := eventlog.Position{Epoch: s.hub.epoch, Seq: c.pos}
	for _, g := range gaps {
		text = c.dialect.appendGap(text, at, g.Channel, at.String(), "evicted", g.Skipped)
		if g.Empty && eventlog.ClientOf(g.Channel) == "" {
			text = c.dialect.appendLast(text, at, g.Channel, nil)
		}
	}
	return text
}

// announcements returns how many announcements there are.
func (k *catchup) announcements() int { return len(k.last) + len(k.match) }

// announceStart returns the next part of a fresh start's announcements.
func (k *catchup) announceStart(c *Conn, epoch string) []byte {
	text := make([]byte, 0, min(256*(len(k.last)-k.told), catchBytes+4096))
	at := eventlog.Position{Epoch: epoch, Seq: c.pos}
	tellsLast := k.tellsLast && c.dialect.Greets()
	for ; k.told < k.announcements() && len(text) < catchBytes; k.told++ {
		id, gapID := at, k.id
		if c.state&owing != 0 && k.told < k.announcements()-1 {
			id = k.id
		}
		if i := k.told - len(k.last); i >= 0 {
			if tellsLast {
				text = c.dialect.appendLast(text, id, k.match[i].Channel(), k.match[i])
			}
			k.match[i] = nil
			continue
		}
		t := c.subs[k.told].t
		name, hasLast := t.name, tellsLast && !t.pattern
		if !hasLast {
			gapID = id
		}
		if k.reason != "" {
			text = c.dialect.appendGap(text, gapID, name, k.asked, k.reason, 0)
		}
		if hasLast {
			text = c.dialect.appendLast(text, id, name, k.last[k.told])
		}
		k.last[k.told] = nil
	}
	if k.told == k.announcements() {
		c.state &^= owing
	}
	return text
}

// queue has a stream take its next step in a later turn.
func (s *shard) queue(c *Conn) {
	if c.state&queued == 0 {
		c.state |= queued
		s.lagging = append(s.lagging, c)
	}
}

// longBehind is how long a stream is behind until its owner is told in any case.
const longBehind = time.Second

// caughtUp tells the owner of a stream that has reached the head how it got there, if it resumed, missed events or took
// long.
func (s *shard) caughtUp(c *Conn, k *catchup) {
	owner, ok := c.owner.(CatchUpListener)
	lasted := time.Duration(max(s.wheel.now-k.since, 1)-1) * s.wheel.tick // the first tick may be a part of one
	if !ok || !k.resumed && k.gaps == 0 && lasted < longBehind {
		return
	}
	owner.CaughtUp(CatchUp{
		IsStart: k.isStart, Resumed: k.resumed, From: k.from, Events: c.events.Load() - k.had, Gaps: k.gaps, Lasted: lasted,
	})
}

// live notes that a stream has reached the head.
func (s *shard) live(c *Conn) {
	c.given.Store(0)
	if s.complete(c) {
		return
	}
	if c.state&(untilNow|blocked) == untilNow {
		s.end(c, CaughtUp)
		return
	}
	if c.side != nil {
		s.requestNotices(c)
	}
}

// completeAll ends the live streams for which the end of a channel is the last thing there will ever be.
func (s *shard) completeAll(r *eventlog.Record) {
	t := s.index.topics[r.Channel()]
	if t == nil {
		return
	}
	for i := len(t.refs) - 1; i >= 0; i-- { // which ending changes
		if c := t.refs[i].c; c.catch == nil {
			s.complete(c)
		}
	}
}

// complete ends a stream that has all there will ever be: the ends of all its channels.
func (s *shard) complete(c *Conn) bool {
	if c.state&blocked != 0 || !s.hub.log.HasEnds() || !s.hub.log.Ended(c.names(), c.position().Seq) {
		return false
	}
	s.end(c, Complete)
	return true
}
