package jetlog

import (
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

// start returns the first sequence number to load: the stream's first, or the beginning of the newest part that fills
// the budget.
func start(s jetstream.StreamState, budget int64) uint64 {
	from := max(s.FirstSeq, 1)
	if s.Msgs == 0 {
		return s.LastSeq + 1
	}
	if over := float64(s.Bytes) / float64(budget); over > 1 {
		from = s.LastSeq - uint64(float64(s.LastSeq-from)/over)
	}
	return from
}

// load ends the loading: it records events that the stream may have lost; everything from here on is live.
func (l *Log) load(ctx context.Context) error {
	if err := l.complete(ctx); err != nil {
		return err
	}
	info, err := l.link.subjects(ctx, l.opts.Stream)
	if err != nil {
		return err
	}
	if first := info.State.FirstSeq; first > l.from { // dropped while we loaded, some of it unseen
		l.LoseAll(min(first-1, l.target))
	}
	dropped := l.purged // the stream drops by itself only events before this
	for _, c := range l.full(info) {
		b := l.Next(&eventlog.Cursor{Channels: []string{c}}, eventlog.Limit{Events: 1}, nil)
		if len(b.Records) > 0 {
			l.Lose(c, b.Records[0].Seq-1)
			dropped = max(dropped, b.Records[0].Seq)
		} else if l.from > 1 {
			l.Lose(c, l.from-1)
			dropped = l.target
		}
	}
	if l.target > l.Head().Seq {
		l.tail.hole = l.target
		l.Advance(l.target)
	}
	if l.tail.hole > dropped && info.State.Msgs > 0 {
		l.log.Error("events are missing in the store: it was damaged, or they were deleted", "stream", l.opts.Stream, "through", l.tail.hole)
		l.LoseAll(l.tail.hole)
		l.damaged = l.tail.hole
	}
	l.Loaded()
	l.live = true
	l.missed = make(map[string]bool)
	close(l.loaded)
	return nil
}

// errBehind is the error of a machine that has not caught up with the stream.
var errBehind = fmt.Errorf("%w: a NATS machine has not caught up with the stream", ErrUnavailable)

// complete returns an error, so that the next consumer continues, if the consumer reports its end at a machine that
// has not caught up. After the link's patience the missing events count as damage.
func (l *Log) complete(ctx context.Context) error {
	head := l.Head().Seq
	if head >= l.target {
		return nil
	}
	next, err := l.next(ctx, l.target)
	if err == nil {
		next, err = l.next(ctx, head)
	}
	if err == nil && next > 0 && next <= l.target {
		err = errBehind
	}
	if !errors.Is(err, errBehind) {
		return err
	}
	if l.stale.IsZero() {
		l.stale = time.Now()
	}
	if time.Since(l.stale) < l.link.patience {
		return err
	}
	return nil
}

// full returns the channels of which the stream keeps as many events as it may.
func (l *Log) full(info *jetstream.StreamInfo) (channels []string) {
	most := info.Config.MaxMsgsPerSubject
	if most <= 0 {
		return nil
	}
	for subject, n := range info.State.Subjects {
		if n < uint64(most) {
			continue
		}
		epoch, channel, purge, err := l.life.read(subject)
		if err == nil && !purge && (epoch == l.life.epoch || !l.live) {
			channels = append(channels, channel)
		}
	}
	return channels
}

// hole finds out which events the stream dropped between head and seq, and announces them. An unexplained hole ends
// the log: somebody deleted the events.
func (l *Log) hole(ctx context.Context, head, seq uint64) error {
	info, err := l.link.subjects(ctx, l.opts.Stream)
	if err != nil {
		return err
	}
	cfg := info.Config
	if cfg.MaxAge > 0 && !l.when.IsZero() && time.Since(l.when) > cfg.MaxAge-cfg.MaxAge/10 ||
		cfg.MaxBytes > 0 && info.State.Bytes > uint64(cfg.MaxBytes/10*9) && info.State.FirstSeq > head+1 {
		l.lose(fmt.Sprintf("the stream dropped events that this node had not read, from %d to %d", head+1, seq-1))
		return l.Err()
	}
	dropped, explained, err := l.purges(ctx, head)
	if err != nil {
		return err
	}
	for _, c := range l.full(info) {
		switch kept, err := l.firstOf(ctx, c); {
		case err != nil && !errors.Is(err, errNoMessage):
			return err
		case err == nil && kept <= head+1:
		default:
			dropped[c] = true
			explained = max(explained, kept)
		}
	}
	if seq-1 > explained {
		l.lose(fmt.Sprintf("events that this node had not read were deleted from the stream, from %d to %d", head+1, seq-1))
		return l.Err()
	}
	var channels, again []string
	for c := range dropped {
		if l.missed[c] {
			again = append(again, c)
			continue
		}
		l.missed[c] = true
		channels = append(channels, c)
	}
	if uint64(len(channels)) > seq-1-head {
		l.lose(fmt.Sprintf("the stream dropped events of up to %d channels that this node had not read", len(channels)))
		return l.Err()
	}
	if len(channels) > 0 {
		l.log.Warn("this node was too slow for the stream", "from", head+1, "to", seq-1, "channels", len(channels))
	}
	l.mark.raise(l.life.epoch, seq-1)
	slices.Sort(channels)
	if err := l.Miss(ctx, channels, seq-1); err != nil {
		return err
	}
	for _, c := range again { // and its readers know
		l.Lose(c, seq-1)
	}
	return nil
}

// purges returns the channels that were purged after the position, and the position of the last purge.
func (l *Log) purges(ctx context.Context, after uint64) (channels map[string]bool, last uint64, err error) {
	channels = make(map[string]bool)
	request := getRequest{Seq: after + 1, NextFor: l.life.purges(), Batch: mostAtOnce}
	for more := int64(1); more > 0; {
		more, err = l.getAll(ctx, request, func(m *nats.Msg) {
			last, _ = strconv.ParseUint(headerValue(m.Header, "Nats-Sequence"), 10, 64)
			request.Seq = last + 1
			if _, channel, purge, err := l.life.read(headerValue(m.Header, "Nats-Subject")); err == nil && purge {
				channels[channel] = true
			}
		})
		if err != nil {
			return nil, 0, err
		}
	}
	return channels, last, nil
}
