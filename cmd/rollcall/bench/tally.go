package bench

import "sync"

// counts are the figures of a run's streams so far.
type counts struct {
	open      int // streams that have been answered 200, and have not ended
	failed    int // streams that could not be opened
	ended     int // open streams that the server ended
	slowEnded int // of ended, those that never read

	delivered  int64
	repeated   int64
	outOfOrder int64
	foreign    int64
	gaps       int64 // "gap" events: the server no longer has events that a stream missed
	goodbyes   int64 // "goodbye" events: the server ends the stream
	bytes      int64
	lastAt     int64 // when the last delivery was read, Unix nanoseconds; zero: none yet
}

// add adds other to c.
func (c *counts) add(other counts) {
	c.open += other.open
	c.failed += other.failed
	c.ended += other.ended
	c.slowEnded += other.slowEnded
	c.delivered += other.delivered
	c.repeated += other.repeated
	c.outOfOrder += other.outOfOrder
	c.foreign += other.foreign
	c.gaps += other.gaps
	c.goodbyes += other.goodbyes
	c.bytes += other.bytes
	c.lastAt = max(c.lastAt, other.lastAt)
}

// tally holds the counts of one reader's streams. A stream belongs to one tally, whose mutex guards its mutable
// fields: a reader locks it once per wake-up.
type tally struct {
	// Static.
	marker    marker
	channels  uint32 // the number of channels, for streams that have several
	positions bool   // streams keep the last id, to resume from it

	mu      sync.Mutex
	counts  counts
	latency histogram            // of streams that are timed
	missing map[absence]struct{} // numbers that were skipped and may come late
	trouble string               // the first thing that went wrong, in words
}

// absence is an event that a stream should have had before one it has got.
type absence struct {
	stream          int
	channel, number uint32
}

// maxMissing bounds the memory for skipped numbers; when there are more, a late one of the rest is
// counted as repeated.
const maxMissing = 1 << 18

// skipLocked notes that the numbers from up to but not including to did not come in turn.
func (t *tally) skipLocked(stream int, channel, from, to uint32) {
	if t.missing == nil {
		t.missing = make(map[absence]struct{})
	}
	for n := from; n < to && len(t.missing) < maxMissing; n++ {
		t.missing[absence{stream, channel, n}] = struct{}{}
	}
}

// lateLocked reports whether the number had been skipped, and forgets that it was.
func (t *tally) lateLocked(stream int, channel, number uint32) bool {
	a := absence{stream, channel, number}
	_, ok := t.missing[a]
	delete(t.missing, a)
	return ok
}

// troubleLocked keeps the first thing that went wrong.
func (t *tally) troubleLocked(what string) {
	if t.trouble == "" {
		t.trouble = what
	}
}
