package jetlog

import (
	"fmt"
	"sync"
)

// mark is what this process has seen of a stream: of each epoch, for a store that was set back may have a former one.
type mark struct {
	mu     sync.Mutex
	epochs map[string]seen
}

// seen is how far an epoch went.
type seen struct {
	seq   uint64 // the highest sequence number
	proof string // why the epoch must change: numbers of it were given twice, or could be
}

// raise notes seq.
func (m *mark) raise(epoch string, seq uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.epochs == nil {
		m.epochs = make(map[string]seen)
	}
	of := m.epochs[epoch]
	of.seq = max(of.seq, seq)
	m.epochs[epoch] = of
}

// prove notes that the stream was set back in the epoch.
func (m *mark) prove(epoch, why string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if of, ok := m.epochs[epoch]; ok {
		of.proof = why
		m.epochs[epoch] = of
	}
}

// reused says why numbers could be assigned twice in a stream of that epoch that ends at last, "" if they can't; sure
// is false if a machine that is behind would give the same answer.
func (m *mark) reused(epoch string, last uint64) (why string, sure bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch of := m.epochs[epoch]; {
	case of.proof != "":
		return of.proof, true
	case of.seq > last:
		return fmt.Sprintf("it ends at %d, but %d was seen", last, of.seq), false
	}
	return "", true
}

// used reports whether numbers of the epoch were given.
func (m *mark) used(epoch string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.epochs[epoch].seq > 0
}

// marks has the marks of all streams, for the life of the process: after a lost log its owner opens another one,
// perhaps over another link, and the old mark still counts.
var marks sync.Map // of *mark

// mark returns the mark of a stream.
func (l *Link) mark(stream string) *mark {
	m, _ := marks.LoadOrStore(l.urls+" "+stream, new(mark))
	return m.(*mark)
}
