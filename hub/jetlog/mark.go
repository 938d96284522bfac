package jetlog

import (
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// mark is the highest sequence number of a stream's epoch that anybody may have seen.
// An embedded server's node keeps it in a file. It is written before readers see the
// number, so that it survives whatever the process does not; against a power failure
// it is synced only now and then, for there the store's own syncs count. A copy of the
// file is not good: it comes with a store that was set back. That of a cluster's stream
// is kept as long as the process lives.
type mark struct {
	mu      sync.Mutex
	epoch   string
	seq     uint64
	file    *os.File // nil for a cluster
	self    string   // the file's identity
	proof   string   // why the epoch must change: numbers of it were given twice, or could be
	damaged bool     // the file said something else once, or is a copy: the epoch must change
}

// openMark reads the mark in a directory's file.
func openMark(dir, stream string, identity func(*os.File) string) (*mark, error) {
	file, err := os.OpenFile(filepath.Join(dir, stream+".mark"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, plain(err)
	}
	m := &mark{file: file, self: identity(file)}
	buf := make([]byte, 256)
	n, _ := file.ReadAt(buf, 0)
	line, _, ok := strings.Cut(string(buf[:n]), "\n")
	var sum uint32
	_, err = fmt.Sscanf(line, "%s %d %x", &m.epoch, &m.seq, &sum)
	m.damaged = n > 0 && (!ok || err != nil || sum != m.checksum(m.epoch, m.seq))
	return m, nil
}

func (m *mark) checksum(epoch string, seq uint64) uint32 {
	return crc32.ChecksumIEEE(fmt.Appendf(nil, "%s %d %s", epoch, seq, m.self))
}

// raise notes seq, with one system call where there is a file.
func (m *mark) raise(epoch string, seq uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.epoch == epoch && m.seq >= seq {
		return nil
	}
	if m.file != nil {
		line := fmt.Appendf(nil, "%s %020d %08x\n", epoch, seq, m.checksum(epoch, seq))
		if _, err := m.file.WriteAt(line, 0); err != nil {
			return err
		}
	}
	if m.epoch != epoch {
		m.proof = ""
	}
	m.epoch, m.seq, m.damaged = epoch, seq, false
	return nil
}

// prove notes that the stream was set back in the epoch.
func (m *mark) prove(epoch, why string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.epoch == epoch {
		m.proof = why
	}
}

// reused says why numbers could come twice in a stream of that epoch that ends at
// last, "" if they can't; sure is false where the answer of a machine that is behind
// looks the same.
func (m *mark) reused(epoch string, last uint64) (why string, sure bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.damaged:
		return "the file with the highest sequence number is damaged, or a copy, as after a restore", true
	case m.epoch == epoch && m.proof != "":
		return m.proof, true
	case m.epoch == epoch && m.seq > last:
		return fmt.Sprintf("it ends at %d, but %d was seen", last, m.seq), m.file != nil
	case m.file != nil && m.epoch == "":
		return "the file with the highest sequence number is missing, as after a restore", true
	case m.file != nil && m.epoch != epoch:
		return "it has another epoch than the last one seen", true
	}
	return "", true
}

// used reports whether numbers of the epoch were given.
func (m *mark) used(epoch string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.damaged || m.epoch == epoch && m.seq > 0
}

// sync brings the file to the disk.
func (m *mark) sync() error {
	if m.file == nil {
		return nil
	}
	return m.file.Sync()
}

// clusterMarks has the marks of streams in clusters, by URLs and stream. They are kept
// as long as the process lives: after a lost log its owner opens another one, over
// another link too, and what was seen before still counts.
var clusterMarks sync.Map // of *mark

// mark returns the mark of a stream.
func (l *Link) mark(stream string) (*mark, error) {
	if l.embedded == nil {
		m, _ := clusterMarks.LoadOrStore(l.urls+" "+stream, new(mark))
		return m.(*mark), nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if m := l.marks[stream]; m != nil {
		return m, nil
	}
	m, err := openMark(l.embedded.dir, stream, identity)
	if err != nil {
		return nil, err
	}
	l.marks[stream] = m
	return m, nil
}

// closeMarks syncs and closes the files.
func (l *Link) closeMarks() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var err error
	for name, m := range l.marks {
		err = errors.Join(err, m.sync(), m.file.Close())
		delete(l.marks, name)
	}
	return err
}
