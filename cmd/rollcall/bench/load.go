package bench

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"
)

// paced is a publisher with its own channels: every step-th. Its events go to them in turn, so they are spread evenly.
type paced struct {
	*publisher
	index, step int
	channels    int
	next        uint32
	batch       []uint32
	lag         time.Duration // by how much the latest post missed its time
}

func newPaced(p *publisher, index, step, channels int) *paced {
	return &paced{publisher: p, index: index, step: step, channels: channels, next: uint32(index)}
}

// send publishes n events in one request.
func (p *paced) send(ctx context.Context, n int) error {
	p.batch = p.batch[:0]
	for range n {
		p.batch = append(p.batch, p.next)
		if p.next += uint32(p.step); int(p.next) >= p.channels {
			p.next = uint32(p.index)
		}
	}
	return p.post(ctx, p.batch)
}

// pace publishes its share of rate events a second for d. A post that is late is not
// dropped: it follows at once, and its latency counts from when it was sent.
func (p *paced) pace(ctx context.Context, rate float64, d time.Duration) error {
	interval := float64(p.o.Batch) / rate * float64(time.Second)
	total := int(math.Ceil(float64(d) / interval))
	p.lag = 0
	begun := time.Now()
	for k := p.index; k < total; k += p.step {
		due := begun.Add(time.Duration(float64(k) * interval))
		if wait := time.Until(due); wait > 0 {
			if err := sleep(ctx, wait); err != nil {
				return err
			}
		} else {
			p.lag = max(p.lag, -wait)
		}
		if err := p.send(ctx, p.o.Batch); err != nil {
			return err
		}
	}
	return nil
}

// burst publishes its share of n events, one request after the other.
func (p *paced) burst(ctx context.Context, n int) error {
	share := n / p.step
	if p.index < n%p.step {
		share++
	}
	for share > 0 {
		k := min(share, p.o.Batch)
		if err := p.send(ctx, k); err != nil {
			return err
		}
		share -= k
	}
	return nil
}

