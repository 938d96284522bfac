package eventlog

import (
	"context"
	"slices"
	"strconv"
	"time"
)

// Stored is an event that another log has accepted, with its number and time.
type Stored struct {
	Event
	Seq  uint64
	Time time.Time
}

// NewFollower returns a cache in front of another log, which provides the events with their sequence numbers and
// times. Only Follow and the other methods of this file may add to it, called by one goroutine in the other log's
// order; Append must not be used. Everything up to lost counts as missing, and lost is the initial head. Options.Epoch
// is the other log's.
func NewFollower(opts Options, lost uint64) *Memory {
	m := NewMemory(opts)
	m.follower = true
	m.head, m.graves.watermark, m.catalogue.lost = lost, lost, lost
	return m
}

// Follow appends events that the other log accepted, oldest first; sequence numbers may be skipped. Events up to the
// head are ignored as known. It waits, until ctx ends, for tails that are further behind than Options.MaxLag.
//
// Errors: ErrClosed, or ctx.Err(). Nothing was appended then.
func (m *Memory) Follow(ctx context.Context, batch []Stored) error {
	if len(batch) == 0 {
		return nil
	}
	if err := m.wait(ctx, -1); err != nil {
		return err
	}
	return m.FollowNow(batch)
}

// FollowNow is Follow without the wait for tails. Callers with live events call Wait before storing them.
func (m *Memory) FollowNow(batch []Stored) error {
	if len(batch) == 0 {
		return nil
	}
	digits := decimalDigits(batch[len(batch)-1].Seq)
	drafts := make([]draft, len(batch))
	for i := range batch {
		drafts[i] = encode(&batch[i].Event, m.opts.Epoch, digits, Stamp(batch[i].Time), 0)
	}
	now := time.Now()
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return ErrClosed
	}
	for i := range batch {
		s := &batch[i]
		if s.Seq <= m.head {
			continue
		}
		m.head = s.Seq
		r := new(Record)
		drafts[i].seal(m.opts.Epoch, s.Seq)
		*r = drafts[i].Record
		r.at = m.since(now, s.Time)
		if s.Key != "" && now.Sub(m.start)-r.at <= DedupeWindow {
			m.bytes += m.keys.add(m.keyOf(&s.Event), s.Seq, r.at)
		}
		m.keep(s.Channel, r)
		m.publish(r)
	}
	m.trim(now.Sub(m.start))
	head, tails := m.head, m.tails
	m.mu.Unlock()
	wakeTails(tails)
	m.waiters.wake(head)
	return nil
}

// Options returns the log's options, with defaults filled in.
func (m *Memory) Options() Options { return *m.options.Load() }

// Loaded ends the loading of the other log's old events: only events after this call count as published.
func (m *Memory) Loaded() {
	m.mu.Lock()
	m.published = 0
	m.mu.Unlock()
}

// since returns the other log's time t on this log's clock. Only the event's age
// now counts, so that a step of the wall clock later changes nothing; a clock that
// is ahead or goes back does not put an event before an older one.
func (m *Memory) since(now, t time.Time) time.Duration {
	at := now.Sub(m.start)
	at -= max(time.Duration(now.UnixNano()-t.UnixNano()), 0)
	for _, s := range m.allShelves() {
		if s.newest != nil {
			at = max(at, s.newest.at)
		}
	}
	return at
}

// Advance moves the head to seq, for an entry of the other log that is not an event.
func (m *Memory) Advance(seq uint64) {
	m.mu.Lock()
	m.head = max(m.head, seq)
	m.mu.Unlock()
	m.waiters.wake(seq)
}

// Known returns the sequence number of the event of the channel with the idempotency
// key, if it is not older than DedupeWindow.
func (m *Memory) Known(channel, key string) (seq uint64, ok bool) {
	hash := m.keyOf(&Event{Channel: channel, Key: key})
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.keys.find(hash, time.Since(m.start))
}

// Lagging reports whether a tail is further behind than Options.MaxLag.
func (m *Memory) Lagging() bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.laggingLocked()
}

