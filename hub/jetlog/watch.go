package jetlog

import (
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// watchEvery is how often the stream's state is asked for.
const watchEvery = 2 * time.Second

// staleAfter is the silence after which a log is degraded.
const staleAfter = 3 * watchEvery

// Status is how a log stands with its stream.
type Status struct {
	Connected bool      // to NATS
	URL       string    // of the server, without credentials
	Lag       uint64    // sequence numbers that the mirror is behind the stream's last known one
	Heard     time.Time // when NATS last answered; the other fields may be as old
	Reason    string    // the present trouble, "" for none
	Epoch     string
	Stream    string
	Replicas  int
}

// Status returns how the log stands with its stream.
func (l *Log) Status() Status {
	l.link.mu.Lock()
	reason, heard := l.link.reason, l.link.contact
	l.link.mu.Unlock()
	s := Status{
		Connected: reason == "" && l.link.nc.IsConnected(),
		Heard:     heard,
		Epoch:     l.life.epoch,
		Stream:    l.opts.Stream,
		Replicas:  l.life.config.Replicas,
		URL:       connectedURL(l.link.nc),
		Reason:    reason,
	}
	if !s.Connected && s.Reason == "" {
		s.Reason = lostConnection
	}
	if last, head := l.last.Load(), l.Head().Seq; last > head {
		s.Lag = last - head
	}
	if t := l.trouble.Load(); s.Reason == "" && t != nil {
		s.Reason = *t
	}
	if s.Reason == "" && time.Since(heard) > staleAfter {
		s.Reason = fmt.Sprintf("no message for %v", time.Since(heard).Round(time.Second))
	}
	if err := l.Err(); err != nil {
		s.Reason = err.Error()
	}
	return s
}

// Degraded reports whether appends are likely to fail, or received events are not up to date.
func (l *Log) Degraded() bool {
	s := l.Status()
	return !s.Connected || s.Reason != ""
}

// setTrouble records why following the stream fails; nil clears it.
func (l *Log) setTrouble(err error) {
	if err == nil {
		l.trouble.Store(nil)
		return
	}
	why := err.Error()
	l.trouble.Store(&why)
}

// noteLastSeq records the stream's last sequence number.
func (l *Log) noteLastSeq(last uint64) {
	l.last.Store(last)
	l.asked.Store(time.Now().UnixNano())
}

// watch asks for the stream's state now and then, and until it is sure when that is not
// as it was: then the log is lost.
func (l *Log) watch() {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	var since time.Time // since when temporary trouble has lasted
	for {
		select {
		case <-ticker.C:
		case <-l.lost.done:
			return
		case <-l.ctx.Done():
			return
		}
		why, patience, end := l.examine()
		if why == "" {
			since = time.Time{}
			ticker.Reset(watchEvery)
			continue
		}
		if since.IsZero() {
			since = time.Now()
		}
		if time.Since(since) >= patience {
			end(why)
			return
		}
		ticker.Reset(min(watchEvery, patience) / 4)
	}
}

// examine returns what is wrong with the stream, how long that may last before the log ends, and how it ends.
func (l *Log) examine() (why string, patience time.Duration, end func(why string)) {
	head := l.Head().Seq
	info, err := l.link.info(l.ctx, l.opts.Stream)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return "the stream was deleted", watchEvery / 4, l.lose
	case err != nil:
		return "", 0, nil
	}
	if why, patience, end = l.compare(info, head); why == "" {
		l.noteLastSeq(info.State.LastSeq)
	}
	return why, patience, end
}

// compare is examine for an answer that came after the log was at head.
func (l *Log) compare(info *jetstream.StreamInfo, head uint64) (why string, patience time.Duration, end func(why string)) {
	switch {
	case info.Config.Metadata[metaEpoch] != l.life.epoch:
		return fmt.Sprintf("the stream has the epoch %q now", info.Config.Metadata[metaEpoch]), 0, l.lose
	case !info.Created.Equal(l.life.created):
		return "the stream was created anew", 0, l.setBack
	case info.State.LastSeq < head:
		return fmt.Sprintf("the stream ends at %d, but %d was seen", info.State.LastSeq, head), l.link.patience, l.setBack
	}
	return "", 0, nil
}
