package jetlog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"rollcall/hub/eventlog"
)

// MaxOlder is how many channels one older read reads from the stream.
const MaxOlder = 128

// The most that one older read returns if the caller sets no limit.
const (
	olderEvents = 1000
	olderBytes  = 1 << 20
)

// Older reads from the stream the channels' events after a position that the mirror no longer keeps, in log order. It
// uses the network: call it before a stream is attached, never on a shard. Only some calls run at once; others wait.
//
// The batch is that of [eventlog.Log.Next], except for Done: it means that the mirror keeps everything after Through,
// so read on there. Gaps are holes of the stream itself. If the mirror lacks events of more than MaxOlder channels,
// nothing is read, and the mirror reports the gaps.
//
// Errors: ErrUnavailable; ctx.Err().
func (l *Log) Older(ctx context.Context, channels []string, after uint64, limit eventlog.Limit) (eventlog.Batch, error) {
	floors := l.Floors(channels)
	goal, missing := uint64(0), 0
	for _, floor := range floors {
		goal = max(goal, floor)
		if floor > after {
			missing++
		}
	}
	b := eventlog.Batch{Through: after, Done: true}
	if goal <= after {
		return b, nil
	}
	if missing > MaxOlder {
		return b, nil
	}
	leave, err := l.startRead(ctx)
	if err != nil {
		return b, err
	}
	defer leave()
	limit.Events, limit.Bytes = cmp.Or(limit.Events, olderEvents), cmp.Or(limit.Bytes, olderBytes)
	b.Through = goal
	read := make([]*pages, len(channels)) // for channels with events that the mirror lacks
	for i, name := range channels {
		if floors[i] <= after { // the mirror has all of it
			n := l.Next(&eventlog.Cursor{Channels: channels[i : i+1], After: after}, limit, nil)
			b.Records, b.Gaps = append(b.Records, n.Records...), append(b.Gaps, n.Gaps...)
			if !n.Done && n.Through < b.Through {
				b.Through, b.Done = n.Through, false
			}
			continue
		}
		p, err := l.pages(ctx, name, after, goal, limit)
		if err != nil {
			return eventlog.Batch{Through: after}, err
		}
		read[i] = p
		if p.more && p.last < b.Through {
			b.Through, b.Done = p.last, false
		}
		b.Records = append(b.Records, p.records...)
	}
	info, err := l.link.info(ctx, l.opts.Stream) // asked last, to include what was dropped meanwhile
	if err != nil {
		return eventlog.Batch{Through: after}, err
	}
	for i, p := range read {
		if p == nil {
			continue
		}
		holed, err := l.mayHaveHole(ctx, channels[i], p, after, info)
		if err != nil {
			return eventlog.Batch{Through: after}, err
		}
		if holed {
			_, last := l.Last(channels[i : i+1])
			b.Gaps = append(b.Gaps, eventlog.Gap{Channel: channels[i], Empty: len(p.records) == 0 && last[0] == nil})
		}
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

// LastOlder returns the stream's newest event for each channel of which the mirror keeps none but may have had some;
// nil for others. None is newer than the mirror's head. The number of channels is not limited; otherwise the limits
// and errors are those of Older.
func (l *Log) LastOlder(ctx context.Context, channels []string) ([]*eventlog.Record, error) {
	recs := make([]*eventlog.Record, len(channels))
	head, last := l.Last(channels)
	var subjects []string
	place := make(map[string]int)
	for i, floor := range l.Floors(channels) {
		if last[i] == nil && floor > 0 {
			subjects = append(subjects, l.life.any(channels[i]))
			place[channels[i]] = i
		}
	}
	if len(subjects) == 0 {
		return recs, nil
	}
	leave, err := l.startRead(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	for some := range slices.Chunk(subjects, MaxOlder) {
		request := getRequest{LastOf: some, UpToSeq: head.Seq}
		for more := int64(1); more > 0; {
			if more, err = l.getAll(ctx, request, func(m *nats.Msg) {
				seq, _ := strconv.ParseUint(headerValue(m.Header, "Nats-Sequence"), 10, 64)
				request.Seq = max(request.Seq, seq) + 1
				_, channel, _, err := l.life.read(headerValue(m.Header, "Nats-Subject"))
				if err != nil {
					return
				}
				if s, err := stored(channel, m); err == nil { // of several epochs the last comes last
					recs[place[channel]] = eventlog.Restore(s, l.life.epoch)
				}
			}); err != nil {
				return nil, err
			}
		}
	}
	return recs, nil
}

// startRead waits for a slot among the concurrent reads of older events.
func (l *Log) startRead(ctx context.Context) (leave func(), err error) {
	select {
	case l.reads <- struct{}{}:
		return func() { <-l.reads }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-l.ctx.Done():
		return nil, eventlog.ErrClosed
	}
}

// any is the subject of a channel's events, including former epochs if the stream has any.
func (l *incarnation) any(channel string) string {
	if l.base == 0 {
		return l.event(channel)
	}
	return names{l.prefix, "*"}.event(channel)
}

// stored reads the event of a message that was got.
func stored(channel string, m *nats.Msg) (eventlog.Stored, error) {
	seq, err := strconv.ParseUint(headerValue(m.Header, "Nats-Sequence"), 10, 64)
	if err != nil {
		return eventlog.Stored{}, errForeign
	}
	at, err := time.Parse(time.RFC3339Nano, headerValue(m.Header, "Nats-Time-Stamp"))
	if err != nil {
		return eventlog.Stored{}, errForeign
	}
	return event(channel, m.Header, m.Data, seq, at)
}

// pages holds the messages of one channel in the stream after a position.
type pages struct {
	records []*eventlog.Record
	first   uint64 // sequence number of the first message read, 0 for none
	last    uint64 // that of the last one
	count   int64  // messages after the position, read or not
	more    bool
	purged  uint64 // position of the channel's last purge
}

// mayHaveHole reports whether the stream may have dropped events of the channel after the
// position before they were read; info is of after the reading.
func (l *Log) mayHaveHole(ctx context.Context, channel string, p *pages, after uint64, info *jetstream.StreamInfo) (bool, error) {
	s, most, age := info.State, info.Config.MaxMsgsPerSubject, info.Config.MaxAge
	if l.damaged > after || p.purged > after || s.FirstSeq > after+1 || most > 0 && p.count >= most {
		return true, nil
	}
	if age == 0 || s.Msgs == 0 || !l.replicated() || info.TimeStamp.Sub(s.FirstTime) < age-min(age/10, time.Minute) {
		return false, nil
	}
	// The replica may drop old messages before the leader does.
	oldest, err := l.leaderGet(ctx, getRequest{Seq: after + 1, NextFor: l.life.any(channel)})
	if errors.Is(err, errNoMessage) {
		return p.first > 0, nil
	}
	return oldest != p.first, err
}

// replicated reports whether reads may be answered by a replica that is behind the
// stream, or ahead of it in dropping.
func (l *Log) replicated() bool { return l.life.config.Replicas > 1 }

// pages reads up to the limit of one channel, and at least through goal if nothing is left after it.
func (l *Log) pages(ctx context.Context, channel string, after, goal uint64, limit eventlog.Limit) (*pages, error) {
	p := &pages{last: after}
	request := getRequest{Seq: after + 1, NextFor: l.life.any(channel), Batch: limit.Events + 1, MaxBytes: limit.Bytes}
	for try := 0; ; try++ {
		more, err := l.getAll(ctx, request, func(m *nats.Msg) {
			p.count++
			seq, _ := strconv.ParseUint(headerValue(m.Header, "Nats-Sequence"), 10, 64)
			p.last, p.first = max(p.last, seq), cmp.Or(p.first, seq)
			if s, err := stored(channel, m); err == nil {
				p.records = append(p.records, eventlog.Restore(s, l.life.epoch))
			}
		})
		if err != nil {
			return nil, err
		}
		p.more = more > 0
		if p.more || !l.replicated() {
			p.count += more
			break
		}
		// The replica may have been behind.
		next, err := l.leaderGet(ctx, getRequest{Seq: p.last + 1, NextFor: l.life.any(channel)})
		if errors.Is(err, errNoMessage) || err == nil && next > goal {
			break
		}
		if err == nil && try == staleReads {
			err = fmt.Errorf("%w: a replica of the stream has not caught up", ErrUnavailable)
		}
		if err == nil {
			err = wait(ctx, l.ctx, staleRead)
		}
		if err != nil {
			return nil, err
		}
		*p = pages{last: after}
	}
	// Read last, so that a purge meanwhile counts.
	switch seq, err := l.leaderGet(ctx, getRequest{LastFor: l.life.purge(channel)}); {
	case err == nil:
		p.purged = seq
	case !errors.Is(err, errNoMessage):
		return nil, err
	}
	return p, nil
}

// How often, and after what time, a request is repeated that a lagging replica has answered.
const (
	staleReads = 20
	staleRead  = 50 * time.Millisecond
)
