package disklog

import (
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// markName is the mark's file in the directory.
const markName = "mark"

// mark is the highest sequence number that anybody may have seen, in a file beside the store. It is written before
// readers see the number, so it survives a crash of the process; against a power failure the store's own syncs count.
// A copy of the file is invalid, because it belongs to a restored store.
type mark struct {
	// Static.
	file *os.File
	self string // the file's identity

	mu    sync.Mutex
	epoch string
	seq   uint64
	boot  string // of the machine while the store is relaxed, else "-"
	bad   bool   // the file was invalid, or is a copy: the epoch must change
}

// closedBoot stands for a store that loses nothing if the machine stops.
const closedBoot = "-"

// openMark reads the mark in a directory's file.
func openMark(dir string, identity func(*os.File) string) (*mark, error) {
	file, err := os.OpenFile(filepath.Join(dir, markName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	m := &mark{file: file, self: identity(file)}
	buf := make([]byte, 512)
	n, _ := file.ReadAt(buf, 0)
	line, _, ok := strings.Cut(string(buf[:n]), "\n")
	var sum uint32
	_, err = fmt.Sscanf(line, "%s %d %s %x", &m.epoch, &m.seq, &m.boot, &sum)
	m.bad = n > 0 && (!ok || err != nil || sum != m.checksum())
	return m, nil
}

func (m *mark) checksum() uint32 {
	return crc32.ChecksumIEEE(fmt.Appendf(nil, "%s %d %s %s", m.epoch, m.seq, m.boot, m.self))
}

// reused says why numbers could be assigned twice in a store of that epoch that ends at last, "" if they can't. boot
// identifies this boot of the machine, "" if unknown.
func (m *mark) reused(epoch string, last uint64, boot string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.bad:
		return "the file with the highest sequence number is damaged, or a copy, as after a restore"
	case m.epoch == "":
		return "the file with the highest sequence number is missing, as after a restore"
	case m.epoch != epoch:
		return "it has another epoch than the last one seen"
	case m.seq > last:
		return fmt.Sprintf("it ends at %d, but %d was seen", last, m.seq)
	case m.boot != closedBoot && m.boot != boot:
		return "the machine stopped while the store was relaxed"
	}
	return ""
}

// begin writes the mark of an epoch to the disk.
func (m *mark) begin(epoch string, seq uint64, boot string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.epoch, m.seq, m.boot, m.bad = epoch, seq, boot, false
	if err := m.write(); err != nil {
		return err
	}
	return m.file.Sync()
}

// raise notes seq, with one system call.
func (m *mark) raise(seq uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seq = max(m.seq, seq)
	return m.write()
}

func (m *mark) write() error {
	line := fmt.Appendf(nil, "%s %020d %s %08x\n", m.epoch, m.seq, m.boot, m.checksum())
	_, err := m.file.WriteAt(line, 0)
	return err
}

// sync brings the file to the disk.
func (m *mark) sync() error { return m.file.Sync() }

// bootID identifies this boot of the machine, "" if unknown.
func bootID() string {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}
