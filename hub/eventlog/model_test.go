package eventlog

import (
	"slices"
	"time"
)

// model is a naive log: it forgets nothing. What the true log keeps is read from
// it before and after each step, one channel at a time, and judged here.
type model struct {
	opts   Options
	events []modelEvent // in log order
	at     map[uint64]int
	keys   map[modelKey]modelUse
	keyed  int // events with keys accepted
}

type modelEvent struct {
	seq     uint64
	channel string
	payload string
	size    int // bytes of its frame
	cost    int64
	at      time.Time
	kept    bool
}

type modelKey struct{ channel, key string }

type modelUse struct {
	seq   uint64
	at    time.Time
	keyed int // events with keys accepted before
}

func newModel(opts Options) *model {
	return &model{opts: opts, at: make(map[uint64]int), keys: make(map[modelKey]modelUse)}
}

// add notes an event that the log accepted as r.
func (md *model) add(ev Event, r *Record) {
	md.at[r.Seq] = len(md.events)
	md.events = append(md.events, modelEvent{
		seq: r.Seq, channel: ev.Channel, payload: string(ev.Payload),
		size: len(r.Frame().Chunk()), cost: r.cost(), at: time.Now(), kept: true,
	})
}

// channels returns every channel that was ever published to, in order of use.
func (md *model) channels() []string {
	var out []string
	for _, ev := range md.events {
		if !slices.Contains(out, ev.channel) {
			out = append(out, ev.channel)
		}
	}
	return out
}

// kept returns the kept events of the channels after seq, in log order.
func (md *model) kept(after uint64, channels []string) []modelEvent {
	var out []modelEvent
	for _, ev := range md.events {
		if ev.kept && ev.seq > after && slices.Contains(channels, ev.channel) {
			out = append(out, ev)
		}
	}
	return out
}

// lost returns the number through which the channel lost events.
func (md *model) lost(channel string) uint64 {
	var through uint64
	for _, ev := range md.events {
		if !ev.kept && ev.channel == channel {
			through = ev.seq
		}
	}
	return through
}

// overLimit reports whether the event at i must not be kept for the sake of its
// channel's count or bytes.
func (md *model) overLimit(i int) bool {
	count, bytes := 0, 0
	for _, ev := range md.events[i:] {
		if ev.channel == md.events[i].channel {
			count++
			bytes += ev.size
		}
	}
	return count > md.opts.Events || bytes > md.opts.Bytes && count > 1
}
