package logtest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"rollcall/hub/eventlog"
)

// announcement is a gap as a stream was given it.
type announcement struct {
	channel string
	after   uint64
}

// stream is a subscriber that reads, drops and resumes.
type stream struct {
	channels []string
	start    uint64
	end      uint64 // its final position
	got      []*eventlog.Record
	gaps     []announcement
}

// Many streams read a log under load that keeps very little. For each of them:
//
//   - its events are in log order, without repetition, and only of its channels;
//   - for every event of its channels between its start and its end, it has the event or an
//     earlier announcement of a gap of that channel;
//   - each batch obeys its limit, and Through never goes back.
func testConcurrent(t *testing.T, open Open) {
	const streams, steps = 8, 150
	h := start(t, open, eventlog.Options{Events: 20, Budget: 16 << 10})
	channels := names(60)
	wake := make(chan struct{}, 1)
	full := h.log.Tail(wake)
	stop := flood(newBroken(t), h.log, channels)
	all := make([]stream, streams)
	var wg sync.WaitGroup
	for i := range all {
		wg.Go(func() {
			if err := all[i].read(h.log, channels, rand.New(rand.NewPCG(uint64(i), 5)), steps); err != nil {
				t.Errorf("stream %d: %v", i, err)
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	var order []*eventlog.Record
	for ended := false; !ended; {
		select {
		case <-done:
			ended = true
		case <-wake:
		}
		order = full.Next(order, 1<<20)
		full.Done()
	}
	stop()
	order = full.Next(order, 1<<20)
	full.Close()
	gaps := 0
	for i := range all {
		gaps += len(all[i].gaps)
		if err := all[i].account(order); err != nil {
			t.Errorf("stream %d of %q from %d to %d: %v", i, all[i].channels, all[i].start, all[i].end, err)
		}
	}
	t.Logf("%d events, %d gaps", len(order), gaps)
}

// read lives a stream's life of some steps.
func (s *stream) read(log eventlog.Log, channels []string, rng *rand.Rand, steps int) error {
	for _, at := range rng.Perm(len(channels))[:1+rng.IntN(20)] {
		s.channels = append(s.channels, channels[at])
	}
	s.start = log.Head().Seq
	c := &eventlog.Cursor{Channels: s.channels, After: s.start}
	for range steps {
		limit := eventlog.Limit{Events: rng.IntN(8), Bytes: rng.IntN(3) * 500}
		low := log.Head().Seq
		b := log.Next(c, limit, nil)
		if err := checkBatch(c, limit, b, low, log.Head().Seq); err != nil {
			return err
		}
		if b.Through < c.After {
			return fmt.Errorf("through %d at %d", b.Through, c.After)
		}
		for _, g := range b.Gaps {
			s.gaps = append(s.gaps, announcement{g.Channel, c.After})
		}
		use := b.Records
		c.After = b.Through
		if n := len(use); n > 0 && rng.IntN(3) == 0 { // only a part could be written
			use = use[:rng.IntN(n)+1]
			c.After = use[len(use)-1].Seq
		}
		s.got = append(s.got, use...)
		if rng.IntN(5) == 0 { // drop and resume
			c = &eventlog.Cursor{Channels: s.channels, After: c.After}
		}
	}
	s.end = c.After
	return nil
}

// account compares the stream's events with all appended ones.
func (s *stream) account(order []*eventlog.Record) error {
	got := s.got
	for _, r := range order {
		if r.Seq <= s.start || r.Seq > s.end || !slices.Contains(s.channels, r.Channel()) {
			continue
		}
		if len(got) > 0 && got[0].Seq == r.Seq {
			got = got[1:]
			continue
		}
		if !slices.ContainsFunc(s.gaps, func(a announcement) bool { return a.channel == r.Channel() && a.after < r.Seq }) {
			return fmt.Errorf("event %d of %q is missing without a gap", r.Seq, r.Channel())
		}
	}
	if len(got) > 0 {
		return fmt.Errorf("got %v, twice or out of order", seqs(got))
	}
	return nil
}
