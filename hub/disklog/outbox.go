package disklog

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"rollcall/hub/outbox"
)

// Outbox is an [outbox.Store] in a directory of its own.
type Outbox struct {
	store   *store        // static
	changed chan struct{} // capacity one
	turn    chan struct{} // capacity one: a goroutine that has put a value in owns the fields below and the database
	head    uint64
	rev     uint64
	trimmed uint64 // everything before is dropped
	closed  bool
}

var _ outbox.Store = (*Outbox)(nil)

// The first bytes of the outbox's keys.
const (
	kindOut   = 'o' // number → entry
	kindValue = 'v' // name → revision, value
)

func outKey(seq uint64) []byte { return binary.BigEndian.AppendUint64([]byte{kindOut}, seq) }

func valueKey(name string) []byte { return append([]byte{kindValue}, name...) }

// OpenOutbox opens the outbox in dir and locks it against other processes. With relaxed, a crash of the machine may
// lose the writes of the last seconds.
func OpenOutbox(dir string, relaxed bool, log *slog.Logger) (*Outbox, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	o := &Outbox{changed: make(chan struct{}, 1), turn: make(chan struct{}, 1)}
	err := guard(func() error {
		var err error
		if o.store, err = openStore(dir, relaxed, log); err != nil {
			return err
		}
		return o.load()
	})
	if err != nil {
		return nil, fmt.Errorf("outbox in %s: %w", dir, plain(err))
	}
	return o, nil
}

// load finds the highest numbers assigned. Those of dropped entries are in the metadata.
func (o *Outbox) load() error {
	for name, at := range map[string]*uint64{metaHead: &o.head, metaRev: &o.rev} {
		value, closer, err := o.store.Get(metaKey(name))
		if err == pebble.ErrNotFound {
			continue
		}
		if err != nil {
			return err
		}
		*at = keySeq(value)
		if err := closer.Close(); err != nil {
			return err
		}
	}
	return nil
}

// metaRev is the name of the last revision of a value.
const metaRev = "rev"

// Durable implements [outbox.Store].
func (o *Outbox) Durable() bool { return true }

// Shared implements [outbox.Store].
func (o *Outbox) Shared() bool { return false }

// Changed implements [outbox.Store].
func (o *Outbox) Changed() <-chan struct{} { return o.changed }

// own has do own the outbox, in a goroutine that the store's failure may end.
func (o *Outbox) own(ctx context.Context, do func() error) error {
	select {
	case o.turn <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", outbox.ErrUnavailable, ctx.Err())
	}
	defer func() { <-o.turn }()
	if o.closed {
		return outbox.ErrClosed
	}
	if o.store.failure() != nil {
		return outbox.ErrUnavailable
	}
	err := guard(do)
	if err != nil && !errors.Is(err, outbox.ErrConflict) {
		return fmt.Errorf("%w: %w", outbox.ErrUnavailable, err)
	}
	return err
}

// write commits the batch that fill fills.
func (o *Outbox) write(fill func(*pebble.Batch) error) error {
	b := o.store.NewBatch()
	defer b.Close()
	if err := fill(b); err != nil {
		return err
	}
	return b.Commit(pebble.Sync)
}

// OutboxName is the outbox's place beside a log, in its directory and in its backups.
const OutboxName = "webhooks"

// checkpoint writes the outbox to a directory that does not exist.
func (o *Outbox) checkpoint(ctx context.Context, dir string) error {
	return o.own(ctx, func() error { return o.store.Checkpoint(dir) })
}

// Append implements [outbox.Store].
func (o *Outbox) Append(ctx context.Context, after uint64, data []byte) error {
	return o.own(ctx, func() error {
		if after != o.head {
			return outbox.ErrConflict
		}
		err := o.write(func(b *pebble.Batch) error {
			return errors.Join(b.Set(outKey(after+1), data, nil), b.Set(metaKey(metaHead), number(after+1), nil))
		})
		if err != nil {
			return err
		}
		o.head++
		select {
		case o.changed <- struct{}{}:
		default:
		}
		return nil
	})
}

// Read implements [outbox.Store].
func (o *Outbox) Read(ctx context.Context, after uint64, n int) (list []outbox.Entry, err error) {
	err = o.own(ctx, func() error {
		return o.each(outKey(after+1), []byte{kindOut + 1}, func(key, value []byte) bool {
			list = append(list, outbox.Entry{Seq: keySeq(key), Data: slices.Clone(value)})
			return len(list) < n
		})
	})
	return list, err
}

// each calls do with the entries from one key up to another, until it returns false.
func (o *Outbox) each(from, to []byte, do func(key, value []byte) bool) error {
	it, err := o.store.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return err
	}
	for ok := it.First(); ok && do(it.Key(), it.Value()); ok = it.Next() {
	}
	return it.Close()
}

// Head implements [outbox.Store].
func (o *Outbox) Head(ctx context.Context) (head uint64, err error) {
	err = o.own(ctx, func() error { head = o.head; return nil })
	return head, err
}

// Trim implements [outbox.Store].
func (o *Outbox) Trim(ctx context.Context, through uint64) error {
	return o.own(ctx, func() error {
		if through < o.trimmed {
			return nil
		}
		// Ranges that overlap would cost memory with the square of their number.
		err := o.write(func(b *pebble.Batch) error { return b.DeleteRange(outKey(o.trimmed), outKey(through+1), nil) })
		if err == nil {
			o.trimmed = through + 1
		}
		return err
	})
}

// Get implements [outbox.Store].
func (o *Outbox) Get(ctx context.Context, key string) (v outbox.Value, err error) {
	err = o.own(ctx, func() error { v, err = o.value(key); return err })
	return v, err
}

func (o *Outbox) value(key string) (v outbox.Value, err error) {
	name := valueKey(key)
	err = o.each(name, append(slices.Clone(name), 0), func(_, value []byte) bool {
		v = outbox.Value{Data: slices.Clone(value[8:]), Rev: keySeq(value[:8])}
		return false
	})
	return v, err
}

// Put implements [outbox.Store].
func (o *Outbox) Put(ctx context.Context, key string, data []byte, rev uint64) (next uint64, err error) {
	err = o.own(ctx, func() error {
		if was, err := o.value(key); err != nil {
			return err
		} else if was.Rev != rev {
			return outbox.ErrConflict
		}
		next = o.rev + 1
		err := o.write(func(b *pebble.Batch) error {
			return errors.Join(b.Set(valueKey(key), append(number(next), data...), nil), b.Set(metaKey(metaRev), number(next), nil))
		})
		if err == nil {
			o.rev = next
		}
		return err
	})
	return next, err
}

// Delete implements [outbox.Store].
func (o *Outbox) Delete(ctx context.Context, key string) error {
	return o.own(ctx, func() error {
		return o.write(func(b *pebble.Batch) error { return b.Delete(valueKey(key), nil) })
	})
}

// Keys implements [outbox.Store].
func (o *Outbox) Keys(ctx context.Context, prefix string) (keys []string, err error) {
	from := valueKey(prefix)
	err = o.own(ctx, func() error {
		return o.each(from, append(slices.Clone(from), 0xff), func(key, _ []byte) bool {
			keys = append(keys, string(key[1:]))
			return true
		})
	})
	return keys, err
}

// Close implements [outbox.Store]. Nothing waits for room on the disk any more.
func (o *Outbox) Close() error {
	o.store.fs.giveUp()
	o.turn <- struct{}{}
	defer func() { <-o.turn }()
	if o.closed {
		return nil
	}
	o.closed = true
	return o.store.close()
}
