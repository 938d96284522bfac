package disklog

import (
	"errors"
	"math"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// tip is the end of a channel, as the writer needs it.
type tip struct {
	channel string
	last    uint64    // the last event, 0 for none
	ordinal uint64    // how many there were
	bytes   uint64    // of all their payloads
	end     bool      // the last event is the end of the channel
	at      time.Time // when the end came

	// The counts at which the channel is trimmed.
	trimAt, trimBytes uint64

	block uint64 // the block that entry is of
	entry entry
}

// tipsKept is how many tips a generation has.
const tipsKept = 1 << 15

// tips has the channels that were written to last, in two generations; others are read from the store.
type tips struct {
	l          *Log
	young, old map[string]*tip
}

// of returns a channel's tip; head is the number given last.
func (s *tips) of(channel string, head uint64) (*tip, error) {
	t := s.young[channel]
	if t != nil {
		return t, nil
	}
	if t = s.old[channel]; t == nil {
		var err error
		if t, err = s.l.readTip(channel); damaged(err) {
			// Earlier events are unknown, so all of them count as missing.
			s.l.log.Error("the event store is damaged: the index of a channel can't be read", "channel", channel, "error", err)
			t, err = &tip{channel: string([]byte(channel)), last: head, trimAt: math.MaxUint64, trimBytes: math.MaxUint64}, nil
		}
		if err != nil {
			return nil, err
		}
	}
	if s.young == nil || len(s.young) >= tipsKept {
		s.old, s.young = s.young, make(map[string]*tip)
	}
	s.young[t.channel] = t
	return t, nil
}

// slack is how much more than it may a channel has before it is looked through.
func slack(most int) uint64 { return uint64(most/8 + 16) }

// trimmed notes that a channel is being looked through.
func (s *tips) trimmed(t *tip) {
	most := s.l.Limits(t.channel)
	t.trimAt, t.trimBytes = t.ordinal+slack(most.Events), t.bytes+slack(most.Bytes)
}

// readTip reads the end of a channel from the store.
func (l *Log) readTip(channel string) (*tip, error) {
	t := &tip{channel: string(append([]byte(nil), channel...))}
	most := l.Limits(channel)
	it, err := l.entries(channel)
	if err != nil {
		return nil, err
	}
	defer it.Close()
	if it.Last() {
		e, err := readEntry(it.Key(), it.Value())
		if err != nil {
			return nil, err
		}
		if t.end = e.end; e.end {
			if t.at, err = l.timeOf(e.last); err != nil {
				return nil, err
			}
		}
		t.ordinal, t.bytes = e.ordinal, e.bytes
		if t.last = e.last; e.count == 0 {
			t.last = e.prev
		}
	}
	first := entry{ordinal: t.ordinal, bytes: t.bytes}
	if it.First() {
		if first, err = readEntry(it.Key(), it.Value()); err != nil {
			return nil, err
		}
	}
	t.trimAt, t.trimBytes = first.ordinal+uint64(most.Events)+slack(most.Events), first.bytes+uint64(most.Bytes)+slack(most.Bytes)
	return t, it.Error()
}

// timeOf returns when an event was stored; long ago if it is missing.
func (l *Log) timeOf(seq uint64) (time.Time, error) {
	v, err := l.newView()
	if err != nil {
		return time.Time{}, err
	}
	defer v.close()
	items, err := v.block(seq)
	if err != nil {
		return time.Time{}, err
	}
	for i := range items {
		if items[i].Seq == seq {
			return items[i].Time, nil
		}
	}
	return time.Time{}, nil
}

// ended reports whether the channel has ended and its end is kept.
func (t *tip) ended(now time.Time, age time.Duration) bool {
	return t.end && (age < 0 || now.Sub(t.at) <= age)
}

// entries reads the entries of a channel. Close it.
func (l *Log) entries(channel string) (*pebble.Iterator, error) {
	lower, upper := entryBounds(channel)
	return l.store.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
}

// keep decides which events of a channel are kept: its newest, within its limits.
type keep struct {
	events, bytes uint64
	newest        entry // the channel's last; none if ordinal is 0
}

func (l *Log) newKeep(channel string) *keep {
	most := l.Limits(channel)
	return &keep{events: uint64(most.Events), bytes: uint64(most.Bytes)}
}

// of returns how many of the entry's events are kept, its last ones. It is first asked for the channel's newest entry.
func (k *keep) of(e *entry) uint64 {
	if k.newest.ordinal == 0 {
		k.newest = *e
	}
	newer := k.newest.ordinal - e.ordinal // events behind the entry's last
	if newer >= k.events || k.newest.ordinal > e.ordinal && k.newest.bytes-e.bytes >= k.bytes {
		return 0
	}
	return min(e.count, k.events-newer)
}

// damaged reports whether the error is of a damaged file.
func damaged(err error) bool {
	return errors.Is(err, errMalformed) || pebble.IsCorruptionError(err)
}