// all has every publisher work at the same time and returns the first error.
func (r *run) all(work func(*paced) error) error {
	errs := make([]error, len(r.publishers))
	var wg sync.WaitGroup
	for i, p := range r.publishers {
		wg.Go(func() { errs[i] = work(p) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// paced warms up and then measures the paced load.
func (r *run) paced(ctx context.Context) error {
	publish := func(d time.Duration) error {
		return r.all(func(p *paced) error { return p.pace(ctx, r.o.Rate, d) })
	}
	if r.o.Warmup > 0 {
		r.progress.setPhase("warming up")
		if err := r.warm(ctx, func() error { return publish(r.o.Warmup) }); err != nil {
			return err
		}
	}
	r.progress.setPhase("measuring")
	if err := r.measure(ctx, func() error { return publish(r.o.Duration) }); err != nil {
		return err
	}
	for _, p := range r.publishers {
		r.result.Measured.LagMillis = max(r.result.Measured.LagMillis, millis(p.lag))
	}
	if got := r.result.Measured.EventRate; got < 0.95*r.o.Rate && r.o.Rate*r.o.Duration.Seconds() >= 20 {
		r.result.warn("asked for %g events a second, the server took %g", r.o.Rate, got)
	}
	return nil
}

// bursts warms up and then measures bursts, each after all of the one before has arrived.
func (r *run) bursts(ctx context.Context) error {
	once := func() error {
		return r.all(func(p *paced) error { return p.burst(ctx, r.o.Burst) })
	}
	if r.o.Warmup > 0 {
		r.progress.setPhase("warming up")
		if err := r.warm(ctx, once); err != nil {
			return err
		}
	}
	r.progress.setPhase("measuring")
	return r.measure(ctx, func() error {
		for i := range r.o.Bursts {
			if i > 0 {
				if err := r.drain(ctx); err != nil {
					return err
				}
			}
			if err := once(); err != nil {
				return err
			}
		}
		return nil
	})
}

// warm publishes without measuring.
func (r *run) warm(ctx context.Context, publish func() error) error {
	if err := publish(); err != nil {
		return err
	}
	if err := r.drain(ctx); err != nil {
		return err
	}
	return r.quiet(ctx)
}

// measure publishes, waits until everything has arrived, and records the cost.
func (r *run) measure(ctx context.Context, publish func() error) error {
	stop := r.memory.start(r.o.Slow > 0)
	defer stop(r.result)
	r.takeLatency()
	before, events := r.counts(), r.ledger.events.Load()
	server, serverErr := processCPU(r.o.PIDs)
	own, begun := ownCPU(), r.clock.now()

	err := publish()
	if err == nil {
		err = r.drain(ctx)
	}

	after, took := r.counts(), time.Duration(r.clock.now()-begun)
	m := &Measured{ClientCPUSeconds: seconds(ownCPU() - own)}
	r.result.Measured = m
	if after.lastAt > begun {
		took = time.Duration(after.lastAt - begun)
	}
	m.Events, m.Deliveries = r.ledger.events.Load()-events, after.delivered-before.delivered
	m.Seconds = seconds(took)
	m.PerSecond = round(float64(m.Deliveries) / took.Seconds())
	m.EventRate = round(float64(m.Events) / took.Seconds())
	m.Latency = newLatency(r.takeLatency())
	if len(r.o.PIDs) > 0 && serverErr == nil {
		if now, cpuErr := processCPU(r.o.PIDs); cpuErr == nil {
			r.noteCPU(m, now.cpu-server.cpu)
		} else {
			r.result.warn("the server's CPU could not be read: %v", cpuErr)
		}
	}
	if err != nil {
		return err
	}
	return r.quiet(ctx)
}

// noteCPU writes down the server's CPU for the measured part.
func (r *run) noteCPU(m *Measured, d time.Duration) {
	s := seconds(d)
	m.CPUSeconds = &s
	m.CPUMicros = microsPer(d, m.Deliveries)
	m.CPUMicrosEvent = microsPer(d, m.Events)
	if m.Deliveries > 0 && d < 200*time.Millisecond {
		r.result.warn("only %v of server CPU were measured: take more events for a steadier figure", d.Round(time.Millisecond))
	}
}

// memoryWatch finds the greatest memory of the server over a while.
type memoryWatch struct {
	pids []int
	peak int64
}

// start watches until the returned function is called, which records the peak. It does nothing unless wanted.
func (w *memoryWatch) start(wanted bool) (stop func(*Result)) {
	if !wanted || len(w.pids) == 0 {
		return func(*Result) {}
	}
	end := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			if u, err := processMemory(w.pids); err == nil {
				w.peak = max(w.peak, u.pss)
			}
			select {
			case <-end:
				return
			case <-tick.C:
			}
		}
	})
	return func(result *Result) {
		close(end)
		wg.Wait()
		if result.Memory != nil {
			result.Memory.Peak = w.peak
		}
	}
}

// peaked reports whether a peak was watched for.
func (w *memoryWatch) peaked() bool { return w.peak > 0 }

// String names the load in a few words.
func (l Load) String() string {
	text := fmt.Sprintf("%d streams on %d channels", l.Streams, l.Channels)
	if l.Channels == 1 {
		text = fmt.Sprintf("%d streams on one channel", l.Streams)
	} else if l.ChannelsPerStream > 1 {
		text = fmt.Sprintf("%d streams on %d each of %d channels", l.Streams, l.ChannelsPerStream, l.Channels)
	}
	if l.Slow > 0 {
		text += fmt.Sprintf(", %d of them never reading", l.Slow)
	}
	switch l.Mode {
	case Paced:
		text += fmt.Sprintf("; %g events/s for %gs", l.Rate, l.Seconds)
	case Burst:
		text += fmt.Sprintf("; %d burst(s) of %d events", l.Bursts, l.Burst)
	case Resume:
		text += "; resume storm"
	case Idle:
		return text + "; idle"
	}
	return text + fmt.Sprintf("; payload %d bytes", l.PayloadBytes)
}
