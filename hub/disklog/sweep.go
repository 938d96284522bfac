package disklog

import (
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// sweepEvery is the interval of sweeps.
const sweepEvery = 5 * time.Second

// trimAfter is how long the first channel that has more than it may waits for others.
const trimAfter = 100 * time.Millisecond

// trims are the channels that have more than they may.
type trims struct {
	mu   sync.Mutex
	list map[string]struct{}
	wake chan struct{} // of capacity one
}

func (t *trims) add(channel string) {
	t.mu.Lock()
	if t.list == nil {
		t.list = make(map[string]struct{})
	}
	t.list[channel] = struct{}{}
	t.mu.Unlock()
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

func (t *trims) take() map[string]struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := t.list
	t.list = nil
	return list
}

// sweep drops events that no channel keeps any more and frees their space, until the log is closed.
func (l *Log) sweep() {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	synced := time.NewTicker(relaxedSync)
	defer synced.Stop()
	var trim <-chan time.Time
	for {
		var err error
		select {
		case <-l.stop:
			return
		case <-synced.C:
			err = errors.Join(l.store.fs.sync(), l.mark.sync())
		case do := <-l.checkpoints:
			do()
		case <-l.trims.wake:
			if trim == nil {
				trim = time.After(trimAfter)
			}
		case <-trim:
			trim, err = nil, guard(l.trim)
		case <-ticker.C:
			err = guard(l.reclaim)
		}
		if err != nil && l.store.failure() == nil {
			l.log.Error("space in the event store could not be freed", "error", err)
		}
	}
}

// trim drops the entries of events that are too many. All channels share an iterator: to open one, the database sorts all
// ranges that were deleted since it last wrote a file.
func (l *Log) trim() error {
	it, err := l.store.NewIter(nil)
	if err != nil {
		return err
	}
	defer it.Close()
	b := l.store.NewBatch()
	defer b.Close()
	for _, channel := range slices.Sorted(maps.Keys(l.trims.take())) {
		it.SetBounds(entryBounds(channel))
		if err := l.trimChannel(it, b, channel); err != nil {
			return errors.Join(err, b.Commit(pebble.NoSync)) // the segments' counts have what is in it
		}
		if b.Len() >= groupBytes {
			if err := b.Commit(pebble.NoSync); err != nil {
				return err
			}
			b.Reset()
		}
	}
	return b.Commit(pebble.NoSync)
}

// trimChannel adds the drop of a channel's surplus entries, which it reads, to a batch.
func (l *Log) trimChannel(it *pebble.Iterator, b *pebble.Batch, channel string) error {
	if !it.Last() {
		return it.Error()
	}
	keep := l.newKeep(channel)
	newest, err := readEntry(it.Key(), it.Value())
	if err != nil {
		return err
	}
	keep.of(&newest)
	var begin, end []byte // of the dropped entries: ranges that overlap would cost memory with the square of their number
	for ok := it.First(); ok; ok = it.Next() {
		e, err := readEntry(it.Key(), it.Value())
		if err != nil {
			return err
		}
		if e.last == newest.last || keep.of(&e) > 0 {
			end = append([]byte(nil), it.Key()...)
			break
		}
		if begin == nil {
			begin = append([]byte(nil), it.Key()...)
		}
		if err := l.countDropped(b, &e); err != nil {
			return err
		}
	}
	if err := it.Error(); err != nil || begin == nil || end == nil {
		return err
	}
	return b.DeleteRange(begin, end, nil)
}

// longest returns the longest time for which the events of any channel are kept; negative without end.
func (l *Log) longest() time.Duration {
	o := l.Options()
	age := o.Age
	for _, r := range o.Rules {
		switch {
		case r.Age < 0 || age < 0:
			return -1
		case r.Age > age:
			age = r.Age
		}
	}
	return age
}

// reclaim drops segments that are too old and rewrites those that are mostly dead.
func (l *Log) reclaim() error {
	list := l.segs.all()
	old := int64(0)
	if age := l.longest(); age > 0 {
		old = time.Now().Add(-age).UnixMilli()
	}
	for i, s := range list {
		if s.newest >= old || s.events == 0 && !s.sealed {
			break
		}
		if !s.sealed {
			return l.seal() // it is dropped the next time
		}
		if err := l.expire(s, list[i+1].first); err != nil {
			return err
		}
	}
	for list = l.segs.all(); len(list) > 1; {
		n := mergeable(list[:len(list)-1])
		if n == 0 {
			list = list[1:]
			continue
		}
		if err := l.compact(list[:n], list[n].first); err != nil {
			return err
		}
		list = list[n:]
		select {
		case <-l.stop:
			return nil
		default:
		}
	}
	return nil
}

// few is how many small segments that follow each other are moved together.
const few = 8

// mergeable returns how many of the sealed segments, from the first on, should become one; 0 if the first should stay.
func mergeable(list []segment) (n int) {
	size := uint64(0)
	for n < len(list) && n < few {
		s := &list[n]
		if !s.sealed || n > 0 && s.bytes >= segmentSize/few {
			break
		}
		if size += s.bytes; s.events > 0 {
			size -= s.bytes / s.events * min(s.dead, s.events)
		}
		if n > 0 && size > segmentSize {
			break
		}
		n++
	}
	if n > 0 && list[0].dead*2 >= list[0].events || n == few && list[0].bytes < segmentSize/few {
		return n
	}
	return 0
}

// seal has the writer end the open segment.
func (l *Log) seal() error {
	r := &request{seal: true, done: make(chan struct{})}
	if l.queue.add(r) {
		<-r.done
	}
	return r.err
}

// expire drops a segment whose events are all too old, as everything before it was.
func (l *Log) expire(s segment, end uint64) error {
	last := make(map[string]uint64) // of each channel in it
	err := l.segment(s, end, func(items []item) {
		for i := range items {
			last[items[i].Channel] = items[i].Seq
		}
	})
	if err != nil {
		return err
	}
	b := l.store.NewBatch()
	defer b.Close()
	for channel, seq := range last {
		it, err := l.entries(channel)
		if err != nil {
			return err
		}
		for ok := it.First(); ok && keySeq(it.Key()) <= seq; ok = it.Next() {
			if err := b.Delete(it.Key(), nil); err != nil {
				return errors.Join(err, it.Close())
			}
		}
		if err := errors.Join(it.Error(), it.Close()); err != nil {
			return err
		}
	}
	err = errors.Join(
		b.DeleteRange(blockKey(nil, s.first), blockKey(nil, end), nil),
		b.DeleteRange(segmentKey(s.first), segmentKey(end), nil),
		b.Set(metaKey(metaFloor), number(end-1), nil))
	if err != nil {
		return err
	}
	if err := b.Commit(pebble.NoSync); err != nil {
		return err
	}
	l.floor.Store(end - 1)
	l.segs.replace(0, end)
	return nil
}

// segment reads the blocks of a segment. Damaged ones are skipped.
func (l *Log) segment(s segment, end uint64, each func(items []item)) error {
	stop := errors.New("the segment has ended")
	err := l.blocks(s.first, func(first uint64, _ int, items []item) error {
		if first >= end {
			return stop
		}
		each(items)
		return nil
	}, func(uint64) error { return nil })
	if errors.Is(err, stop) {
		return nil
	}
	return err
}

// compact rewrites the kept events of some consecutive segments as one segment.
func (l *Log) compact(list []segment, end uint64) error {
	b := l.store.NewBatch()
	defer b.Close()
	into := segment{first: list[0].first, sealed: true}
	if err := b.DeleteRange(blockKey(nil, into.first), blockKey(nil, end), nil); err != nil {
		return err
	}
	if err := b.DeleteRange(segmentKey(into.first), segmentKey(end), nil); err != nil {
		return err
	}
	live := make(map[string]uint64) // of each channel, the first event that is kept
	var block []byte
	var first uint64
	var at item
	var failed error
	write := func() {
		if len(block) == 0 || failed != nil {
			return
		}
		failed = b.Set(blockKey(nil, first), pack(nil, block), nil)
		into.bytes += uint64(len(block))
		block = block[:0]
	}
	for i, s := range list {
		next := end
		if i+1 < len(list) {
			next = list[i+1].first
		}
		err := l.segment(s, next, func(items []item) {
			for k := range items {
				it := &items[k]
				from, ok := live[it.Channel]
				if !ok && failed == nil {
					from, failed = l.firstKept(it.Channel)
					live[it.Channel] = from
				}
				if it.Seq < from {
					continue
				}
				if len(block) == 0 {
					first, at = it.Seq, item{}
				}
				block = appendItem(block, &at, it)
				at = *it
				into.events++
				into.newest = max(into.newest, it.Time.UnixMilli())
			}
			if len(block) >= blockSize { // not before: an entry's events stay in one block
				write()
			}
		})
		if err = errors.Join(err, failed); err != nil {
			return err
		}
	}
	if write(); failed != nil {
		return failed
	}
	if into.events == 0 {
		if err := b.Commit(pebble.NoSync); err != nil {
			return err
		}
		l.segs.replace(into.first, end)
		return nil
	}
	if err := b.Set(segmentKey(into.first), into.append(nil), nil); err != nil {
		return err
	}
	if err := b.Commit(pebble.NoSync); err != nil {
		return err
	}
	l.segs.replace(into.first, end, into)
	return nil
}

// firstKept returns the first event or purge for which a channel has an entry, or the greatest number if it has none.
func (l *Log) firstKept(channel string) (uint64, error) {
	it, err := l.entries(channel)
	if err != nil {
		return 0, err
	}
	defer it.Close()
	if !it.First() {
		return ^uint64(0), it.Error()
	}
	e, err := readEntry(it.Key(), it.Value())
	return e.first, err
}

// countDropped counts the events of an entry that is dropped as dead.
func (l *Log) countDropped(b *pebble.Batch, e *entry) error {
	seg, ok := l.segs.countDead(e.last, max(e.count, 1))
	if !ok {
		return nil
	}
	return b.Set(segmentKey(seg.first), seg.append(nil), nil)
}
