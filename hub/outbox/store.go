package outbox

import (
	"context"
	"errors"
)

// Errors of a Store.
var (
	ErrConflict    = errors.New("another writer was first")
	ErrUnavailable = errors.New("the outbox can't be used now")
	ErrClosed      = errors.New("the outbox is closed")
)

// Entry is one message to send.
type Entry struct {
	Seq  uint64
	Data []byte // never changed
}

// Value is a named value. Rev is 0 if it does not exist.
type Value struct {
	Data []byte
	Rev  uint64
}

// Store stores entries and values. Its methods are safe for concurrent use, and their errors wrap those above.
type Store interface {
	// Durable reports whether the contents outlive the process, Shared whether other servers use them too.
	Durable() bool
	Shared() bool

	// Append adds the entry numbered after+1. ErrConflict: after is not the last one.
	Append(ctx context.Context, after uint64, data []byte) error
	// Read returns at most n of the oldest entries numbered above after. Their numbers rise, with holes in place of
	// dropped entries.
	Read(ctx context.Context, after uint64, n int) ([]Entry, error)
	// Head is the number of the last entry, 0 if there was none.
	Head(ctx context.Context) (uint64, error)
	// Changed gets a value when there may be a new entry.
	Changed() <-chan struct{}
	// Trim drops the entries through a number.
	Trim(ctx context.Context, through uint64) error

	Get(ctx context.Context, key string) (Value, error)
	// Put replaces the value of revision rev, 0 for none, and returns the new revision. ErrConflict: the revision is
	// another one.
	Put(ctx context.Context, key string, data []byte, rev uint64) (uint64, error)
	// Delete drops a value, if there is one.
	Delete(ctx context.Context, key string) error
	// Keys returns the names of values that begin with prefix, sorted. A name consists of letters, digits, "-", "_" and ".".
	Keys(ctx context.Context, prefix string) ([]string, error)

	Close() error
}
