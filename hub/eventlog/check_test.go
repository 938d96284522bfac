package eventlog

// failer is what failer and rapid.T have in common here.
type failer interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// check fails the test unless the invariants of m hold:
//
//   - The lists of all kept records are in log order, end at the head or before,
//     and hold exactly the records of the channels.
//   - A channel in the map is not empty, is within its count and bytes (one
//     record may be larger), keeps only records behind what it dropped, and holds
//     on to none that it dropped and to not many more slots than it needs.
//   - What is charged against the budget is the sum of all charges, and within the
//     budget if anything is kept at all; so is the share of the server's own channels.
//   - No tombstone passes the head, nor does the watermark. (A tombstone may be
//     before the watermark, for a purge buries what is newer than others keep.)
func check(t failer, m *Memory) {
	t.Helper()
	m.mu.RLock()
	defer m.mu.RUnlock()
	var charged int64
	listed := make(map[*Record]bool)
	for _, s := range m.allShelves() {
		checkShelf(t, m, s, listed)
		charged += s.bytes
	}
	inChannels := 0
	for name, h := range m.channels {
		checkHistory(t, m, name, h)
		for _, r := range h.recs[h.first:] {
			if !listed[r] || r.hist != h {
				t.Fatalf("channel %q: record %d is not in the list or another channel's", name, r.Seq)
			}
			inChannels++
		}
	}
	if inChannels != len(listed) {
		t.Fatalf("%d records in the list, %d in the channels", len(listed), inChannels)
	}
	g := &m.graves
	charged += int64(len(g.young)+len(g.old)) * graveCost
	charged += int64(len(m.keys.young)+len(m.keys.old)) * keyCost
	if charged != m.bytes {
		t.Fatalf("%d bytes are charged, the charges add up to %d", m.bytes, charged)
	}
	if m.bytes > m.opts.Budget && m.oldestKept() != nil || m.own.bytes > m.opts.Budget/ownShare {
		t.Fatalf("%d bytes are charged with a budget of %d", m.bytes, m.opts.Budget)
	}
	if g.watermark > m.head {
		t.Fatalf("watermark %d, head %d", g.watermark, m.head)
	}
	for _, generation := range []map[uint64]uint64{g.young, g.old} {
		for _, seq := range generation {
			if seq > m.head {
				t.Fatalf("tombstone at %d, head %d", seq, m.head)
			}
		}
	}
}

func checkShelf(t failer, m *Memory, s *shelf, listed map[*Record]bool) {
	t.Helper()
	var charged int64
	var before *Record
	events, channels := 0, 0
	for r := s.oldest; r != nil; before, r = r, r.newer {
		if r.older != before {
			t.Fatalf("record %d: its older neighbour is another's", r.Seq)
		}
		if before != nil && before.Seq >= r.Seq {
			t.Fatalf("record %d follows %d", r.Seq, before.Seq)
		}
		if r.Seq > m.head {
			t.Fatalf("record %d is past the head %d", r.Seq, m.head)
		}
		listed[r] = true
		charged += r.cost()
		events++
	}
	if s.newest != before {
		t.Fatal("the newest record is not the list's end")
	}
	for name, h := range m.channels {
		if h.shelf == s {
			charged += channelCost + int64(len(name))
			channels++
		}
	}
	if charged != s.bytes || events != s.events || channels != s.channels {
		t.Fatalf("%d events of %d channels and %d bytes are counted, there are %d, %d, %d", s.events, s.channels, s.bytes, events, channels, charged)
	}
}

func checkHistory(t failer, m *Memory, name string, h *history) {
	t.Helper()
	if h.name != name || h.len() == 0 {
		t.Fatalf("channel %q, in the map as %q, keeps %d records", h.name, name, h.len())
	}
	for _, r := range h.recs[:h.first] {
		if r != nil {
			t.Fatalf("channel %q holds on to record %d, which it dropped", name, r.Seq)
		}
	}
	for _, r := range h.recs[len(h.recs):cap(h.recs)] {
		if r != nil {
			t.Fatalf("channel %q holds on to record %d behind its end", name, r.Seq)
		}
	}
	bytes, at := 0, h.through
	for _, r := range h.recs[h.first:] {
		if r.Seq <= at {
			t.Fatalf("channel %q: record %d follows %d", name, r.Seq, at)
		}
		at = r.Seq
		bytes += len(r.buf)
	}
	if bytes != h.bytes {
		t.Fatalf("channel %q: %d bytes counted, %d kept", name, h.bytes, bytes)
	}
	if most := m.Limits(h.name); h.len() > most.Events || bytes > most.Bytes && h.len() > 1 {
		t.Fatalf("channel %q keeps %d records of %d bytes", name, h.len(), bytes)
	}
	if c := cap(h.recs); c > max(4*h.len(), 8) {
		t.Fatalf("channel %q has %d slots for %d records", name, c, h.len())
	}
}
