package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"
)

// run is one run: the streams, the published events, and the received ones. Its methods are called from one goroutine,
// except status.
type run struct {
	o          Options
	clock      clock
	ledger     *ledger
	tallies    []*tally
	streams    []*stream // all of them
	main       []*stream // the requested ones
	live       []*stream // in Resume mode, those with live traffic
	publishers []*paced
	engine     engine
	progress   *progress
	memory     *memoryWatch
	result     *Result
}

// Run loads the server as o describes and returns the result. If ctx ends first, it stops and returns a partial
// result, marked as interrupted. An error means that there is no result: unusable options, too few open files, an
// unreachable server.
//
// Run may be called from several goroutines at once, though they would disturb each other.
func Run(ctx context.Context, o Options) (*Result, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	r := newRun(o)
	if err := raiseFileLimit(len(r.streams) + 64); err != nil {
		return nil, err
	}
	subscribe := &requests{headers: o.Headers, names: r.publishers[0].names, anyCertificate: o.InsecureTLS}
	for _, raw := range o.SubscribeURLs {
		subscribe.endpoints = append(subscribe.endpoints, parseEndpoint(raw))
	}
	if r.engine, err = newEngine(o, subscribe, r.clock, r.tallies, r.streams); err != nil {
		return nil, err
	}
	r.progress = newProgress(o.Progress, 5*o.moment, r.status)
	err = r.phases(ctx)
	r.progress.end()
	r.engine.drop(r.streams)
	r.engine.close()
	for _, p := range r.publishers {
		p.hangUp()
	}
	if err != nil && ctx.Err() == nil {
		return nil, err
	}
	r.result.Interrupted = ctx.Err() != nil
	return r.result, nil
}

// newRun lays out streams and channels. In Resume mode one more channel carries live traffic.
func newRun(o Options) *run {
	r := &run{o: o, clock: newClock(), memory: &memoryWatch{pids: o.PIDs}}
	k := newMarker()
	for range o.Readers {
		r.tallies = append(r.tallies, &tally{marker: k, channels: uint32(o.Channels), positions: o.Mode == Resume})
	}
	for i := range o.Streams {
		s := r.newStream(uint32(i*o.ChannelsPerStream%o.Channels), o.ChannelsPerStream)
		s.timed = o.Mode != Resume
		// Slow ones are spread evenly.
		s.slow = (i+1)*o.Slow/o.Streams > i*o.Slow/o.Streams
		r.main = append(r.main, s)
	}
	if o.Mode == Resume {
		for range o.Live {
			s := r.newStream(uint32(o.Channels), 1)
			s.timed = true
			r.live = append(r.live, s)
		}
	}
	names := make([]string, o.Channels+1)
	for i := range names {
		names[i] = fmt.Sprintf("%s-%s-%d", o.ChannelPrefix, k.run(), i)
	}
	r.ledger = &ledger{numbers: make([]uint32, len(names)), readers: make([]int64, len(names))}
	publishers := min(o.Publishers, o.Channels)
	if o.Mode == Resume {
		publishers = 1
	}
	for i := range publishers {
		p := newPublisher(&r.o, names, k, r.clock, r.ledger)
		r.publishers = append(r.publishers, newPaced(p, i, publishers, o.Channels))
	}
	r.result = &Result{Load: newLoad(o)}
	return r
}

func newLoad(o Options) Load {
	l := Load{
		Mode: o.Mode, SubscribeURLs: o.SubscribeURLs, Streams: o.Streams, Slow: o.Slow, Channels: o.Channels,
		ChannelsPerStream: o.ChannelsPerStream, PayloadBytes: o.PayloadBytes, Batch: o.Batch, Publishers: o.Publishers,
	}
	switch o.Mode {
	case Paced:
		l.Rate, l.Seconds = o.Rate, seconds(o.Duration)
	case Burst:
		l.Burst, l.Bursts = o.Burst, o.Bursts
	case Resume:
		l.Rate = o.Rate
	}
	return l
}

func (r *run) newStream(first uint32, channels int) *stream {
	id := len(r.streams)
	s := &stream{id: id, first: first, t: r.tallies[id%len(r.tallies)], last: make([]uint32, channels), fd: -1}
	r.streams = append(r.streams, s)
	return s
}

// phases does everything that the mode asks for.
func (r *run) phases(ctx context.Context) error {
	if err := r.connect(ctx); err != nil {
		return err
	}
	var err error
	switch r.o.Mode {
	case Paced:
		err = r.paced(ctx)
	case Burst:
		err = r.bursts(ctx)
	case Resume:
		err = r.resume(ctx)
	}
	r.account()
	if err == nil {
		err = r.afterwards(ctx)
	}
	return err
}

// afterwards reads the memory that is left when all streams have gone.
func (r *run) afterwards(ctx context.Context) error {
	if r.result.Memory == nil || !r.memory.peaked() {
		return nil
	}
	r.progress.setPhase("dropping all streams")
	r.engine.drop(r.streams)
	if err := sleep(ctx, r.o.Settle); err != nil {
		return err
	}
	if u, err := processMemory(r.o.PIDs); err == nil {
		r.result.Memory.After = u.pss
	}
	return nil
}