// Wait returns once no tail is further behind than Options.MaxLag. Errors: ErrClosed;
// ErrBusy after Options.MaxWait; ctx.Err().
func (m *Memory) Wait(ctx context.Context) error {
	if err := m.wait(ctx, m.opts.MaxWait); err != nil {
		return err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.closed {
		return ErrClosed
	}
	return nil
}

// Lose records that events of the channel, up to through, may be missing. Kept ones among them are dropped and
// counted.
func (m *Memory) Lose(channel string, through uint64) int {
	m.mu.Lock()
	n := m.lose(channel, through)
	m.trim(time.Since(m.start))
	m.mu.Unlock()
	m.waiters.wake(through)
	return n
}

func (m *Memory) lose(channel string, through uint64) (n int) {
	h := m.channels[channel]
	for ; h != nil && h.recs[h.first].Seq <= through; h = m.channels[channel] {
		m.evict(h.recs[h.first])
		n++
	}
	m.head = max(m.head, through)
	if h != nil {
		h.through = max(h.through, through)
	} else if m.droppedThrough(channel) < through {
		m.rememberDropped(channel, through)
	}
	return n
}

// LoseAll notes that events of every channel, up to through, may be missing.
func (m *Memory) LoseAll(through uint64) {
	defer m.waiters.wake(through)
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.allShelves() {
		for s.oldest != nil && s.oldest.Seq <= through {
			m.evict(s.oldest)
		}
	}
	for _, h := range m.channels {
		h.through = max(h.through, through)
	}
	g := &m.graves
	for hash, seq := range g.young {
		if seq <= through {
			delete(g.young, hash)
			m.bytes -= graveCost
		}
	}
	for hash, seq := range g.old {
		if seq <= through {
			delete(g.old, hash)
			m.bytes -= graveCost
		}
	}
	g.watermark = max(g.watermark, through)
	m.catalogue.lost = max(m.catalogue.lost, through)
	m.head = max(m.head, through)
}

// Miss announces that events of the channels are missing between the head and through, which becomes the head: to
// streams that resume before it as any gap, and to readers of the live flow as a record of type "gap" that is not
// kept. The hole must have a sequence number for each channel.
func (m *Memory) Miss(ctx context.Context, channels []string, through uint64) error {
	if err := m.wait(ctx, -1); err != nil {
		return err
	}
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return ErrClosed
	}
	payload := []byte(`{"after":"` + Position{m.opts.Epoch, m.head}.String() + `","reason":"evicted"}`)
	now := time.Since(m.start)
	seq := max(m.head, through-uint64(len(channels)))
	for _, name := range channels {
		seq++
		r := notice(Position{m.opts.Epoch, seq}, name, "gap", payload)
		r.at = now
		m.publish(r)
		m.lose(name, through)
	}
	m.head = max(m.head, through)
	m.trim(now)
	tails := m.tails
	m.mu.Unlock()
	wakeTails(tails)
	m.waiters.wake(through)
	return nil
}

// notice makes a record of the server's own, see [AppendNotice].
func notice(at Position, channel, typ string, payload []byte) *Record {
	f := NewFrame(AppendNotice(nil, at, channel, typ, payload))
	r := &Record{Seq: at.Seq, buf: f.buf, chunkLen: f.head, flags: isBare, hist: &history{name: channel}}
	r.typ = uint16(int(f.head) + len("id: ") + len(at.Epoch) + 1 + len(strconv.FormatUint(at.Seq, 10)) + len("\nevent: "))
	r.typLen = uint8(len(typ))
	r.payload = uint32(int(r.typ) + len(typ) + len("\ndata: "))
	r.payLen = uint32(len(f.buf)-len("\n\n\r\n")) - r.payload
	return r
}

// Restore makes the record of an event that another log has accepted, only for reading. It is in no log.
func Restore(s Stored, epoch string) *Record {
	s.Trace, s.Except = "", "" // of deliveries that were
	d := encode(&s.Event, epoch, decimalDigits(s.Seq), Stamp(s.Time), 0)
	d.seal(epoch, s.Seq)
	r := new(Record)
	*r = d.Record
	end := len(r.buf) + int(r.pieceLen)
	r.buf = slices.Clip(r.buf[:end])[:len(r.buf)]
	r.hist = &history{name: s.Channel}
	return r
}

// Floors returns, for each channel, the number through which its events may be missing; all later ones are kept.
func (m *Memory) Floors(channels []string) []uint64 {
	floors := make([]uint64, len(channels))
	if slices.ContainsFunc(channels, IsPattern) {
		m.catalog()
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	for i, name := range channels {
		if IsPattern(name) {
			floors[i] = m.catalogue.forgotten(name)
			m.match(Pattern{name}, func(h *history) { floors[i] = max(floors[i], h.through) })
			continue
		}
		floors[i] = m.evictedThrough(name, m.channels[name])
	}
	return floors
}
