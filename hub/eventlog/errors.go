package eventlog

import "errors"

// Errors of logs in other stores, beside those of a [Log]. Their text continues with a reason.
var (
	// ErrUnavailable: the store can't be reached or has no leader. Nothing was stored;
	// trying again is safe.
	ErrUnavailable = errors.New("the event store is not available")
	// ErrUnknown: the store went away between sending and the answer.
	ErrUnknown = errors.New("the event store did not answer: the events may or may not have been stored; retry with an idempotency key")
	// ErrFull: the disk is full or a limit of the store is reached. Nothing was stored.
	ErrFull = errors.New("the event store is full")
	// ErrTooMany: more events than a batch of the store can have.
	ErrTooMany = errors.New("too many events at once for the event store")
	// ErrTooLarge: an event is larger than the store takes.
	ErrTooLarge = errors.New("an event is larger than the event store accepts")
	// ErrLost: the store's log is gone; a new one replaces it.
	ErrLost = errors.New("the event store's log was lost")
)
