package torture

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// recoveryHold is how long a fault lasts whose recovery is measured.
const recoveryHold = time.Second

// Recover has each fault begin and end some times, and calls on with the times from its end until all is well: every server
// acknowledges an event, and a stream at every server has the events of all. Streams and publishers try again at once.
func Recover(ctx context.Context, sys System, times int, on func(f Fault, took []time.Duration)) error {
	h := NewHistory()
	c := newCrowd(sys, &Round{Channels: 1, Log: func(string, ...any) {}})
	defer c.client.CloseIdleConnections()
	staying, leave := context.WithCancel(ctx)
	var lasting sync.WaitGroup
	defer func() { leave(); lasting.Wait() }()
	var streams []*subscriber
	var publishers []*publisher
	for i, server := range sys.Servers {
		s := newSubscriber(h, []string{server}, 1, fmt.Sprint("s", i), []string{"recovery"})
		s.settle()
		lasting.Go(func() { s.run(staying) })
		streams = append(streams, s)
		publishers = append(publishers, newPublisher(h, []string{server}, 1, fmt.Sprint("p", i), nil, c.client))
	}
	well := func() error {
		ctx, cancel := context.WithTimeout(ctx, 2*patience)
		defer cancel()
		events := make([][]Event, len(publishers))
		var acked sync.WaitGroup
		for i, p := range publishers {
			events[i] = p.batch(endMark, "recovery")
			acked.Go(func() { p.insist(ctx, events[i]) })
		}
		for all := slices.Concat(events...); slices.ContainsFunc(streams, func(s *subscriber) bool { return !s.has(all) }); {
			sys.Repair()
			if !Pause(ctx, time.Millisecond) {
				acked.Wait()
				return fmt.Errorf("not well within %v", 2*patience)
			}
		}
		acked.Wait()
		return nil
	}
	if err := well(); err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(1, 2))
	for _, f := range sys.Faults {
		var took []time.Duration
		for range times {
			f.Begin(r)
			Pause(ctx, recoveryHold)
			f.End()
			ended := time.Now()
			if err := well(); err != nil {
				return fmt.Errorf("%v: %w", f, err)
			}
			took = append(took, time.Since(ended))
			Pause(ctx, 100*time.Millisecond)
		}
		on(f, took)
	}
	return nil
}
