package disklog

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/cockroachdb/pebble/v2"

	"rollcall/hub/eventlog"
)

// memTable is how much the store gathers in memory before it sorts it into a file. It is in the log of commits all
// the while.
const memTable = 16 << 20

// store is the database in the directory. It stores nothing more once it has failed.
type store struct {
	*pebble.DB
	fs     *diskFS
	lock   *pebble.Lock
	log    *slog.Logger
	failed atomic.Pointer[error]
}

// openStore opens the database, or makes one.
func openStore(dir string, relaxed bool, log *slog.Logger) (*store, error) {
	s := &store{fs: newDiskFS(relaxed), log: log}
	o := &pebble.Options{
		FS:                 s.fs,
		FormatMajorVersion: pebble.FormatWALSyncChunks,
		MemTableSize:       memTable,
		// Entries are written by compaction half as often as with the default of 4.
		L0CompactionThreshold: 8,
		Logger:                storeLog{s},
		EventListener: &pebble.EventListener{
			BackgroundError: func(err error) { log.Warn("background work of the event store failed; retrying", "error", err) },
			DataCorruption: func(i pebble.DataCorruptionInfo) {
				log.Error("a file of the event store is damaged", "file", i.Path, "error", i.Details)
			},
			DiskSlow: func(i pebble.DiskSlowInfo) {
				log.Warn("the disk of the event store is slow", "operation", i.OpType.String(), "took", i.Duration)
			},
		},
	}
	o.Experimental.SpanPolicyFunc = apart
	if err := s.fs.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	lock, err := pebble.LockDirectory(dir, s.fs)
	if err != nil {
		if errors.Is(err, syscall.EAGAIN) || strings.Contains(err.Error(), "held by current process") {
			return nil, errors.New("another process uses it")
		}
		return nil, err
	}
	o.Lock = lock
	if s.DB, err = pebble.Open(dir, o); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	s.lock = lock
	return s, nil
}

// apart has sorted files hold keys of one kind. Those of blocks, which come in order, then never overlap, and are not
// written again by compaction.
func apart(start []byte) (pebble.SpanPolicy, []byte, error) {
	return pebble.SpanPolicy{}, []byte{start[0] + 1}, nil
}

// fail notes that the store can't be written.
func (s *store) fail(why string) {
	err := fmt.Errorf("%w: its disk could not be written", eventlog.ErrUnavailable)
	if s.failed.CompareAndSwap(nil, &err) {
		s.log.Error("the event store has failed; repair the disk and restart the server", "error", why)
	}
}

// failure returns why the store can't be written.
func (s *store) failure() error {
	if err := s.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// close closes the store. A failed store stays as it is: the process is about to end, and the next one finds it as
// after a crash.
func (s *store) close() error {
	if err := s.failure(); err != nil {
		return err
	}
	return guard(func() error { return errors.Join(s.DB.Close(), s.lock.Close()) })
}

// errFailed is the error of all operations after the store has failed.
var errFailed = fmt.Errorf("%w: it has failed", eventlog.ErrUnavailable)

// guard does something that the store's failure may end.
func guard(do func() error) error {
	done := make(chan error, 1)
	go func() {
		defer close(done)
		done <- do()
	}()
	err, ok := <-done
	if !ok {
		return errFailed
	}
	return err
}

// storeLog is the database's logger.
type storeLog struct{ s *store }

func (l storeLog) Infof(f string, v ...any)  { l.s.log.Debug("event store: " + fmt.Sprintf(f, v...)) }
func (l storeLog) Errorf(f string, v ...any) { l.s.log.Error("event store: " + fmt.Sprintf(f, v...)) }

// Fatalf must not return. The goroutine that met the error ends, see guard.
func (l storeLog) Fatalf(f string, v ...any) {
	l.s.fail(fmt.Sprintf(f, v...))
	runtime.Goexit()
}
