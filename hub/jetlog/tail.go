package jetlog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"rollcall/hub/eventlog"
)

const (
	heartbeat  = time.Second // of a silent consumer
	silence    = 5 * heartbeat
	mostAtOnce = 256 // messages for the mirror in one step
)

// tail is the following goroutine's position in the stream.
type tail struct {
	from   uint64        // first sequence number to load
	target uint64        // messages up to here are loaded, later ones are live
	loaded chan struct{} // closed when the target is reached
	live   bool
	hole   uint64    // while loading: the last sequence number that the stream does not have
	purged uint64    // while loading: position of a channel's last purge
	when   time.Time // when the stream accepted the newest message that came
	stale  time.Time // while loading: since when a consumer ended below the target; zero if none did
	missed map[string]bool
	batch  []eventlog.Stored
	open   string // the atomic batch of which l.batch has a part
	waited int    // heartbeats for the rest of that batch, of which the stream has nothing
}

// follow copies the stream's messages into the mirror until the log ends, across connections and consumers.
func (l *Log) follow() {
	pause := time.Duration(0)
	for l.ctx.Err() == nil && l.Err() == nil {
		began := time.Now()
		err := l.consume()
		if l.ctx.Err() != nil || l.Err() != nil {
			return
		}
		l.setTrouble(err)
		l.log.Debug("the stream's consumer ended", "stream", l.opts.Stream, "reason", err)
		if pause = min(2*pause+20*time.Millisecond, time.Second); time.Since(began) > 10*time.Second {
			pause = 0
		}
		select {
		case <-time.After(pause):
		case <-l.ctx.Done():
		case <-l.lost.done:
		}
	}
}

// consume follows the stream with one consumer until that fails.
func (l *Log) consume() error {
	if err := l.link.wait(l.ctx); err != nil {
		return err
	}
	session, _ := l.link.state()
	ctx, cancel := context.WithCancel(l.alive)
	defer cancel()
	defer context.AfterFunc(session, cancel)()
	clear(l.batch)
	l.batch, l.open = l.batch[:0], "" // the next consumer begins behind the head
	inbox := l.link.nc.NewInbox()
	sub, err := l.link.nc.SubscribeSync(inbox)
	if err != nil {
		return err
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := sub.SetPendingLimits(-1, -1); err != nil { // the consumer's flow control is the limit
		return err
	}
	name, err := l.consumer(ctx, inbox)
	if err != nil {
		return err
	}
	defer l.unconsume(name)
	l.setTrouble(nil)
	if l.from > l.target && !l.live { // there is nothing to load
		if err := l.load(ctx); err != nil {
			return err
		}
	}
	for expect := uint64(1); ; {
		m, err := l.receive(ctx, sub)
		if err != nil {
			return err
		}
		for n := 1; m != nil; n++ {
			meta, err := l.accept(ctx, m, &expect)
			if err != nil {
				return err
			}
			if meta != nil && !l.live && l.open == "" && (meta.Sequence.Stream >= l.target || meta.NumPending == 0) {
				if err := l.flush(ctx); err != nil {
					return err
				}
				if err := l.load(ctx); err != nil {
					return err
				}
			}
			if m = nil; n < mostAtOnce || l.open != "" {
				if waiting, _, _ := sub.Pending(); waiting > 0 {
					m, _ = sub.NextMsg(time.Millisecond)
				}
			}
		}
		if l.open != "" { // readers see an atomic batch as one
			continue
		}
		if err := l.flush(ctx); err != nil {
			return err
		}
	}
}

// receive waits for the next message. Several missed heartbeats are an error.
func (l *Log) receive(ctx context.Context, sub *nats.Subscription) (*nats.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, silence)
	defer cancel()
	m, err := sub.NextMsgWithContext(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: nothing arrived for %v: %w", ErrUnavailable, silence, err)
	}
	return m, nil
}

