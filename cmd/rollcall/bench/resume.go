package bench

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// resume drops all streams, publishes events for them, reconnects them all at once at their positions, and checks that
// each receives everything once and in order. Meanwhile live streams follow a channel of their own, and publishing to
// the resumed channels continues, so that the hand-over from kept to new events is tested as well.
func (r *run) resume(ctx context.Context) error {
	p := r.publishers[0]
	r.progress.setPhase("giving every stream a position")
	if err := r.warm(ctx, func() error { return r.everyChannel(ctx, p, 1) }); err != nil {
		return err
	}
	r.progress.setPhase("live traffic alone")
	r.takeLatency()
	if err := r.liveFor(ctx, p, r.o.Warmup); err != nil {
		return err
	}
	res := &Resumed{Streams: len(r.main), MissedPerStream: r.o.Missed * r.o.ChannelsPerStream}
	res.LiveBefore = newLatency(r.takeLatency())
	r.result.Resume = res

	for i := range r.o.Drops {
		r.progress.setPhase(fmt.Sprintf("drop %d of %d", i+1, r.o.Drops))
		if err := r.dropAll(ctx, p); err != nil {
			return err
		}
	}
	r.progress.setPhase("publishing what the streams miss")
	r.engine.drop(r.main)
	if err := r.everyChannel(ctx, p, r.o.Missed); err != nil {
		return err
	}

	r.progress.setPhase("resuming")
	storm := func() error { return r.storm(ctx, p, res) }
	if err := r.measure(ctx, storm); err != nil {
		return err
	}
	m := r.result.Measured
	m.Latency = res.LiveDuring
	if m.CPUSeconds != nil {
		res.CPUMicrosStream = microsPer(time.Duration(*m.CPUSeconds*float64(time.Second)), int64(res.Streams))
	}
	return nil
}

// dropTime is how long a drop lasts.
const dropTime = 2 * time.Second

// dropAll drops all streams, publishes at the rate while they are away, reconnects them, and waits until they have caught up.
func (r *run) dropAll(ctx context.Context, p *paced) error {
	r.engine.drop(r.main)
	away, cancel := context.WithTimeout(ctx, dropTime)
	defer cancel()
	if err := r.every(away, func() error { return p.send(ctx, 1) }); err != nil {
		return err
	}
	if _, err := r.open(ctx, r.main); err != nil {
		return err
	}
	return r.drain(ctx)
}

// storm reconnects the streams under live traffic and waits until they have caught up.
func (r *run) storm(ctx context.Context, p *paced, res *Resumed) error {
	stop := r.memory.start(true)
	defer stop(r.result)
	live, halt := context.WithCancel(ctx)
	defer halt()
	var wg sync.WaitGroup
	var liveErr error
	wg.Go(func() { liveErr = r.follow(live, p) })

	begun := time.Now()
	took, err := r.open(ctx, r.main)
	res.OpenSeconds = seconds(took)
	if err == nil {
		err = r.drain(ctx)
	}
	res.CatchUpSeconds = seconds(time.Since(begun))
	res.LiveDuring = newLatency(r.takeLatency())
	halt()
	wg.Wait()
	if err == nil {
		err = liveErr
	}
	return err
}

// everyChannel publishes times events on every channel, in batches.
func (r *run) everyChannel(ctx context.Context, p *paced, times int) error {
	for left := times * r.o.Channels; left > 0; {
		n := min(left, r.o.Batch)
		if err := p.send(ctx, n); err != nil {
			return err
		}
		left -= n
	}
	return nil
}

// liveFor publishes only live traffic for d and waits until it has arrived.
func (r *run) liveFor(ctx context.Context, p *paced, d time.Duration) error {
	timed, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	channel := []uint32{uint32(r.o.Channels)}
	if err := r.every(timed, func() error { return p.post(ctx, channel) }); err != nil {
		return err
	}
	return r.drain(ctx)
}

// follow publishes live traffic, and as many events on the other channels in turn, until ctx ends. A running post is
// completed, so that the published events are known.
func (r *run) follow(ctx context.Context, p *paced) error {
	whole := context.WithoutCancel(ctx)
	channel := []uint32{uint32(r.o.Channels)}
	return r.every(ctx, func() error {
		if err := p.post(whole, channel); err != nil {
			return err
		}
		return p.send(whole, 1)
	})
}

// every calls post Rate times a second until ctx ends, which is no error.
func (r *run) every(ctx context.Context, post func() error) error {
	tick := time.NewTicker(time.Duration(float64(time.Second) / r.o.Rate))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := post(); err != nil {
				return err
			}
		}
	}
}
