package disklog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"rollcall/hub/eventlog"
)

// Options configure a log.
type Options struct {
	// Relaxed acknowledges an event once the operating system has it, and syncs the disk every two seconds. A crash of
	// the process then loses nothing; a crash of the machine loses at most the events of that time. Otherwise every
	// event is on the disk before it is acknowledged.
	Relaxed bool
	// Keep limits each channel, on the disk and in memory. Its Budget applies only to the memory, and its Epoch to a
	// newly created store; "" means a random one.
	Keep eventlog.Options
	Log  *slog.Logger

	still    bool                  // for tests: nothing is tidied by itself
	identity func(*os.File) string // for tests; nil means identity
	boot     func() string         // for tests; nil means bootID
}

// Log is an [eventlog.Log] in a directory. It reads from the Memory within, and is its only writer.
type Log struct {
	*eventlog.Memory

	// Static.
	dir   string
	opts  Options
	epoch string
	store *store
	// mayHaveEnds says whether a channel had ended when the log was opened.
	mayHaveEnds bool
	mark        *mark
	log         *slog.Logger

	segs  segments
	floor atomic.Uint64 // the number through which everything was dropped
	queue queue
	trims trims
	reads chan struct{} // a place for each older read

	backup      chan struct{} // of capacity one: the place for a backup
	checkpoints chan func()   // what the sweeper does for a backup

	notes *eventlog.NoteQuota

	running  sync.WaitGroup
	stop     chan struct{} // closed to end the sweeper
	closed   sync.Once
	closeErr error
}

var _ eventlog.Log = (*Log)(nil)

// storeName is the store's part of the directory.
const storeName = "events"

// Open opens the log in dir. It creates the directory if its parent exists, and locks it against other processes.
func Open(dir string, opts Options) (*Log, error) {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.identity == nil {
		opts.identity = identity
	}
	if opts.boot == nil {
		opts.boot = bootID
	}
	l := &Log{dir: dir, opts: opts, log: opts.Log, stop: make(chan struct{}), reads: make(chan struct{}, 8)}
	l.backup, l.checkpoints = make(chan struct{}, 1), make(chan func())
	l.queue.wake = make(chan struct{}, 1)
	l.trims.wake = make(chan struct{}, 1)
	if err := guard(l.open); err != nil {
		if l.mark != nil {
			_ = l.mark.file.Close()
		}
		if l.store != nil {
			l.store.fs.giveUp()
			err = errors.Join(err, l.store.close())
		}
		if l.Memory != nil {
			_ = l.Memory.Close()
		}
		return nil, fmt.Errorf("event store in %s: %w", dir, err)
	}
	w := newWriter(l)
	l.running.Go(func() { l.commit(w) })
	if !opts.still {
		l.running.Go(l.sweep)
	}
	return l, nil
}

func (l *Log) open() error {
	if err := os.Mkdir(l.dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return plain(err)
	}
	if _, err := os.Stat(filepath.Join(l.dir, "jetstream")); err == nil {
		return errors.New("it has events of an older version, in JetStream's format, which this version can't read; " +
			"use another directory, or move this one away")
	}
	var err error
	if l.store, err = openStore(filepath.Join(l.dir, storeName), l.opts.Relaxed, l.log); err != nil {
		return plain(err)
	}
	if err := os.RemoveAll(filepath.Join(l.dir, backupName)); err != nil {
		return plain(err)
	}
	if l.mark, err = openMark(l.dir, l.opts.identity); err != nil {
		return plain(err)
	}
	last, err := l.begin()
	if err != nil {
		return err
	}
	return l.load(last)
}

// farAhead is how many numbers are skipped if the end of the log is unreadable.
const farAhead = 1 << 32

// begin finds the end of the log and its epoch, or gives it a new epoch.
func (l *Log) begin() (last uint64, err error) {
	written, err := l.text(metaVersion)
	if err != nil {
		return 0, err
	}
	if l.epoch, err = l.text(metaEpoch); err != nil {
		return 0, err
	}
	boot := closedBoot
	if l.opts.Relaxed {
		boot = l.opts.boot()
	}
	why := ""
	switch {
	case written == "":
		l.epoch = l.opts.Keep.Epoch
		if l.epoch == "" || l.mark.bad || l.mark.epoch == l.epoch {
			l.epoch = eventlog.NewEpoch()
		}
	case written != version:
		return 0, fmt.Errorf("it was written by another version of the program, in the format %q; this version uses %q", written, version)
	}
	last, torn, err := l.loadSegments()
	if err != nil {
		return 0, err
	}
	if written != "" {
		if why = l.mark.reused(l.epoch, last, l.opts.boot()); why != "" {
			l.epoch = eventlog.NewEpoch()
			l.log.Warn("the log gets a new epoch", "epoch", l.epoch, "reason", why)
		}
	}
	if !l.mark.bad { // remains of lost events, as in the index, are before all new ones
		last = max(last, l.mark.seq)
	}
	if torn {
		last += farAhead
	}
	if written == "" || why != "" {
		b := l.store.NewBatch()
		defer b.Close()
		if written == "" {
			if err := b.Set(metaKey(metaNoEnds), []byte("1"), nil); err != nil {
				return 0, err
			}
		}
		err := errors.Join(b.Set(metaKey(metaVersion), []byte(version), nil), b.Set(metaKey(metaEpoch), []byte(l.epoch), nil))
		if err := errors.Join(err, b.Commit(pebble.Sync)); err != nil {
			return 0, err
		}
	}
	endless, err := l.text(metaNoEnds)
	if err != nil {
		return 0, err
	}
	l.mayHaveEnds = endless == ""
	return last, l.mark.begin(l.epoch, last, boot)
}

func (l *Log) text(name string) (string, error) {
	value, closer, err := l.store.Get(metaKey(name))
	if errors.Is(err, pebble.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer closer.Close()
	return string(value), nil
}

func (l *Log) number(name string) (uint64, error) {
	text, err := l.text(name)
	if err != nil || text == "" {
		return 0, err
	}
	if len(text) != 8 {
		return 0, errMalformed
	}
	return keySeq([]byte(text)), nil
}

// plain is the error without the path, which is named already.
func plain(err error) error {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return fmt.Errorf("%s: %w", filepath.Base(pe.Path), pe.Err)
	}
	return err
}

// Await implements [eventlog.Log]. The log is never behind its readers.
func (l *Log) Await(_ context.Context, seq uint64) error {
	if l.Head().Seq < seq {
		return eventlog.ErrFuture
	}
	return nil
}

// Close ends the log. Accepted events are stored first.
func (l *Log) Close() error {
	l.closed.Do(func() {
		err := l.Memory.Close()
		l.queue.close()
		close(l.stop)
		l.store.fs.giveUp()
		l.running.Wait()
		if l.store.failure() == nil {
			err = errors.Join(err, l.store.fs.sync(), l.mark.begin(l.epoch, l.Head().Seq, closedBoot))
		}
		l.closeErr = errors.Join(err, l.mark.file.Close(), l.store.close())
	})
	return l.closeErr
}

// relaxedSync is the interval of syncs in relaxed mode.
const relaxedSync = 2 * time.Second
