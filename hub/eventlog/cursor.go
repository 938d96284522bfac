package eventlog

import "slices"

// Cursor is a place in the log with a set of channels: everything of theirs up
// to After was read. It belongs to one goroutine; the zero value with Channels
// set reads from the beginning.
type Cursor struct {
	// Channels are names, without repetition, and patterns, see [Pattern]: those stand for all channels that match, now or
	// later.
	Channels []string
	After    uint64

	// told remembers, for channels with a hole, the number through which it was reported.
	told map[string]uint64

	// Whole has the cursor read all events of channels of which a reader that is behind gets the newest alone.
	Whole bool

	split     bool       // Channels were looked through for patterns
	expansion *expansion // nil without patterns
}

// tell records that a hole of the channel was reported through seq.
func (c *Cursor) tell(channel string, seq uint64) {
	if c.told == nil {
		c.told = make(map[string]uint64)
	}
	c.told[channel] = seq
}

// prepare looks for patterns among the cursor's channels, for which the log needs a catalogue.
func (m *Memory) prepare(c *Cursor) {
	if !c.split {
		c.split = true
		if slices.ContainsFunc(c.Channels, IsPattern) {
			patterns, names := Split(c.Channels)
			c.expansion = &expansion{patterns: patterns, names: names}
		}
	}
	if c.expansion != nil {
		m.catalog()
	}
}

// Next implements [Log].
func (m *Memory) Next(c *Cursor, limit Limit, dst []*Record) Batch {
	m.prepare(c)
	m.mu.RLock()
	defer m.mu.RUnlock()
	b := Batch{Records: dst[:0], Through: m.head, Done: true}
	var one [8]source
	sources := one[:0]
	names := c.Channels
	if c.expansion != nil {
		b.Gaps = m.expand(c)
		names = c.expansion.names
	}
	var latest []skip
	for _, name := range names {
		h := m.channels[name]
		holed := false
		if through := m.evictedThrough(name, h); through > c.After && through > c.told[name] {
			holed = true
			c.tell(name, through)
			b.Gaps = append(b.Gaps, Gap{Channel: name, Empty: h == nil && (c.expansion == nil || !c.expansion.of[name])})
		}
		if h == nil {
			continue
		}
		recs := h.after(c.After)
		if n := len(recs) - 1; m.latest && n > 0 && h.limits.Latest && !c.Whole {
			if recs = recs[n:]; !holed { // one gap is enough
				latest = append(latest, skip{recs[0].Seq, Gap{Channel: name, Skipped: n}})
			}
		}
		if len(recs) > 0 {
			sources = append(sources, source(recs))
		}
	}
	m.merge(sources, limit, &b)
	for _, s := range latest {
		if s.newest <= b.Through {
			b.Gaps = append(b.Gaps, s.gap)
		}
	}
	return b
}

// skip is a gap before a channel's newest event, for those that are left out.
type skip struct {
	newest uint64
	gap    Gap
}

// Pending implements [Log].
func (m *Memory) Pending(c *Cursor) int {
	m.prepare(c)
	m.mu.RLock()
	defer m.mu.RUnlock()
	names := c.Channels
	if c.expansion != nil {
		m.expand(c)
		names = c.expansion.names
	}
	n := 0
	for _, name := range names {
		if h := m.channels[name]; h != nil {
			n += len(h.after(c.After))
		}
	}
	return n
}

// source is the rest of one channel's records in a merge, never empty.
type source []*Record

// merge moves records from the sources to the batch in log order until the
// limit, keeping the sources a binary heap by their first record's Seq.
func (m *Memory) merge(s []source, limit Limit, b *Batch) {
	for i := len(s)/2 - 1; i >= 0; i-- {
		sink(s, i)
	}
	size := 0
	for len(s) > 0 {
		r := s[0][0]
		if len(b.Records) > 0 && (limit.Events > 0 && len(b.Records) >= limit.Events || limit.Bytes > 0 && size+len(r.buf) > limit.Bytes) {
			b.Through, b.Done = b.Records[len(b.Records)-1].Seq, false
			return
		}
		b.Records = append(b.Records, r)
		size += len(r.buf)
		if s[0] = s[0][1:]; len(s[0]) == 0 {
			s[0] = s[len(s)-1]
			s = s[:len(s)-1]
		}
		sink(s, 0)
	}
}

func sink(s []source, i int) {
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(s); child++ {
			if s[child][0].Seq < s[least][0].Seq {
				least = child
			}
		}
		if least == i {
			return
		}
		s[i], s[least] = s[least], s[i]
		i = least
	}
}
