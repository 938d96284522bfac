package disklog

import (
	"errors"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"rollcall/hub/eventlog"
)

// reservedAhead is how many numbers are reserved at once for events that are not stored.
const reservedAhead = 1 << 16

// The most that one commit takes; more waits for the next one.
const (
	groupEvents = 4000
	groupBytes  = 4 << 20
)

// writer makes everything that waits into one commit: one write and one sync for all publishers.
type writer struct {
	l    *Log
	head uint64
	tips tips
	// reserved is how far the store says that numbers were given. It is ahead, so that events which are not stored rarely cost a
	// commit.
	reserved uint64
	ends     bool // a channel may have ended

	// Of the present commit.
	batch  *pebble.Batch
	now    time.Time
	stored []eventlog.Stored
	keys   map[dedupe]uint64
	purged []purged
	unkept bool // it has events that are not stored

	// Of the present block.
	first  uint64
	at     item // the last one
	block  []byte
	serial uint64 // of the block; a tip of another one has nothing in this
	dirty  []*tip
	key    []byte

	packed, entry []byte // memory for values
}

// dedupe is an idempotency key of this commit.
type dedupe struct{ channel, key string }

// purged is a purge of this commit.
type purged struct {
	channel string
	seq     uint64
}

func newWriter(l *Log) *writer {
	return &writer{
		l: l, head: l.Head().Seq, tips: tips{l: l}, ends: l.mayHaveEnds,
		batch: l.store.NewBatch(), keys: make(map[dedupe]uint64), serial: 1,
	}
}

// commit writes waiting requests until the log is closed. Answered publishers usually return soon, so a commit waits
// for half of the publishers, for at most the duration of the previous commit. Each sync then serves many, and while
// one half waits for the disk the other half uses the processors. A single publisher never waits.
func (l *Log) commit(w *writer) {
	defer func() { _ = w.batch.Close() }()
	var spare []*request
	want, took := 0, time.Duration(0)
	for {
		list, closed := l.queue.take(spare, want, took)
		if len(list) == 0 && closed {
			return
		}
		began := time.Now()
		for rest := list; len(rest) > 0; {
			n := w.group(rest)
			w.run(rest[:n])
			rest = rest[n:]
		}
		want = (len(list) + l.queue.waiting() + 1) / 2
		if took = min(time.Since(began), longestWait); took < shortestWait {
			took = 0
		}
		clear(list)
		spare = list
	}
}

// How long at least and at most a commit may wait for more.
const (
	shortestWait = 100 * time.Microsecond
	longestWait  = time.Millisecond
)

// group returns how many of the requests go into one commit.
func (w *writer) group(list []*request) int {
	events, bytes := 0, 0
	for i, r := range list {
		events += len(r.events)
		for k := range r.events {
			bytes += len(r.events[k].Payload)
		}
		if i > 0 && (events > groupEvents || bytes > groupBytes) {
			return i
		}
	}
	return len(list)
}

// run executes requests in one commit.
func (w *writer) run(list []*request) {
	l := w.l
	err := l.store.failure()
	head, ends := w.head, w.ends
	if err == nil {
		err = guard(func() error { return w.write(list) })
	}
	if err != nil {
		if l.store.failure() == nil { // it may be tried again, by others
			w.head, w.tips, w.reserved, w.ends = head, tips{l: l}, 0, ends
		}
		w.reset()
		for _, r := range list {
			if r.state.Load() == taken {
				r.finish(err)
			} else if r.state.CompareAndSwap(waiting, taken) {
				r.finish(err)
			}
		}
		return
	}
	if err := l.FollowNow(w.stored); err != nil && err != eventlog.ErrClosed {
		l.log.Error("stored events did not reach the readers", "error", err)
	}
	for _, p := range w.purged {
		l.Lose(p.channel, p.seq-1)
		l.Advance(p.seq)
	}
	w.reset()
	for _, r := range list {
		if r.state.Load() == taken {
			r.finish(r.err)
		}
	}
}

