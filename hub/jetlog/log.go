package jetlog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"rollcall/hub/eventlog"
)

// Options say which stream a log is and what it keeps. An existing stream must match the numbers here; 0 means any
// number of an existing stream, and the stated default for a new one.
type Options struct {
	Stream   string        // "" means ROLLCALL
	Prefix   string        // of subjects; "" means rollcall
	Replicas int           // 0 means 1
	Events   int64         // newest events kept for each channel, at least 2000; negative without end
	Age      time.Duration // how long an event is kept; 0 means 1 h, negative without end
	// Bytes over all channels; 0 or negative is no limit but the server's. Without one,
	// a server that is full refuses events; with one, the oldest go.
	Bytes int64
	// Mirror limits what this node keeps in memory. Its Epoch is that of a newly created stream; "" means a random
	// one.
	Mirror eventlog.Options
}

// Log is an [eventlog.Log] on a JetStream stream. It reads from the Memory within, and is its only writer.
type Log struct {
	*eventlog.Memory

	// Static.
	link *Link
	opts Options
	life *incarnation
	mark *mark
	log  *slog.Logger

	notes *eventlog.NoteQuota // of all nodes

	ctx      context.Context // ends with Close
	cancel   context.CancelFunc
	alive    context.Context // ends with ctx, and when the stream is lost
	die      context.CancelFunc
	running  sync.WaitGroup
	closed   sync.Once
	closeErr error
	batches  chan struct{} // a place for each open batch
	reads    chan struct{} // a place for each older read
	damaged  uint64        // the number through which the stream misses events without explanation; static once loaded

	lost    ending
	last    atomic.Uint64 // the stream's last known sequence number
	asked   atomic.Int64  // when that was, Unix nanoseconds
	trouble atomic.Pointer[string]

	tail // owned by the following goroutine
}

var _ eventlog.Log = (*Log)(nil)

// Open opens the log on the link: it finds or creates the stream and loads the mirror. It waits, until ctx ends, for a
// connection, and returns when the mirror has reached the stream's end at the start.
//
// Errors: *Mismatch; ErrRefused; ErrUnavailable and ErrLost, which are temporary; others that a retry does not fix.
func Open(ctx context.Context, link *Link, opts Options) (*Log, error) {
	opts.Stream = cmp.Or(opts.Stream, "ROLLCALL")
	opts.Prefix = cmp.Or(opts.Prefix, "rollcall")
	if err := link.wait(ctx); err != nil {
		return nil, err
	}
	m := link.mark(opts.Stream)
	life, info, err := link.ensure(ctx, &opts, m)
	if err != nil {
		return nil, err
	}
	opts.Mirror.Epoch = life.epoch
	l := &Log{
		link: link, opts: opts, life: life, mark: m, log: link.log,
		batches: make(chan struct{}, 16),
		reads:   make(chan struct{}, 8),
		lost:    ending{done: make(chan struct{})},
	}
	budget := life.config.MaxBytes
	if budget <= 0 {
		budget = cmp.Or(opts.Mirror.Budget, eventlog.DefaultBudget)
	}
	l.notes = eventlog.NewNoteQuota(budget, life.config.MaxAge)
	from := start(info.State, cmp.Or(opts.Mirror.Budget, eventlog.DefaultBudget))
	l.Memory = eventlog.NewFollower(opts.Mirror, from-1)
	l.ctx, l.cancel = context.WithCancel(context.Background())
	l.alive, l.die = context.WithCancel(l.ctx)
	l.noteLastSeq(info.State.LastSeq)
	l.tail = tail{target: info.State.LastSeq, from: from, loaded: make(chan struct{}), when: info.State.LastTime}
	l.running.Go(l.follow)
	select {
	case <-l.loaded:
	case <-l.lost.done:
		err = l.Err()
	case <-ctx.Done():
		err = fmt.Errorf("%w: the stream did not arrive while it was loaded", ErrUnavailable)
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	l.running.Go(l.watch)
	return l, nil
}

// Close ends the log. The link and the stream remain.
func (l *Log) Close() error {
	l.closed.Do(func() {
		err := l.Memory.Close()
		l.cancel()
		l.running.Wait()
		l.closeErr = err
	})
	return l.closeErr
}

// Lost returns a channel that is closed when the log has ended because its stream ended or began anew. The mirror can
// still be read, but receives nothing, and appends fail. End all streams that follow this log, close it, and open
// another one: its epoch differs if a number could be assigned twice.
func (l *Log) Lost() <-chan struct{} { return l.lost.done }

// Err returns why the log was lost, nil if it was not. It is an ErrLost.
func (l *Log) Err() error {
	select {
	case <-l.lost.done:
		return l.lost.err
	default:
		return nil
	}
}

// ending is an end with a reason, which comes once.
type ending struct {
	once sync.Once
	done chan struct{}
	err  error // set before done is closed
}

// setBack ends the log for a proof that the stream was set back: its next epoch is
// another one.
func (l *Log) setBack(why string) {
	l.mark.prove(l.life.epoch, why)
	l.lose(why)
}

// lose ends the log.
func (l *Log) lose(why string) {
	l.lost.once.Do(func() {
		l.lost.err = fmt.Errorf("%w: %s", ErrLost, why)
		l.log.Error("the stream was lost", "stream", l.opts.Stream, "epoch", l.life.epoch, "reason", why)
		close(l.lost.done)
		l.die()
	})
}
