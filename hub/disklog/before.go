package disklog

import (
	"cmp"
	"context"
	"slices"

	"rollcall/hub/eventlog"
)

// OlderBefore reads the newest events of a channel before a number from the disk, oldest first and one at least if there
// is one. It reads backwards, so its cost does not depend on how many the channel keeps. Otherwise like Older.
func (l *Log) OlderBefore(ctx context.Context, channel string, before uint64, limit eventlog.Limit) (recs []*eventlog.Record, err error) {
	limit.Events, limit.Bytes = cmp.Or(limit.Events, olderEvents), cmp.Or(limit.Bytes, olderBytes)
	err = l.read(ctx, func(v *view) (err error) {
		recs, err = v.before(ctx, channel, min(before, l.Head().Seq+1), limit)
		return err
	})
	slices.Reverse(recs)
	return recs, err
}

// before reads what OlderBefore does, newest first.
func (v *view) before(ctx context.Context, channel string, before uint64, limit eventlog.Limit) (recs []*eventlog.Record, err error) {
	s, err := v.source(channel, 0, 0)
	if err != nil || before == 0 {
		return nil, err
	}
	s.goal = before - 1
	size := 0
	e, ok, err := v.next(channel, before) // it may begin before
	if ok && e.first >= before || err == nil && !ok {
		e, ok, err = v.newest(channel, before-1)
	}
	for ; ok && err == nil && s.keep.of(&e) > 0; e, ok, err = v.newest(channel, e.first-1) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		s.items = s.items[:0]
		if err := s.read(&e); err != nil {
			return nil, err
		}
		for _, it := range slices.Backward(s.items) {
			r := eventlog.Restore(it.Stored, v.l.epoch)
			size += len(r.Frame().Chunk())
			if n := len(recs); n == limit.Events || n > 0 && size > limit.Bytes {
				return recs, nil
			}
			recs = append(recs, r)
		}
		if e.first <= 1 {
			break
		}
	}
	return recs, ignoreDamage(err)
}
