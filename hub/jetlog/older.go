package jetlog

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"rollcall/hub/eventlog"
)

// MaxOlder is how many channels one older read can have.
const MaxOlder = 128

// What one older read takes at most where the caller sets no limit.
const (
	olderEvents = 1000
	olderBytes  = 1 << 20
)

// ErrChannels: an older read of more than MaxOlder channels.
var ErrChannels = fmt.Errorf("too many channels to read from the event store; it takes %d", MaxOlder)

// Older reads from the stream what the channels have after a position and the mirror
// no longer keeps, in log order. It goes to the network: call it before a stream is
// attached, never on a shard. Of many calls only some run at once, the others wait.
//
// The batch is that of [eventlog.Log.Next], but for Done, which says that the mirror
// keeps everything behind Through: read on there. Gaps are holes of the stream itself.
//
// Errors: ErrUnavailable; ErrChannels; ctx.Err().
func (l *Log) Older(ctx context.Context, channels []string, after uint64, limit eventlog.Limit) (eventlog.Batch, error) {
	floors := l.Floors(channels)
	goal := uint64(0)
	for _, floor := range floors {
		goal = max(goal, floor)
	}
	b := eventlog.Batch{Through: after, Done: true}
	if goal <= after {
		return b, nil
	}
	if len(channels) > MaxOlder {
		return b, ErrChannels
	}
	leave, err := l.enter(ctx)
	if err != nil {
		return b, err
	}
	defer leave()
	info, err := l.link.info(ctx, l.opts.Stream)
	if err != nil {
		return b, err
	}
	limit.Events, limit.Bytes = cmp.Or(limit.Events, olderEvents), cmp.Or(limit.Bytes, olderBytes)
	b.Through = goal
	for i, name := range channels {
		p, err := l.pages(ctx, name, after, limit)
		if err != nil {
			return eventlog.Batch{Through: after}, err
		}
		if floors[i] > after && p.holed(after, info.State.FirstSeq, info.Config.MaxMsgsPerSubject) {
			_, last := l.Last(channels[i : i+1])
			b.Gaps = append(b.Gaps, eventlog.Gap{Channel: name, Empty: len(p.records) == 0 && last[0] == nil})
		}
		if p.more && p.last < b.Through {
			b.Through, b.Done = p.last, false
		}
		b.Records = append(b.Records, p.records...)
	}
	cut(&b, limit)
	return b, nil
}

// cut puts the batch in order and within its limit.
func cut(b *eventlog.Batch, limit eventlog.Limit) {
	slices.SortFunc(b.Records, func(a, b *eventlog.Record) int { return cmp.Compare(a.Seq, b.Seq) })
	size := 0
	for i, r := range b.Records {
		size += len(r.Frame().Chunk())
		if r.Seq <= b.Through && (i == 0 || i < limit.Events && size <= limit.Bytes) {
			continue
		}
		if r.Seq <= b.Through {
			b.Through, b.Done = b.Records[i-1].Seq, false
		}
		clear(b.Records[i:])
		b.Records = b.Records[:i]
		return
	}
}

// LastOlder returns, in the order asked, the newest event that the stream keeps of each
// channel of which the mirror keeps none, though it may have had some; nil for others.
// What is said of Older holds.
func (l *Log) LastOlder(ctx context.Context, channels []string) ([]*eventlog.Record, error) {
	recs := make([]*eventlog.Record, len(channels))
	floors := l.Floors(channels)
	_, last := l.Last(channels)
	if len(channels) > MaxOlder {
		return nil, ErrChannels
	}
	leave, err := l.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	for i, name := range channels {
		if last[i] != nil || floors[i] == 0 {
			continue
		}
		m, err := l.get(ctx, getRequest{LastFor: l.life.any(name)})
		if errors.Is(err, errNoMessage) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if s, err := stored(name, m); err == nil {
			recs[i] = eventlog.Restore(s, l.life.epoch)
		}
	}
	return recs, nil
}

// enter waits for a place among the older reads.
func (l *Log) enter(ctx context.Context) (leave func(), err error) {
	select {
	case l.reads <- struct{}{}:
		return func() { <-l.reads }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-l.ctx.Done():
		return nil, eventlog.ErrClosed
	}
}

// any is the subject of a channel's events, of former epochs too where there are any.
func (l *life) any(channel string) string {
	if l.base == 0 {
		return l.event(channel)
	}
	return names{l.prefix, "*"}.event(channel)
}

// stored reads the event of a message that was got.
func stored(channel string, m *nats.Msg) (eventlog.Stored, error) {
	seq, err := strconv.ParseUint(first(m.Header, "Nats-Sequence"), 10, 64)
	if err != nil {
		return eventlog.Stored{}, errForeign
	}
	at, err := time.Parse(time.RFC3339Nano, first(m.Header, "Nats-Time-Stamp"))
	if err != nil {
		return eventlog.Stored{}, errForeign
	}
	return event(channel, m.Header, m.Data, seq, at)
}

// pages is what one channel has in the stream after a position.
type pages struct {
	records []*eventlog.Record
	last    uint64 // sequence number of the last message read
	count   int64  // messages after the position, read or not
	more    bool
	purged  uint64 // where the channel was last purged
}

// holed reports whether the stream may have dropped events after the position.
func (p *pages) holed(after, oldest uint64, most int64) bool {
	return p.purged > after || oldest > after+1 || most > 0 && p.count >= most
}

// pages reads up to the limit of one channel.
func (l *Log) pages(ctx context.Context, channel string, after uint64, limit eventlog.Limit) (*pages, error) {
	p := &pages{last: after}
	switch m, err := l.get(ctx, getRequest{LastFor: l.life.purge(channel)}); {
	case err == nil:
		p.purged, _ = strconv.ParseUint(first(m.Header, "Nats-Sequence"), 10, 64)
	case !errors.Is(err, errNoMessage):
		return nil, err
	}
	ctx, cancel, err := l.link.during(ctx, requestTimeout)
	if err != nil {
		return nil, err
	}
	defer cancel()
	inbox := l.link.nc.NewInbox()
	sub, err := l.link.nc.SubscribeSync(inbox)
	if err != nil {
		return nil, unsent(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	request, err := json.Marshal(getRequest{Seq: after + 1, NextFor: l.life.any(channel), Batch: limit.Events + 1, MaxBytes: limit.Bytes})
	if err != nil {
		return nil, err
	}
	if err := l.link.nc.PublishRequest("$JS.API.DIRECT.GET."+l.opts.Stream, inbox, request); err != nil {
		return nil, unsent(err)
	}
	for {
		m, err := sub.NextMsgWithContext(ctx)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		switch status := first(m.Header, "Status"); status {
		case "":
		case "204":
			pending, _ := strconv.ParseInt(first(m.Header, "Nats-Num-Pending"), 10, 64)
			p.count += pending
			p.more = pending > 0
			return p, nil
		case "404":
			return p, nil
		default:
			return nil, fmt.Errorf("%w: %s %s", ErrUnavailable, status, first(m.Header, "Description"))
		}
		p.count++
		if s, err := stored(channel, m); err == nil {
			p.last = s.Seq
			p.records = append(p.records, eventlog.Restore(s, l.life.epoch))
		} else if seq, err := strconv.ParseUint(first(m.Header, "Nats-Sequence"), 10, 64); err == nil {
			p.last = seq
		}
	}
}