func (w *writer) reset() {
	w.batch.Reset()
	clear(w.stored)
	clear(w.keys)
	w.stored, w.purged, w.block = w.stored[:0], w.purged[:0], w.block[:0]
	w.dirty, w.unkept = w.dirty[:0], false
	w.serial++
}

// write stores the group. It becomes visible only after it is on the disk and in the mark.
func (w *writer) write(list []*request) error {
	w.now = time.Now()
	head := w.head
	seal := false
	room := sync.OnceValue(w.l.room)
	for _, r := range list {
		if !r.state.CompareAndSwap(waiting, taken) {
			continue
		}
		switch {
		case r.seal:
			seal = true
		case r.purge != "":
			if err := w.purge(r); err != nil {
				return err
			}
		default:
			if r.err = room(); r.err != nil {
				continue
			}
			var ended *eventlog.EndedError
			if r.err = w.endedEarlier(r); errors.As(r.err, &ended) {
				continue // the other requests are no worse for it
			} else if r.err != nil {
				return r.err
			}
			if err := w.append(r); err != nil {
				return err
			}
		}
	}
	if err := w.endBlock(); err != nil {
		return err
	}
	if open := w.l.segs.open(); open.events > 0 && (seal || open.bytes >= segmentSize) {
		sealed := w.l.segs.seal(w.head + 1)
		if err := w.batch.Set(segmentKey(sealed.first), sealed.append(nil), nil); err != nil {
			return err
		}
		if err := w.batch.Set(segmentKey(w.head+1), new(segment).append(nil), nil); err != nil {
			return err
		}
		if err := w.batch.Set(metaKey(metaHead), number(max(w.head, w.reserved)), nil); err != nil {
			return err
		}
	}
	if w.unkept && w.head > w.reserved { // numbers of events that are not on the disk must not be given again, either
		w.reserved = w.head + reservedAhead
		if err := w.batch.Set(metaKey(metaHead), number(w.reserved), nil); err != nil {
			return err
		}
	}
	if w.batch.Empty() {
		return nil
	}
	if err := w.batch.Commit(pebble.Sync); err != nil {
		return err
	}
	if w.head == head {
		return nil
	}
	return w.l.mark.raise(w.head)
}

// endedEarlier returns an EndedError if an event of the request follows the end of its channel.
func (w *writer) endedEarlier(r *request) error {
	return eventlog.CheckEnds(r.events, w.ends, func(ev *eventlog.Event) bool {
		if _, known := w.keys[dedupe{ev.Channel, ev.Key}]; known {
			return true
		}
		_, known := w.l.Known(ev.Channel, ev.Key)
		return known
	}, func(channel string) (bool, error) {
		t, err := w.tips.of(channel, w.head)
		if err != nil {
			return false, err
		}
		return t.ended(w.now, w.l.Limits(channel).Age), nil
	})
}

// append adds the events of a request to the commit.
func (w *writer) append(r *request) error {
	r.results = make([]eventlog.Result, len(r.events))
	for i := range r.events {
		ev := &r.events[i]
		if ev.Key != "" {
			id := dedupe{ev.Channel, ev.Key}
			seq, ok := w.keys[id]
			if !ok {
				seq, ok = w.l.Known(ev.Channel, ev.Key)
			}
			if ok {
				r.results[i] = eventlog.Result{Seq: seq, Duplicate: true}
				continue
			}
			w.keys[id] = w.head + 1
		}
		w.head++
		r.results[i] = eventlog.Result{Seq: w.head}
		w.stored = append(w.stored, eventlog.Stored{Event: *ev, Seq: w.head, Time: w.now})
		if !w.l.Keeps(ev.Channel) {
			w.unkept = true
			continue
		}
		if err := w.add(&item{Stored: w.stored[len(w.stored)-1]}); err != nil {
			return err
		}
	}
	return nil
}