// accept handles one message; events are collected in l.batch. It returns the message's metadata, nil for a message of
// the consumer itself.
func (l *Log) accept(ctx context.Context, m *nats.Msg, expect *uint64) (*nats.MsgMetadata, error) {
	if len(m.Data) == 0 && headerValue(m.Header, "Status") == "100" {
		return nil, l.control(ctx, m)
	}
	meta, err := m.Metadata()
	if err != nil {
		return nil, fmt.Errorf("a message without a position in the stream: %w", err)
	}
	if meta.Sequence.Consumer != *expect {
		return nil, fmt.Errorf("message %d of the consumer arrived, %d was expected", meta.Sequence.Consumer, *expect)
	}
	*expect++
	seq := meta.Sequence.Stream
	head := l.Head().Seq
	if n := len(l.batch); n > 0 {
		head = l.batch[n-1].Seq
	}
	if seq <= head {
		if !meta.Timestamp.After(l.when) { // from a replica that is behind, and begins at its end
			return meta, nil
		}
		l.setBack(fmt.Sprintf("message %d arrived again after %d", seq, head))
		return nil, l.Err()
	}
	if seq > head+1 && !l.live {
		l.tail.hole = seq - 1
	}
	if seq > head+1 && l.live {
		if err := l.flush(ctx); err != nil {
			return nil, err
		}
		if err := l.hole(ctx, head, seq); err != nil {
			return nil, err
		}
	}
	l.noteLastSeq(max(seq, seq+meta.NumPending))
	if meta.Timestamp.After(l.when) {
		l.when = meta.Timestamp
	}
	epoch, channel, purge, err := l.life.read(m.Subject)
	if err == nil && epoch != l.life.epoch && seq > l.life.base {
		l.lose(fmt.Sprintf("message %d is of the epoch %q", seq, epoch))
		return nil, l.Err()
	}
	var s eventlog.Stored
	if err == nil && !purge {
		s, err = event(channel, m.Header, m.Data, seq, meta.Timestamp)
	}
	switch {
	case err != nil:
		l.log.Warn("a foreign message in the stream", "stream", l.opts.Stream, "seq", seq, "subject", m.Subject)
		fallthrough
	case purge:
		if err := l.flush(ctx); err != nil {
			return nil, err
		}
		l.mark.raise(l.life.epoch, seq)
		if purge {
			l.Lose(channel, seq-1)
			l.purged = seq
		}
		l.Advance(seq)
	default:
		delete(l.missed, channel)
		l.notes.Stored(&s.Event, meta.Timestamp)
		l.batch = append(l.batch, s)
		l.waited = 0
		if l.open = headerValue(m.Header, headBatch); headerValue(m.Header, headEnd) != "" {
			l.open = ""
		}
	}
	return meta, nil
}

// control answers the consumer's flow control, including a request that only a heartbeat repeats.
func (l *Log) control(ctx context.Context, m *nats.Msg) error {
	if m.Reply != "" {
		return l.link.nc.Publish(m.Reply, nil)
	}
	l.link.heard()
	if stalled := headerValue(m.Header, "Nats-Consumer-Stalled"); stalled != "" {
		return l.link.nc.Publish(stalled, nil)
	}
	if l.open != "" {
		return l.abandon(ctx)
	}
	if err := l.flush(ctx); err != nil {
		return err
	}
	if !l.live {
		return l.load(ctx)
	}
	return l.trailing(ctx)
}

// abandon gives up the rest of an open batch if the stream does not have it, because somebody deleted it. A consumer
// may also just be slow.
func (l *Log) abandon(ctx context.Context) error {
	next, err := l.next(ctx, l.batch[len(l.batch)-1].Seq)
	if err != nil {
		return err
	}
	if l.waited++; next > 0 {
		l.waited = 0
	}
	if l.waited < 3 { // the batch may be on its way into the stream
		return nil
	}
	return l.flush(ctx)
}

// trailing announces a hole at the stream's end, where no message follows.
func (l *Log) trailing(ctx context.Context) error {
	head := l.Head().Seq
	last := l.last.Load()
	if last <= head {
		return nil
	}
	if next, err := l.next(ctx, head); err != nil || next > 0 && next <= last {
		return err
	}
	return l.hole(ctx, head, last+1)
}

// next returns the first sequence number after seq for which the stream's leader has a message, 0 for none. A leader
// that has not reached seq itself is an ErrUnavailable.
func (l *Log) next(ctx context.Context, seq uint64) (uint64, error) {
	next, err := l.leaderGet(ctx, getRequest{Seq: seq + 1, NextFor: ">"})
	if !errors.Is(err, errNoMessage) {
		return next, err
	}
	info, err := l.link.info(ctx, l.opts.Stream)
	if err == nil && info.State.LastSeq < seq {
		err = errBehind
	}
	return 0, err
}

// flush gives the gathered events to the mirror, first noting how far they go.
func (l *Log) flush(ctx context.Context) error {
	l.open = ""
	if len(l.batch) == 0 {
		return nil
	}
	defer func() { clear(l.batch); l.batch = l.batch[:0] }()
	l.mark.raise(l.life.epoch, l.batch[len(l.batch)-1].Seq)
	return l.Follow(ctx, l.batch)
}
