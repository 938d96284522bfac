package disklog

import (
	"cmp"
	"errors"
	"fmt"
	"math"

	"github.com/cockroachdb/pebble/v2"

	"rollcall/hub/eventlog"
)

// loadSegments reads the counts of the segments, and the end of the log from the last one; torn means that the log may
// be longer, because a part could not be read.
func (l *Log) loadSegments() (last uint64, torn bool, err error) {
	if last, err = l.number(metaHead); err != nil {
		return 0, false, err
	}
	floor, err := l.number(metaFloor)
	if err != nil {
		return 0, false, err
	}
	l.floor.Store(floor)
	last = max(last, floor)
	it, err := l.store.NewIter(&pebble.IterOptions{LowerBound: []byte{kindSegment}, UpperBound: []byte{kindSegment + 1}})
	if err != nil {
		return 0, false, err
	}
	for ok := it.First(); ok; ok = it.Next() {
		s, err := readSegment(it.Key(), it.Value())
		if err != nil {
			return 0, false, errors.Join(err, it.Close())
		}
		l.segs.list = append(l.segs.list, s)
	}
	if err := errors.Join(it.Error(), it.Close()); err != nil {
		return 0, false, err
	}
	if n := len(l.segs.list); n == 0 { // none was sealed so far
		l.segs.list = append(l.segs.list, segment{first: floor + 1})
	} else if l.segs.list[n-1].sealed {
		l.segs.list = append(l.segs.list, segment{first: last + 1})
	}
	open := &l.segs.list[len(l.segs.list)-1]
	open.bytes, open.events = 0, 0 // its counts were not stored with each block
	err = l.blocks(open.first, func(first uint64, size int, items []item) error {
		last = max(last, first)
		for i := range items {
			last = max(last, items[i].Seq)
			open.newest = max(open.newest, items[i].Time.UnixMilli())
		}
		open.bytes += uint64(size)
		open.events += uint64(len(items))
		return nil
	}, func(uint64) error { torn = true; return nil })
	return last, torn, err
}

// blocks reads the blocks from a number on. If some are unreadable, missed is called with the number through which
// events may be missing.
func (l *Log) blocks(from uint64, each func(first uint64, size int, items []item) error, missed func(through uint64) error) error {
	it, err := l.store.NewIter(&pebble.IterOptions{LowerBound: blockKey(nil, 0), UpperBound: []byte{kindBlock + 1}})
	if err != nil {
		return err
	}
	defer func() { _ = it.Close() }()
	var items []item
	hole := false
	for ok := it.SeekGE(blockKey(nil, from)); ; ok = it.Next() {
		for step := uint64(1); !ok && it.Error() != nil; step *= 2 { // continue after the unreadable part
			if err := it.Error(); !damaged(err) {
				return err
			}
			hole = true
			if from+step < from {
				return missed(math.MaxUint64)
			}
			from += step
			if err := it.Close(); !damaged(err) && err != nil {
				return err
			}
			if it, err = l.store.NewIter(&pebble.IterOptions{LowerBound: blockKey(nil, 0), UpperBound: []byte{kindBlock + 1}}); err != nil {
				return err
			}
			ok = it.SeekGE(blockKey(nil, from))
		}
		if !ok {
			if hole {
				return missed(math.MaxUint64)
			}
			return nil
		}
		first := keySeq(it.Key())
		if hole {
			if err := missed(first - 1); err != nil {
				return err
			}
			hole = false
		}
		from = first + 1
		value, err := it.ValueAndErr()
		if err == nil {
			value, err = unpack(value)
		}
		if err == nil {
			items, err = readBlock(items[:0], value)
		}
		if err == nil && (len(items) == 0 || items[0].Seq != first) {
			err = errMalformed
		}
		if err != nil {
			if !damaged(err) {
				return err
			}
			l.log.Error("the event store is damaged: a block can't be read", "first", first, "error", err)
			hole = true
			continue
		}
		from = items[len(items)-1].Seq + 1
		if err := each(first, len(value), items); err != nil {
			return err
		}
	}
}

// The approximate memory cost of an event beside its bytes in the store.
const loadCost = 250

// load fills the memory with the newest events that fit. Earlier events count as missing there.
func (l *Log) load(last uint64) error {
	keep := l.opts.Keep
	keep.Epoch = l.epoch
	budget := uint64(cmp.Or(keep.Budget, eventlog.DefaultBudget))
	list := l.segs.all()
	from := list[0].first
	for i, size := len(list)-1, uint64(0); i >= 0; i-- {
		from = list[i].first
		if size += list[i].bytes + list[i].events*loadCost; size > budget {
			break
		}
	}
	lost := max(from-1, l.floor.Load())
	if from == 1 {
		lost = 0
	}
	l.Memory = eventlog.NewFollower(keep, min(lost, last))
	o := l.Options()
	l.notes = eventlog.NewNoteQuota(o.Budget, o.Age)
	var batch []eventlog.Stored
	seen := make(map[string]uint64) // the last event of each channel
	flush := func() error {
		for i := range batch {
			l.notes.Stored(&batch[i].Event, batch[i].Time)
		}
		err := l.FollowNow(batch)
		clear(batch)
		batch = batch[:0]
		return err
	}
	err := l.blocks(from, func(_ uint64, _ int, items []item) error {
		for i := range items {
			it := &items[i]
			was := seen[it.Channel]
			if it.purge || it.prev > was && it.prev > lost { // the events between were dropped
				if err := flush(); err != nil {
					return err
				}
				if it.purge {
					l.Lose(it.Channel, it.Seq-1)
					l.Advance(it.Seq)
					continue
				}
				l.Lose(it.Channel, it.prev)
			}
			seen[it.Channel] = it.Seq
			batch = append(batch, it.Stored)
		}
		if len(batch) >= groupEvents {
			return flush()
		}
		return nil
	}, func(through uint64) error {
		if err := flush(); err != nil {
			return err
		}
		through = min(through, last)
		l.log.Error("events are missing in the store: it was damaged", "through", through)
		l.LoseAll(through)
		return nil
	})
	if err == nil {
		err = flush()
	}
	if err != nil {
		return fmt.Errorf("the events could not be read: %w", err)
	}
	l.Advance(last)
	l.Loaded()
	return nil
}
