package jetlog

import (
	"fmt"
	"sync"
)

// mark is the highest sequence number of a stream's epoch that this process has seen.
type mark struct {
	mu    sync.Mutex
	epoch string
	seq   uint64
	proof string // why the epoch must change: numbers of it were given twice, or could be
}

// raise notes seq.
func (m *mark) raise(epoch string, seq uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.epoch == epoch && m.seq >= seq {
		return
	}
	if m.epoch != epoch {
		m.proof = ""
	}
	m.epoch, m.seq = epoch, seq
}

// prove notes that the stream was set back in the epoch.
func (m *mark) prove(epoch, why string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.epoch == epoch {
		m.proof = why
	}
}

// reused says why numbers could be assigned twice in a stream of that epoch that ends at last, "" if they can't; sure
// is false if a machine that is behind would give the same answer.
func (m *mark) reused(epoch string, last uint64) (why string, sure bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.epoch == epoch && m.proof != "":
		return m.proof, true
	case m.epoch == epoch && m.seq > last:
		return fmt.Sprintf("it ends at %d, but %d was seen", last, m.seq), false
	}
	return "", true
}

// used reports whether numbers of the epoch were given.
func (m *mark) used(epoch string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.epoch == epoch && m.seq > 0
}

// marks has the marks of all streams, for the life of the process: after a lost log its owner opens another one,
// perhaps over another link, and the old mark still counts.
// over another link too, and what was seen before still counts.
var marks sync.Map // of *mark

// mark returns the mark of a stream.
func (l *Link) mark(stream string) *mark {
	m, _ := marks.LoadOrStore(l.urls+" "+stream, new(mark))
	return m.(*mark)
}