// connect opens all streams and measures the cost.
func (r *run) connect(ctx context.Context) error {
	m := &Memory{}
	watch := len(r.o.PIDs) > 0
	var cpu usage
	if watch {
		before, err := processMemory(r.o.PIDs)
		if err == nil {
			cpu, err = processCPU(r.o.PIDs)
		}
		if err != nil {
			return fmt.Errorf("watching the server: %w", err)
		}
		m.Before = before.pss
	}
	r.progress.setPhase("connecting")
	c := &r.result.Connect
	if len(r.streams) > 0 {
		begun := time.Now()
		took, err := r.open(ctx, r.streams)
		r.noteConnections()
		if err != nil {
			return err
		}
		if c.Opened == 0 {
			return fmt.Errorf("no stream could be opened: %s", c.FirstTrouble)
		}
		c.Seconds = seconds(took)
		c.PerSecond = round(float64(c.Opened) / took.Seconds())
		if err := r.quiet(ctx); err != nil {
			return err
		}
		if after, err := processCPU(r.o.PIDs); watch && err == nil {
			c.CPUMicros = microsPer(after.cpu-cpu.cpu, int64(c.Opened))
		}
		if d := time.Since(begun); d > time.Minute {
			r.result.warn("connecting took %v: the server's idle work is part of its CPU for a stream", d.Round(time.Second))
		}
	}
	r.findReaders()
	if !watch {
		return sleep(ctx, r.o.Settle)
	}
	r.progress.setPhase("idle")
	if err := sleep(ctx, r.o.Settle); err != nil {
		return err
	}
	u, err := processMemory(r.o.PIDs)
	if err != nil {
		return fmt.Errorf("watching the server: %w", err)
	}
	m.Idle = u.pss
	if c.Opened > 0 {
		m.PerStreamKiB = round(float64(m.Idle-m.Before) / 1024 / float64(c.Opened))
	}
	r.result.Memory = m
	return nil
}

// open connects streams and returns how long it took. It returns early if none is answered for Patience.
func (r *run) open(ctx context.Context, streams []*stream) (time.Duration, error) {
	before := r.counts()
	begun := time.Now()
	r.engine.open(streams, r.o.Window)
	settled := func(c counts) int { return c.open + c.failed + c.ended }
	err := r.await(ctx, func(c counts) (bool, int64) {
		n := settled(c) - settled(before)
		return n >= len(streams), int64(n)
	})
	if errors.Is(err, errPatience) {
		c := r.counts()
		r.result.warn("only %d of %d streams were answered", c.open-before.open, len(streams))
		err = nil
	}
	return time.Since(begun), err
}

// findReaders determines which streams should receive events published from now on.
func (r *run) findReaders() {
	clear(r.ledger.readers)
	for _, s := range r.streams {
		s.t.mu.Lock()
		open := s.state == streamOpen
		s.t.mu.Unlock()
		if !open || s.slow {
			continue
		}
		for i := range s.last {
			r.ledger.readers[s.channel(i)]++
		}
	}
}

// errPatience ends the wait for missing deliveries.
var errPatience = errors.New("nothing came any more")

// await waits until done holds; after Patience in which progress, its second result, did not become
// greater than ever it returns errPatience.
func (r *run) await(ctx context.Context, done func(counts) (ok bool, progress int64)) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	best := int64(math.MinInt64)
	moved := time.Now()
	for {
		ok, progress := done(r.counts())
		if ok {
			return nil
		}
		if progress > best {
			best, moved = progress, time.Now()
		} else if time.Since(moved) > r.o.Patience {
			return errPatience
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// drain waits until everything published has arrived, or nothing arrives any more.
func (r *run) drain(ctx context.Context) error {
	err := r.await(ctx, func(c counts) (bool, int64) {
		missing := r.ledger.expected.Load() - c.delivered // also grows while publishing continues
		return missing <= 0, -missing
	})
	if errors.Is(err, errPatience) {
		return nil // account reports the losses
	}
	return err
}

// quiet waits until nothing has been received for a moment, at most 25 moments: for greetings, and anything
// unexpected.
func (r *run) quiet(ctx context.Context) error {
	last := r.counts().bytes
	for range 25 {
		if err := sleep(ctx, r.o.moment); err != nil {
			return err
		}
		now := r.counts().bytes
		if now == last {
			return nil
		}
		last = now
	}
	return nil
}

// counts sums up all tallies.
func (r *run) counts() counts {
	var c counts
	for _, t := range r.tallies {
		t.mu.Lock()
		c.add(t.counts)
		t.mu.Unlock()
	}
	return c
}

// takeLatency sums up the latencies since the last call, and forgets them.
func (r *run) takeLatency() *histogram {
	h := &histogram{}
	for _, t := range r.tallies {
		t.mu.Lock()
		h.add(&t.latency)
		t.latency = histogram{}
		t.mu.Unlock()
	}
	return h
}

// noteConnections writes down how the streams are.
func (r *run) noteConnections() {
	all := r.counts()
	c := &r.result.Connect
	c.Opened, c.Failed = max(c.Opened, all.open+all.ended), all.failed
	c.Ended, c.SlowEnded = all.ended, all.slowEnded
	for _, t := range r.tallies {
		t.mu.Lock()
		if c.FirstTrouble == "" {
			c.FirstTrouble = t.trouble
		}
		t.mu.Unlock()
	}
}

// account compares published and received events.
func (r *run) account() {
	r.noteConnections()
	published := r.ledger.events.Load()
	if published == 0 {
		return
	}
	c, expected := r.counts(), r.ledger.expected.Load()
	r.result.Delivery = &Delivery{
		Published: published, Posts: r.ledger.posts.Load(), PostErrors: r.ledger.errors.Load(), Refused: r.ledger.refused.Load(),
		Expected: expected, Delivered: c.delivered, Lost: max(expected-c.delivered, 0),
		Repeated: c.repeated, OutOfOrder: c.outOfOrder, Foreign: c.foreign, Gaps: c.gaps, Goodbyes: c.goodbyes,
	}
}

// status is the progress line.
func (r *run) status() string {
	c := r.counts()
	return fmt.Sprintf("%d of %d streams open, %d events published, %d of %d deliveries",
		c.open, len(r.streams), r.ledger.events.Load(), c.delivered, r.ledger.expected.Load())
}
