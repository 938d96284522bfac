package jetlog

import (
	"context"
	"errors"
	"time"

	"rollcall/hub/eventlog"
)

// visible limits how long an append waits for its events to reach the mirror.
const visible = 5 * time.Second

// Await implements [eventlog.Log]. A reader may come from another node, whose mirror was ahead of this one's: the
// stream decides whether a position is late here or was never assigned. If the stream can't be asked, the position
// counts as late.
func (l *Log) Await(ctx context.Context, seq uint64) error {
	if l.Head().Seq >= seq {
		return nil
	}
	err := l.arrival(ctx, seq)
	if errors.Is(err, context.DeadlineExceeded) && !l.mayHave(seq) {
		return eventlog.ErrFuture
	}
	return err
}

// mayHave reports whether the stream has come to seq, as far as is known: a stream that is not as it was may have had it.
func (l *Log) mayHave(seq uint64) bool {
	if l.last.Load() >= seq {
		return true
	}
	head := l.Head().Seq
	info, err := l.link.info(l.alive, l.opts.Stream)
	if err != nil || info.State.LastSeq >= seq {
		return true
	}
	why, _, _ := l.compare(info, head)
	return why != ""
}

// await waits until the mirror has an append's events, for a limited time.
func (l *Log) await(ctx context.Context, seq uint64) {
	during, cancel := context.WithTimeout(ctx, visible)
	defer cancel()
	if err := l.arrival(during, seq); errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		l.log.Warn("this node lags behind the stream", "stored", seq, "head", l.Head().Seq)
	}
}

// arrival waits until the mirror has come to seq. A lost log's mirror does not move any more.
func (l *Log) arrival(ctx context.Context, seq uint64) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(l.alive, cancel)()
	return l.Memory.Await(ctx, seq)
}
