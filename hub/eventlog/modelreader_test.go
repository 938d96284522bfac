package eventlog

import (
	"slices"

	"pgregory.net/rapid"
)

// modelReader is a subscriber with the account of what it was given.
type modelReader struct {
	cursor Cursor
	start  uint64
	told   map[string]uint64 // the number through which losses were reported to this cursor
	seen   map[uint64]int
	last   uint64 // newest event it was given
	gaps   []modelGap
}

// modelGap is a reported gap.
type modelGap struct {
	channel string
	after   uint64 // the reader's position then
}

func newModelReader(channels []string, after uint64) *modelReader {
	return &modelReader{
		cursor: Cursor{Channels: channels, After: after},
		start:  after, last: after,
		told: make(map[string]uint64),
		seen: make(map[uint64]int),
	}
}

// resume continues with a new cursor, to which holes are reported again.
func (r *modelReader) resume() {
	r.cursor = Cursor{Channels: r.cursor.Channels, After: r.cursor.After}
	clear(r.told)
}

// read reads a batch and judges it.
func (r *modelReader) read(rt *rapid.T, s *machine, limit Limit) Batch {
	after, channels := r.cursor.After, r.cursor.Channels
	want := s.md.kept(after, channels)
	if got := s.m.Pending(&r.cursor); got != len(want) {
		rt.Fatalf("pending %d, want %d", got, len(want))
	}
	b := s.m.Next(&r.cursor, limit, nil)
	if r.cursor.After != after {
		rt.Fatalf("Next moved the cursor from %d to %d", after, r.cursor.After)
	}
	all, size := len(want), 0
	for i, ev := range want {
		size += ev.size
		if i > 0 && (limit.Events > 0 && i+1 > limit.Events || limit.Bytes > 0 && size > limit.Bytes) {
			want = want[:i]
			break
		}
	}
	if len(b.Records) != len(want) || b.Done != (len(want) == all) {
		rt.Fatalf("%d records, done %v; want %d of %d kept", len(b.Records), b.Done, len(want), all)
	}
	for i, ev := range want {
		if rec := b.Records[i]; rec.Seq != ev.seq || rec.Channel() != ev.channel || string(rec.Payload()) != ev.payload {
			rt.Fatalf("record %d is %d of %q, want %+v", i, rec.Seq, rec.Channel(), ev)
		}
	}
	if through := s.m.Head().Seq; b.Done && b.Through != through || !b.Done && b.Through != want[len(want)-1].seq {
		rt.Fatalf("through %d, done %v, head %d", b.Through, b.Done, through)
	}
	r.judgeGaps(rt, s, b.Gaps)
	s.seen.records += len(b.Records)
	return b
}

// judgeGaps holds the gaps against what was lost.
func (r *modelReader) judgeGaps(rt *rapid.T, s *machine, gaps []Gap) {
	after, watermark := r.cursor.After, s.m.graves.watermark
	for _, channel := range r.cursor.Channels {
		told := len(gaps) > 0 && gaps[0].Channel == channel
		lost := s.md.lost(channel)
		due := lost > after && lost > r.told[channel]
		switch {
		case due && !told:
			rt.Fatalf("%q lost events through %d, which is not told at %d", channel, lost, after)
		case told && !due && watermark <= max(after, r.told[channel]):
			rt.Fatalf("a gap of %q at %d, told through %d, lost through %d, watermark %d",
				channel, after, r.told[channel], lost, watermark)
		case told && !due:
			s.seen.falseGaps++
		}
		if !told {
			continue
		}
		if empty := len(s.md.kept(0, []string{channel})) == 0; gaps[0].Empty != empty {
			rt.Fatalf("gap %+v, empty is %v", gaps[0], empty)
		}
		s.seen.gaps++
		r.told[channel] = max(lost, r.told[channel])
		if !due {
			r.told[channel] = max(watermark, r.told[channel])
		}
		r.gaps = append(r.gaps, modelGap{channel, after})
		gaps = gaps[1:]
	}
	if len(gaps) > 0 {
		rt.Fatalf("gaps %v of foreign channels or out of order", gaps)
	}
}

// use takes the first n records of the batch and moves on as far.
func (r *modelReader) use(rt *rapid.T, b Batch, n int) {
	for _, rec := range b.Records[:n] {
		r.seen[rec.Seq]++
		if rec.Seq <= r.last {
			rt.Fatalf("event %d follows %d", rec.Seq, r.last)
		}
		r.last = rec.Seq
		r.cursor.After = rec.Seq
	}
	if n == len(b.Records) {
		r.cursor.After = b.Through
	}
}

// account closes the reader's account: every event since it began was received once, or a gap of its channel was
// announced before the event's place.
func (r *modelReader) account(rt *rapid.T, md *model) {
	for _, ev := range md.events {
		if ev.seq <= r.start || !slices.Contains(r.cursor.Channels, ev.channel) {
			if r.seen[ev.seq] > 0 {
				rt.Fatalf("event %d of %q was not asked for", ev.seq, ev.channel)
			}
			continue
		}
		if r.seen[ev.seq] > 1 {
			rt.Fatalf("event %d was given %d times", ev.seq, r.seen[ev.seq])
		}
		told := slices.ContainsFunc(r.gaps, func(g modelGap) bool { return g.channel == ev.channel && g.after < ev.seq })
		if r.seen[ev.seq] == 0 && !told {
			rt.Fatalf("event %d of %q is missing in silence", ev.seq, ev.channel)
		}
	}
}
