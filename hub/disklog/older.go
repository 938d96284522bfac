package disklog

import (
	"bytes"
	"cmp"
	"container/heap"
	"context"
	"math"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"rollcall/hub/eventlog"
)

// The most that one older read returns if the caller sets no limit.
const (
	olderEvents = 1000
	olderBytes  = 1 << 20
)

// read calls do with a view of the store once there is a place among the older reads.
func (l *Log) read(ctx context.Context, do func(*view) error) error {
	select {
	case l.reads <- struct{}{}:
		defer func() { <-l.reads }()
	case <-ctx.Done():
		return ctx.Err()
	case <-l.stop:
		return eventlog.ErrClosed
	}
	return guard(func() error {
		v, err := l.newView()
		if err != nil {
			return err
		}
		defer v.close()
		return do(v)
	})
}

// Older reads from the disk the channels' events after a position that the memory no longer keeps, in log order. Call
// it before a stream is attached, never on a shard. Only some calls run at once; others wait.
//
// The batch is that of [eventlog.Log.Next], except for Done: it means that the memory keeps everything after Through,
// so read on there. Gaps are events that the disk does not keep either.
//
// Errors: ErrUnavailable; ErrClosed; ctx.Err().
func (l *Log) Older(ctx context.Context, channels []string, after uint64, limit eventlog.Limit) (eventlog.Batch, error) {
	goal := uint64(0)
	for _, floor := range l.Floors(channels) {
		goal = max(goal, floor)
	}
	b := eventlog.Batch{Through: after, Done: true}
	if goal <= after {
		return b, nil
	}
	limit.Events, limit.Bytes = cmp.Or(limit.Events, olderEvents), cmp.Or(limit.Bytes, olderBytes)
	goal = min(goal, l.Head().Seq) // of before the view, which then has it
	err := l.read(ctx, func(v *view) error { return v.older(ctx, channels, after, goal, limit, &b) })
	return b, err
}

func (v *view) older(ctx context.Context, channels []string, after, goal uint64, limit eventlog.Limit, b *eventlog.Batch) error {
	l := v.l
	m := merge{}
	for _, name := range channels {
		if err := ctx.Err(); err != nil {
			return err
		}
		s, err := v.source(name, after, goal)
		if err != nil {
			return err
		}
		if s.missing {
			_, last := l.Last([]string{name})
			b.Gaps = append(b.Gaps, eventlog.Gap{Channel: name, Empty: len(s.items) == 0 && last[0] == nil})
			s.told = true
		} else if !s.known && v.floor > after {
			b.Gaps = append(b.Gaps, eventlog.Gap{Channel: name, Empty: true})
		}
		if len(s.items) > 0 {
			m = append(m, s)
		}
	}
	heap.Init(&m)
	size := 0
	for len(m) > 0 {
		s := m[0]
		r := eventlog.Restore(s.items[0].Stored, l.epoch)
		size += len(r.Frame().Chunk())
		if n := len(b.Records); n > 0 && (n >= limit.Events || size > limit.Bytes) {
			b.Through, b.Done = b.Records[n-1].Seq, false
			return nil
		}
		b.Records = append(b.Records, r)
		if err := s.pop(); err != nil {
			return err
		}
		if s.missing && !s.told {
			b.Gaps = append(b.Gaps, eventlog.Gap{Channel: s.channel})
			s.told = true
		}
		if len(s.items) == 0 {
			heap.Pop(&m)
		} else {
			heap.Fix(&m, 0)
		}
	}
	b.Through = goal
	return nil
}

// view reads the store as it is at one instant.
type view struct {
	l               *Log
	floor           uint64 // the number through which everything was dropped, or less
	snapshot        *pebble.Snapshot
	entries, blocks *pebble.Iterator
	first           uint64 // of the block that was read last
	items           []item // of it
}

func (l *Log) newView() (*view, error) {
	v := &view{l: l, floor: l.floor.Load()}
	v.snapshot = l.store.NewSnapshot()
	var err error
	if v.entries, err = v.snapshot.NewIter(&pebble.IterOptions{LowerBound: []byte{kindEntry}, UpperBound: []byte{kindEntry + 1}}); err == nil {
		v.blocks, err = v.snapshot.NewIter(&pebble.IterOptions{LowerBound: []byte{kindBlock}, UpperBound: []byte{kindBlock + 1}})
	}
	if err != nil {
		v.close()
		return nil, err
	}
	return v, nil
}

func (v *view) close() {
	if v.entries != nil {
		_ = v.entries.Close()
	}
	if v.blocks != nil {
		_ = v.blocks.Close()
	}
	_ = v.snapshot.Close()
}

// newest returns the channel's last entry that ends at seq or before.
func (v *view) newest(channel string, seq uint64) (e entry, ok bool, err error) {
	v.entries.SeekLT(append(entryKey(nil, channel, seq), 0))
	return v.entry(channel)
}

// next returns the channel's first entry that ends at seq or behind.
func (v *view) next(channel string, seq uint64) (e entry, ok bool, err error) {
	v.entries.SeekGE(entryKey(nil, channel, seq))
	return v.entry(channel)
}

func (v *view) entry(channel string) (e entry, ok bool, err error) {
	if !v.entries.Valid() {
		return e, false, v.entries.Error()
	}
	key := v.entries.Key()
	if !bytes.Equal(key[:len(key)-8], channelKey(nil, channel)) {
		return e, false, nil
	}
	e, err = readEntry(key, v.entries.Value())
	return e, err == nil, err
}

