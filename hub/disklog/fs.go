package disklog

import (
	"errors"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// fullAgain is how often a write that found the disk full is tried again.
const fullAgain = 100 * time.Millisecond

// diskFS is the file system below the store. An operation that finds the disk full waits for free space, so the store
// sees no error and has nothing to recover from. In relaxed mode, commits do not wait for the disk.
type diskFS struct {
	vfs.FS
	relaxed bool
	waiting atomic.Int32  // writes that wait for room
	done    chan struct{} // closed when nothing waits any more
	once    sync.Once

	mu   sync.Mutex
	wals map[*diskFile]struct{} // open ones, in relaxed mode
}

func newDiskFS(relaxed bool) *diskFS {
	return &diskFS{FS: vfs.Default, relaxed: relaxed, done: make(chan struct{}), wals: make(map[*diskFile]struct{})}
}

// Unwrap implements [vfs.FS].
func (d *diskFS) Unwrap() vfs.FS { return d.FS }

// giveUp ends all waiting for room, now and later.
func (d *diskFS) giveUp() { d.once.Do(func() { close(d.done) }) }

// full reports whether the store waits for room.
func (d *diskFS) full() bool { return d.waiting.Load() > 0 }

// patiently does something again until the disk has room for it.
func (d *diskFS) patiently(do func() error) error {
	err := do()
	if !isFull(err) {
		return err
	}
	d.waiting.Add(1)
	defer d.waiting.Add(-1)
	ticker := time.NewTicker(fullAgain)
	defer ticker.Stop()
	for isFull(err) {
		select {
		case <-ticker.C:
			err = do()
		case <-d.done:
			return err
		}
	}
	return err
}

func isFull(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

func (d *diskFS) wrap(name string, open func() (vfs.File, error)) (vfs.File, error) {
	f := &diskFile{fs: d}
	err := d.patiently(func() (err error) {
		f.File, err = open()
		return err
	})
	if err != nil {
		return nil, err
	}
	if d.relaxed && strings.HasSuffix(name, ".log") {
		f.lazy = true
		d.mu.Lock()
		d.wals[f] = struct{}{}
		d.mu.Unlock()
	}
	return f, nil
}

// Create implements [vfs.FS].
func (d *diskFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return d.wrap(name, func() (vfs.File, error) { return d.FS.Create(name, category) })
}

// ReuseForWrite implements [vfs.FS].
func (d *diskFS) ReuseForWrite(from, to string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return d.wrap(to, func() (vfs.File, error) { return d.FS.ReuseForWrite(from, to, category) })
}

// OpenReadWrite implements [vfs.FS].
func (d *diskFS) OpenReadWrite(name string, category vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	return d.wrap(name, func() (vfs.File, error) { return d.FS.OpenReadWrite(name, category, opts...) })
}

// Rename implements [vfs.FS].
func (d *diskFS) Rename(from, to string) error {
	return d.patiently(func() error { return d.FS.Rename(from, to) })
}

// MkdirAll implements [vfs.FS].
func (d *diskFS) MkdirAll(dir string, perm os.FileMode) error {
	return d.patiently(func() error { return d.FS.MkdirAll(dir, perm) })
}

// sync writes everything to the disk that commits left to the operating system.
func (d *diskFS) sync() error {
	d.mu.Lock()
	var files []*diskFile
	for f := range d.wals {
		if f.dirty.Swap(false) {
			files = append(files, f)
		}
	}
	d.mu.Unlock()
	var err error
	for _, f := range files {
		err = errors.Join(err, f.reallySync())
	}
	return err
}

// diskFile is a file that is written.
type diskFile struct {
	vfs.File
	fs    *diskFS
	lazy  bool // the log of commits in relaxed mode
	dirty atomic.Bool

	mu     sync.Mutex // of a lazy one: it is not closed while it is synced
	closed bool
}

// Write implements [vfs.File].
func (f *diskFile) Write(p []byte) (n int, err error) {
	err = f.fs.patiently(func() error {
		wrote, err := f.File.Write(p[n:])
		n += wrote
		return err
	})
	return n, err
}

// Preallocate implements [vfs.File]. It does nothing: preallocated space would count as used.
func (f *diskFile) Preallocate(int64, int64) error { return nil }

// Sync implements [vfs.File].
func (f *diskFile) Sync() error {
	if f.lazy {
		f.dirty.Store(true)
		return nil
	}
	return f.File.Sync()
}

// SyncData implements [vfs.File].
func (f *diskFile) SyncData() error {
	if f.lazy {
		f.dirty.Store(true)
		return nil
	}
	return f.File.SyncData()
}

// reallySync syncs a lazy file that may have been closed meanwhile, which has synced it.
func (f *diskFile) reallySync() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	return f.File.SyncData()
}

// Close implements [vfs.File].
func (f *diskFile) Close() error {
	if !f.lazy {
		return f.File.Close()
	}
	f.fs.mu.Lock()
	delete(f.fs.wals, f)
	f.fs.mu.Unlock()
	err := f.reallySync()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	return errors.Join(err, f.File.Close())
}
