package jetlog

import (
	"cmp"
	"context"

	"github.com/nats-io/nats.go"

	"rollcall/hub/eventlog"
)

// spare is how many times the events that it is asked for a backward read may read.
const spare = 4

// OlderBefore reads the newest events of a channel before a number from the stream, oldest first and one at least if there
// is one. A stream can't be read backwards: OlderBefore counts the channel's events from ever earlier places on, until
// there are enough, and reads from there. Otherwise like Older.
func (l *Log) OlderBefore(ctx context.Context, channel string, before uint64, limit eventlog.Limit) ([]*eventlog.Record, error) {
	leave, err := l.startRead(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	limit.Events, limit.Bytes = cmp.Or(limit.Events, olderEvents), cmp.Or(limit.Bytes, olderBytes)
	before = min(before, l.Head().Seq+1)
	behind, err := l.countFrom(ctx, channel, before)
	if err != nil || before < 2 {
		return nil, err
	}
	enough := int64(limit.Events)
	from, few, found := before, before, int64(0) // found events from from on, and fewer than enough from few on
	for width := 2 * uint64(limit.Events); from > 1 && found < enough; width *= spare {
		few = from
		from = before - min(width, before-1)
		if found, err = l.countFrom(ctx, channel, from); err != nil {
			return nil, err
		}
		found -= behind
	}
	for found > spare*enough && few-from > 1 { // a burst
		middle := from + (few-from)/2
		n, err := l.countFrom(ctx, channel, middle)
		if err != nil {
			return nil, err
		}
		if n -= behind; n < enough {
			few = middle
		} else {
			from, found = middle, n
		}
	}
	var recs []*eventlog.Record
	for after, more := from-1, true; more; {
		p, err := l.pages(ctx, channel, after, before-1, eventlog.Limit{Events: olderEvents, Bytes: olderBytes})
		if err != nil {
			return nil, err
		}
		for _, r := range p.records {
			if r.Seq < before && r.Seq > p.purged {
				recs = append(recs, r)
			}
		}
		after, more = p.last, p.more && p.last < before-1
		recs = newest(recs, limit)
	}
	return recs, nil
}

// newest returns the last of recs within the limit.
func newest(recs []*eventlog.Record, limit eventlog.Limit) []*eventlog.Record {
	n, size := 0, 0
	for ; n < min(len(recs), limit.Events); n++ {
		if size += len(recs[len(recs)-1-n].Frame().Chunk()); n > 0 && size > limit.Bytes {
			break
		}
	}
	return recs[len(recs)-n:]
}

// countFrom returns how many events of the channel the stream has from a number on.
func (l *Log) countFrom(ctx context.Context, channel string, seq uint64) (int64, error) {
	n := int64(0)
	more, err := l.getAll(ctx, getRequest{Seq: seq, NextFor: l.life.any(channel), Batch: 1}, func(*nats.Msg) { n++ })
	return n + more, err
}