// block returns the items of the block that has a number.
func (v *view) block(seq uint64) ([]item, error) {
	if !v.blocks.SeekLT(blockKey(nil, seq+1)) {
		return nil, v.blocks.Error()
	}
	first := keySeq(v.blocks.Key())
	if first == v.first {
		return v.items, nil
	}
	value, err := v.blocks.ValueAndErr()
	if err != nil {
		return nil, err
	}
	block, err := unpack(value)
	if err != nil {
		return nil, err
	}
	items, err := readBlock(nil, block)
	if err == nil {
		v.first, v.items = first, items
	}
	return items, err
}

// source reads one channel's kept events between two positions.
type source struct {
	view     *view
	channel  string
	keep     *keep
	at, goal uint64
	oldest   time.Time // older events have expired

	items   []item // of the current entry; none at the end
	after   uint64 // the last number of the current entry
	known   bool   // the store has an entry of the channel
	missing bool   // events after the position are not kept
	told    bool
}

func (v *view) source(channel string, after, goal uint64) (*source, error) {
	s := &source{view: v, channel: channel, keep: v.l.newKeep(channel), at: after, after: after, goal: goal}
	if age := v.l.Limits(channel).Age; age > 0 {
		s.oldest = time.Now().Add(-age)
	}
	e, ok, err := v.newest(channel, math.MaxUint64)
	if err != nil {
		s.known = true
		return s, s.damage(err)
	}
	if !ok {
		return s, nil
	}
	s.known = true
	s.keep.of(&e)
	return s, s.fill()
}

// damage turns an unreadable part into a gap.
func (s *source) damage(err error) error {
	s.missing = s.missing || err != nil
	return ignoreDamage(err)
}

func (s *source) pop() error {
	s.at = s.items[0].Seq
	if s.items = s.items[1:]; len(s.items) > 0 {
		return nil
	}
	return s.fill()
}

// fill reads the next entry that has something.
func (s *source) fill() error {
	for len(s.items) == 0 && s.after < s.goal {
		e, ok, err := s.view.next(s.channel, s.after+1)
		if err != nil || !ok {
			return s.damage(err)
		}
		if e.prev > s.at { // the event before was dropped
			s.missing = true
		}
		if e.first > s.goal {
			return nil
		}
		s.after = e.last
		if err := s.read(&e); err != nil {
			return err
		}
		if len(s.items) == 0 {
			s.at = max(s.at, min(e.last, s.goal))
		}
	}
	return nil
}

// read reads the kept events of an entry, from the block that has them.
func (s *source) read(e *entry) error {
	kept := s.keep.of(e)
	if kept < e.count && e.first > s.at {
		s.missing = true
	}
	if kept == 0 {
		return nil
	}
	items, err := s.view.block(e.first)
	if err != nil {
		return s.damage(err)
	}
	var own []item
	for _, it := range items {
		if it.Channel == s.channel && it.Seq >= e.first && it.Seq <= e.last && !it.purge {
			own = append(own, it)
		}
	}
	if n := uint64(len(own)); n < e.count {
		s.missing = true
	} else {
		own = own[n-kept:]
	}
	for _, it := range own {
		switch {
		case it.Seq <= s.at || it.Seq > s.goal:
		case it.Time.Before(s.oldest):
			s.missing = true
		default:
			s.items = append(s.items, it)
		}
	}
	return nil
}

// merge is a heap of sources by their next event.
type merge []*source

func (m merge) Len() int           { return len(m) }
func (m merge) Less(i, k int) bool { return m[i].items[0].Seq < m[k].items[0].Seq }
func (m merge) Swap(i, k int)      { m[i], m[k] = m[k], m[i] }
func (m *merge) Push(x any)        { *m = append(*m, x.(*source)) }
func (m *merge) Pop() any {
	last := (*m)[len(*m)-1]
	*m = (*m)[:len(*m)-1]
	return last
}

// LastOlder returns the newest event on the disk for each channel of which the memory keeps none but may have had
// some; nil for others. None is newer than the head. The limits and errors are those of Older.
func (l *Log) LastOlder(ctx context.Context, channels []string) ([]*eventlog.Record, error) {
	recs := make([]*eventlog.Record, len(channels))
	head, last := l.Last(channels)
	var places []int
	for i, floor := range l.Floors(channels) {
		if last[i] == nil && floor > 0 {
			places = append(places, i)
		}
	}
	if len(places) == 0 {
		return recs, nil
	}
	err := l.read(ctx, func(v *view) (err error) {
		for _, i := range places {
			if err := ctx.Err(); err != nil {
				return err
			}
			if recs[i], err = v.last(channels[i], head.Seq); err != nil {
				return err
			}
		}
		return nil
	})
	return recs, err
}

// last returns the channel's last event through head, or nil.
func (v *view) last(channel string, head uint64) (*eventlog.Record, error) {
	e, ok, err := v.newest(channel, head)
	if err != nil || !ok || e.count == 0 {
		return nil, ignoreDamage(err)
	}
	items, err := v.block(e.last)
	if err != nil {
		return nil, ignoreDamage(err)
	}
	for i := range items {
		s := items[i].Stored
		if s.Seq == e.last && s.Channel == channel && v.l.young(channel, s.Time) {
			return eventlog.Restore(s, v.l.epoch), nil
		}
	}
	return nil, nil
}

// ignoreDamage returns the error unless it is that of a damaged file: unreadable events count as missing.
func ignoreDamage(err error) error {
	if damaged(err) {
		return nil
	}
	return err
}

// young reports whether an event of the channel that came then is not too old.
func (l *Log) young(channel string, at time.Time) bool {
	age := l.Limits(channel).Age
	return age < 0 || time.Since(at) <= age
}
