package eventlog

import (
	"cmp"
	"context"
	"errors"
	"time"
)

// Errors of a [Log].
var (
	// ErrClosed is returned by every append after Close.
	ErrClosed = errors.New("the log is closed")
	// ErrBusy is returned by an append that waited and found the readers of the
	// live flow still too far behind. Nothing was appended; trying again is safe.
	ErrBusy = errors.New("the log's readers are behind")
	// ErrFuture is returned by an Await of a position that the log never gave.
	ErrFuture = errors.New("the position is in the future")
	// ErrBehind is returned by an Await that timed out; try again.
	ErrBehind = errors.New("this server is behind the log")
)

// Log is one ordered log of events. Its methods are safe for concurrent use.
type Log interface {
	// Append accepts the events, all or none, and orders them one after the
	// other with no other event between them. It returns once they are readable,
	// with a result for each event in the order given. Concurrent appends are
	// ordered arbitrarily, but every reader sees that one order.
	//
	// An event whose idempotency key its channel has seen within DedupeWindow is
	// not appended again; its result is the first one's, marked as a duplicate. Keys
	// are forgotten earlier only when they would take more than an eighth of the budget.
	//
	// Errors: ErrClosed; ErrBusy; an [EndedError]; or ctx.Err() while waiting for the readers.
	Append(ctx context.Context, events []Event) ([]Result, error)

	// Head returns the position of the newest event.
	Head() Position

	// Await returns once the head has reached seq, a position of this epoch that a reader received. A follower may
	// reach it later than its reader did; Await then waits until ctx ends.
	//
	// Errors: ErrFuture; ErrClosed; ErrBehind if ctx ends first.
	Await(ctx context.Context, seq uint64) error

	// Last returns the head, and at the same instant the newest kept record of each channel, nil if none is kept. A
	// piece of a text is joined with those before it; see [JoinPieces].
	Last(channels []string) (Position, []*Record)

	// LastMatching returns the newest kept record of each of the n channels of the pattern that were appended to last, in log
	// order.
	LastMatching(pattern string, n int) []*Record

	// Next reads the events of the cursor's channels after c.After, oldest first, up to the limit, into dst. It does
	// not change c.After: the caller advances it as far as it has used the batch. Holes are reported once for each
	// cursor.
	Next(c *Cursor, limit Limit, dst []*Record) Batch

	// Ended reports whether all of the channels have ended at through or before: the newest
	// event of each is kept and says that it is the last.
	Ended(channels []string, through uint64) bool

	// HasEnds reports whether any channel has ended.
	HasEnds() bool

	// Pending counts the kept events of the cursor's channels after c.After.
	Pending(c *Cursor) int

	// Tail follows the live flow from the head on. After every append that the
	// tail has not seen, wake gets a value if it has room; make it with capacity
	// one. Close the tail when done, or appends will wait for it.
	Tail(wake chan<- struct{}) *Tail

	// Close ends the log. Appends fail from then on; reads go on working.
	Close() error
}

// Result is the outcome of appending an event.
type Result struct {
	Seq       uint64
	Duplicate bool // the idempotency key was seen before; Seq is the first event's
}

// Limit bounds one read of a cursor. Zero means no limit for that measure. At least one record is read, if there is
// one.
type Limit struct {
	Events int
	Bytes  int
}

// Batch is the result of one read of a cursor.
type Batch struct {
	Gaps    []Gap     // holes not reported to this cursor before
	Records []*Record // in log order
	Through uint64    // everything of the cursor's channels up to here is in Records or a hole
	Done    bool      // nothing kept lies behind Records; Through is the head
}

// Gap is a hole: events of the channel after the cursor's position were kept once and have been dropped.
type Gap struct {
	Channel string // or a pattern, if its channel is unknown
	Empty   bool   // the channel keeps nothing at all
	Skipped int    // events that are kept, but left out for the channel's newest one; see [Rule]
}

// Options limit what a log keeps. The zero value is the documented default. Numbers must not be negative unless
// documented, and an epoch has only the characters [A-Za-z0-9._].
type Options struct {
	Events int           // newest events kept for each channel; 0 means 1000
	Bytes  int           // newest bytes kept for each channel; 0 means 1 MiB
	Age    time.Duration // how long an event is kept; 0 means 1 h, negative without end
	// Budget is bytes over all channels, book-keeping included; 0 means 256 MiB. The server's
	// own channels, see [IsOwn], may have a sixteenth of it.
	Budget int64
	Rules  []Rule // for channels that keep more or less than that
	Epoch  string // name of this life of the log; "" means a random one
	MaxLag int64  // bytes that a tail may be behind before appends wait; 0 means 64 MiB
	// MaxWait is how long an append waits for a tail that is behind before it
	// fails with ErrBusy; 0 means 2 s.
	MaxWait time.Duration
}

// DefaultBudget is the default of Options.Budget.
const DefaultBudget = 256 << 20

// DedupeWindow is how long an idempotency key is remembered.
const DedupeWindow = 2 * time.Minute

func (o Options) withDefaults() Options {
	o.Events = cmp.Or(o.Events, 1000)
	o.Bytes = cmp.Or(o.Bytes, 1<<20)
	o.Age = cmp.Or(o.Age, time.Hour)
	o.Budget = cmp.Or(o.Budget, DefaultBudget)
	if o.Epoch == "" {
		o.Epoch = NewEpoch()
	}
	o.MaxLag = cmp.Or(o.MaxLag, 64<<20)
	o.MaxWait = cmp.Or(o.MaxWait, 2*time.Second)
	return o
}
