package hub

import (
	"cmp"
	"slices"

	"rollcall/hub/eventlog"
)

// From is the start of a stream that does not resume.
type From uint8

// The starts of a stream.
const (
	FromHead   From = iota // at the head, after a lastEvent of each channel
	FromNow                // at the head
	FromLast               // with each channel's newest event, in log order
	FromOldest             // with all that the channels keep, and Subscription.Older before it
)

// startAfresh returns the start of a stream that does not resume, and prepares its announcements. k has a gap for each
// channel if it has a reason.
func (h *Hub) startAfresh(sub *Subscription, k *catchup) eventlog.Position {
	var at eventlog.Position
	var last []*eventlog.Record
	switch sub.From {
	case FromHead, FromLast:
		at, last = h.log.Last(sub.Channels)
		if sub.Last != nil {
			sub.Last(at, last)
		}
	default:
		at = h.log.Head()
	}
	switch sub.From {
	case FromHead:
		k.last, k.match, k.tellsLast = last, h.lastMatching(at, sub.Channels), true
		return at
	case FromLast:
		at.Seq, k.older = newestFirst(at.Seq, append(last, h.lastMatching(at, sub.Channels)...))
	case FromOldest:
		k.cursor.Whole = true
		at.Seq, k.older = h.oldest(sub, &k.cursor), sub.Older
	}
	if k.reason != "" {
		k.last = make([]*eventlog.Record, len(sub.Channels))
	}
	return at
}

// newestFirst returns the channels' newest events as what a stream is given before what the
// log has behind head, and the position before the first of them.
func newestFirst(head uint64, last []*eventlog.Record) (uint64, *eventlog.Batch) {
	recs := slices.DeleteFunc(last, func(r *eventlog.Record) bool { return r == nil })
	if len(recs) == 0 {
		return head, nil
	}
	slices.SortFunc(recs, func(a, b *eventlog.Record) int { return cmp.Compare(a.Seq, b.Seq) })
	return recs[0].First() - 1, &eventlog.Batch{Records: recs, Through: head}
}

// oldest returns the position before the oldest event that the channels keep, or that
// was read for the stream elsewhere. What they have dropped so far is no gap for the cursor.
func (h *Hub) oldest(sub *Subscription, c *eventlog.Cursor) uint64 {
	if sub.Older != nil {
		if len(sub.Older.Records) > 0 {
			return sub.Older.Records[0].Seq - 1
		}
		return sub.Older.Through
	}
	c.Channels = withClient(slices.Clone(sub.Channels), sub.Owner)
	b := h.log.Next(c, eventlog.Limit{Events: 1}, nil)
	if len(b.Records) > 0 {
		return b.Records[0].Seq - 1
	}
	return b.Through
}
