package ingest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"rollcall/hub/eventlog"
)

// Options configure an Ingest.
type Options struct {
	Stream     string // name of the stream that captures the subjects
	Subjects   []string
	Replicas   int // of a new stream; 0 means 1
	MaxPayload int // bytes of an event's payload
	Log        *slog.Logger

	// First reports whether this server is the one that reads the stream. Nil means that it is alone.
	First func() bool
	// Append appends events to the log, in order, and reports which it has already. Its errors are those of
	// [eventlog.Log.Append].
	Append func(context.Context, []eventlog.Event) ([]eventlog.Result, error)
}

// Bounds of an Ingest.
const (
	maxBytes  = 256 << 20 // of the stream; further messages are refused to their publishers
	batchSize = 64        // messages that are read ahead, and appended at once
)

// pace bounds the times of an Ingest.
type pace struct {
	first time.Duration // between two looks at First, while another server reads
	again time.Duration // between two attempts
	purge time.Duration // between two purges while messages come
	stale time.Duration // a batch that was read this long ago is read again
	warn  time.Duration // between two log lines of the same kind
}

var usualPace = pace{
	first: 500 * time.Millisecond, again: time.Second, purge: 250 * time.Millisecond,
	stale: 30 * time.Second, warn: 10 * time.Second,
}

// Ingest makes events of messages. Its methods are safe for concurrent use.
type Ingest struct {
	// Static.
	opts   Options
	pace   pace
	stream jetstream.Stream
	life   string // distinguishes the stream from earlier ones
	cancel context.CancelFunc
	done   chan struct{}

	published, duplicates, refused, waiting atomic.Uint64 // see Stats
	reading                                 atomic.Bool

	mu      sync.Mutex
	refusal bounded
	failure bounded
}

// metadata marks the stream as one of this package.
const metadata = "rollcall-ingest"

// Open opens the stream. It makes a missing one, and gives an existing one the configured subjects. Close ends it.
func Open(ctx context.Context, nc *nats.Conn, opts Options) (*Ingest, error) {
	return open(ctx, nc, opts, usualPace)
}

func open(ctx context.Context, nc *nats.Conn, opts Options, p pace) (*Ingest, error) {
	if err := CheckSubjects(opts.Subjects); err != nil {
		return nil, err
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	i := &Ingest{opts: opts, pace: p, done: make(chan struct{})}
	if err := i.ensure(ctx, js); err != nil {
		return nil, err
	}
	i.life = strconv.FormatInt(i.stream.CachedInfo().Created.UnixNano(), 36)
	ctx, i.cancel = context.WithCancel(context.Background())
	go i.run(ctx, js)
	return i, nil
}

// ensure finds or makes the stream.
func (i *Ingest) ensure(ctx context.Context, js jetstream.JetStream) (err error) {
	config := jetstream.StreamConfig{
		Name: i.opts.Stream, Description: "Messages that become events of Rollcall", Subjects: slices.Clone(i.opts.Subjects),
		Storage: jetstream.FileStorage, Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardNew, MaxBytes: maxBytes,
		Replicas: cmp.Or(i.opts.Replicas, 1), Duplicates: eventlog.DedupeWindow, Metadata: map[string]string{metadata: "1"},
	}
	i.stream, err = js.Stream(ctx, i.opts.Stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if i.stream, err = js.CreateStream(ctx, config); errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			i.stream, err = js.Stream(ctx, i.opts.Stream) // another server was first
		}
	}
	if err != nil {
		return i.opening(err)
	}
	now := i.stream.CachedInfo().Config
	if now.Metadata[metadata] == "" {
		return fmt.Errorf("the stream %q exists and is not one of Rollcall's for --ingest", i.opts.Stream)
	}
	if slices.Equal(slices.Sorted(slices.Values(now.Subjects)), slices.Sorted(slices.Values(i.opts.Subjects))) {
		return nil
	}
	i.opts.Log.Info("the stream captures other subjects now",
		"stream", i.opts.Stream, "before", now.Subjects, "now", i.opts.Subjects)
	now.Subjects = config.Subjects
	i.stream, err = js.UpdateStream(ctx, now)
	return i.opening(err)
}

// codeOverlap is JetStream's error code for subjects that another stream has.
const codeOverlap = 10065

// opening returns an error of the stream with its cause in words.
func (i *Ingest) opening(err error) error {
	var no *jetstream.APIError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &no) && no.ErrorCode == codeOverlap:
		return fmt.Errorf("another stream has some of the subjects %v already: %w", i.opts.Subjects, err)
	case errors.As(err, &no) && no.Code < 500:
		return fmt.Errorf("the stream %q: %w", i.opts.Stream, err)
	}
	return fmt.Errorf("%w: the stream %q: %w", eventlog.ErrUnavailable, i.opts.Stream, err)
}

// Close ends the reading. Messages that are not appended stay in the stream.
func (i *Ingest) Close() {
	i.cancel()
	<-i.done
}

// Stats counts messages since the start.
type Stats struct {
	Published  uint64 // became events
	Duplicates uint64 // were events already
	Refused    uint64 // can't be events
	Waiting    uint64 // messages behind the last one read, if this server reads
	Reading    bool   // this server reads
}

// Stats returns the counts.
func (i *Ingest) Stats() Stats {
	return Stats{
		Published: i.published.Load(), Duplicates: i.duplicates.Load(), Refused: i.refused.Load(), Waiting: i.waiting.Load(),
		Reading: i.reading.Load(),
	}
}

func (i *Ingest) first() bool { return i.opts.First == nil || i.opts.First() }

// run reads whenever this server is the first, until ctx ends.
func (i *Ingest) run(ctx context.Context, js jetstream.JetStream) {
	defer close(i.done)
	for ctx.Err() == nil {
		if !i.first() {
			sleep(ctx, i.pace.first)
			continue
		}
		i.reading.Store(true)
		err := i.read(ctx, js)
		i.reading.Store(false)
		i.waiting.Store(0)
		if err != nil && !errors.Is(err, errAgain) && ctx.Err() == nil {
			if n, due := i.due(&i.failure); due {
				i.opts.Log.Warn("messages of NATS can't be read; trying again", "stream", i.opts.Stream, "error", err, "failed", n)
			}
			sleep(ctx, i.pace.again)
		}
	}
}

// sleep waits for d, or for the end of ctx.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// bounded limits log lines of one kind.
type bounded struct {
	last  time.Time
	count uint64 // since then
}

// due counts one more, and reports whether a line is due and how many there were since the last.
func (i *Ingest) due(b *bounded) (n uint64, due bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	b.count++
	if now := time.Now(); b.last.IsZero() || now.Sub(b.last) >= i.pace.warn {
		n, b.count, b.last = b.count, 0, now
		return n, true
	}
	return 0, false
}
