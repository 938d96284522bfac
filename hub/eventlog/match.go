package eventlog

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/tidwall/btree"
)

// catalogue finds the channels that keep something by the beginning of their names. A log has none, and pays for none,
// until it is first asked for the channels of a pattern. Guarded by Memory.mu.
type catalogue struct {
	names *btree.Map[string, *history]
	born  uint64 // counts the channels that were added to the log

	// For public channels that were freed, whose names are forgotten: the number through which their events were
	// dropped, by the first token of their names.
	freed    map[string]uint64
	freedAny uint64 // by those without an entry in freed
	freedMax uint64 // by all
	lost     uint64 // all channels may lack events up to here
}

// maxFreed bounds catalogue.freed.
const maxFreed = 4096

func (k *catalogue) add(h *history) {
	k.born++
	if k.names != nil {
		k.names.Set(h.name, h)
	}
}

func (k *catalogue) remove(h *history) {
	if k.names != nil {
		k.names.Delete(h.name)
	}
}

// forget notes that a public channel, now freed, dropped events through seq.
func (k *catalogue) forget(name string, seq uint64) {
	k.freedMax = max(k.freedMax, seq)
	token := firstToken(name)
	if _, known := k.freed[token]; !known && len(k.freed) >= maxFreed {
		k.freedAny = max(k.freedAny, slices.Max(slices.Collect(maps.Values(k.freed))))
		clear(k.freed)
	}
	if k.freed == nil {
		k.freed = make(map[string]uint64)
	}
	k.freed[strings.Clone(token)] = max(seq, k.freed[token])
}

// forgotten returns the number through which events of the pattern's forgotten channels may be missing.
func (k *catalogue) forgotten(pattern string) uint64 {
	token := firstToken(pattern)
	if token == "*" || token == ">" {
		return max(k.lost, k.freedMax)
	}
	return max(k.lost, k.freedAny, k.freed[token])
}

// catalog makes the catalogue unless there is one.
func (m *Memory) catalog() {
	m.mu.RLock()
	done := m.catalogue.names != nil
	m.mu.RUnlock()
	if done {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.catalogue.names != nil {
		return
	}
	m.catalogue.names = new(btree.Map[string, *history])
	for name, h := range m.channels {
		m.catalogue.names.Set(name, h)
	}
}

// match calls each with the channels of a pattern that keep something, in the order of their names.
func (m *Memory) match(p Pattern, each func(h *history)) {
	prefix := p.Prefix()
	m.catalogue.names.Ascend(prefix, func(name string, h *history) bool {
		if !strings.HasPrefix(name, prefix) {
			return false
		}
		if p.Matches(name) {
			each(h)
		}
		return true
	})
}

// LastMatching implements [Log].
func (m *Memory) LastMatching(pattern string, n int) []*Record {
	m.catalog()
	m.mu.RLock()
	var recs []*Record // the newest n so far, in log order
	m.match(Pattern{pattern}, func(h *history) {
		r := h.newest()
		i, _ := slices.BinarySearchFunc(recs, r.Seq, func(r *Record, seq uint64) int { return cmp.Compare(r.Seq, seq) })
		if len(recs) < n {
			recs = slices.Insert(recs, i, r)
		} else if i > 0 {
			copy(recs, recs[1:i])
			recs[i-1] = r
		}
	})
	m.mu.RUnlock()
	var names []string
	for _, r := range recs {
		if r.pieceLen > 0 {
			names = append(names, r.hist.name)
		}
	}
	if len(names) == 0 {
		return recs
	}
	_, texts := m.Last(names)
	for i, r := range recs {
		if k := slices.Index(names, r.hist.name); k >= 0 && texts[k] != nil && texts[k].Seq == r.Seq {
			recs[i] = texts[k]
		}
	}
	return recs
}

// expansion is the set of channels of a cursor with patterns: its own, and those of its patterns. Each match is
// remembered, freed or not, so that its losses are reported by its name.
type expansion struct {
	patterns Patterns
	names    []string
	of       map[string]bool // the names; true for those of patterns alone
	born     uint64          // as of this many channels
}

// expand returns the cursor's current names, nil without patterns, and the gaps of its patterns. Called with the log's
// lock, at least for reading, and with a catalogue.
func (m *Memory) expand(c *Cursor) (gaps []Gap) {
	x := c.expansion
	first := x.of == nil
	if !first && x.born == m.catalogue.born {
		return nil
	}
	if first {
		x.of = make(map[string]bool)
		for _, name := range x.names {
			x.of[name] = false
		}
	}
	for _, pattern := range x.patterns {
		m.match(pattern, func(h *history) {
			if _, known := x.of[h.name]; !known {
				x.of[h.name] = true
				x.names = append(x.names, h.name)
			}
		})
		if through := m.catalogue.forgotten(pattern.text); through > c.After && through > c.told[pattern.text] {
			c.tell(pattern.text, through)
			gaps = append(gaps, Gap{Channel: pattern.text})
		}
	}
	x.born = m.catalogue.born
	return gaps
}