// add adds an item to the block.
func (w *writer) add(it *item) error {
	t, err := w.tips.of(it.Channel, it.Seq-1)
	if err != nil {
		return err
	}
	if len(w.block) == 0 {
		w.first, w.at = it.Seq, item{}
	}
	if t.block != w.serial {
		t.block = w.serial
		t.entry = entry{first: it.Seq, prev: t.last, ordinal: t.ordinal, bytes: t.bytes}
		w.dirty = append(w.dirty, t)
	}
	it.prev = t.last
	w.block = appendItem(w.block, &w.at, it)
	w.at = *it
	t.entry.last = it.Seq
	t.end, t.at = it.End, it.Time
	t.entry.end = it.End
	if it.End && !w.ends {
		w.ends = true
		if err := w.batch.Delete(metaKey(metaNoEnds), nil); err != nil {
			return err
		}
	}
	if !it.purge {
		t.last = it.Seq
		t.ordinal++
		t.bytes += uint64(len(it.Payload))
		t.entry.count++
		t.entry.ordinal, t.entry.bytes = t.ordinal, t.bytes
	}
	if len(w.block) >= blockSize {
		return w.endBlock()
	}
	return nil
}

// endBlock adds the block, and for each of its channels an entry, to the commit.
func (w *writer) endBlock() error {
	if len(w.block) == 0 {
		return nil
	}
	value := pack(w.packed, w.block)
	if &value[0] != &w.block[0] {
		w.packed = value
	}
	if err := w.batch.Set(blockKey(w.key[:0], w.first), value, nil); err != nil {
		return err
	}
	events := 0
	for _, t := range w.dirty {
		value := t.entry.append(w.entry[:0])
		w.entry = value
		if err := w.batch.Set(entryKey(w.key[:0], t.channel, t.entry.last), value, nil); err != nil {
			return err
		}
		events += int(max(t.entry.count, 1))
		if t.ordinal >= t.trimAt || t.bytes >= t.trimBytes {
			w.tips.trimmed(t)
			w.l.trims.add(t.channel)
		}
	}
	w.l.segs.grow(len(w.block), events, w.now)
	w.block, w.dirty = w.block[:0], w.dirty[:0]
	w.serial++
	return nil
}

// purge drops the kept events of a channel. The purge has a number and a block of its own.
func (w *writer) purge(r *request) error {
	if err := w.endBlock(); err != nil {
		return err
	}
	kept, err := w.countPurged(r.purge)
	if err != nil {
		return err
	}
	for i := range w.stored { // of this commit, too
		if w.stored[i].Channel == r.purge {
			kept++
		}
	}
	w.head++
	lower := entryKey(nil, r.purge, 0)
	if err := w.batch.DeleteRange(lower, entryKey(nil, r.purge, w.head), nil); err != nil {
		return err
	}
	it := &item{Stored: eventlog.Stored{Event: eventlog.Event{Channel: r.purge}, Seq: w.head, Time: w.now}, purge: true}
	if err := w.add(it); err != nil {
		return err
	}
	w.purged = append(w.purged, purged{r.purge, w.head})
	r.results = []eventlog.Result{{Seq: uint64(kept)}}
	return w.endBlock()
}

// countPurged counts the events of a channel that is purged as dead, and returns how many the channel kept.
func (w *writer) countPurged(channel string) (n uint64, err error) {
	it, err := w.l.entries(channel)
	if err != nil {
		return 0, err
	}
	defer it.Close()
	keep := w.l.newKeep(channel)
	for ok := it.Last(); ok; ok = it.Prev() {
		e, err := readEntry(it.Key(), it.Value())
		if err != nil {
			return 0, err
		}
		n += keep.of(&e)
		if err := w.l.countDropped(w.batch, &e); err != nil {
			return 0, err
		}
	}
	return n, it.Error()
}
