package node

import (
	"runtime/metrics"
	"sync"
	"time"

	"rollcall/hub"
	"rollcall/hub/eventlog"
)

// Reading is the server's work within one step of a pace, and its state at the end. Rates are per second. What is unknown
// is negative.
type Reading struct {
	At                             time.Time // the end: a multiple of the step
	Clients, Connections           float32
	Published, Delivered, Bytes    float32
	LagP50, LagP95, LagP99, LagMax float32 // seconds
	Memory                         float32 // bytes that the process has of the system
	Slow, Kicked, Gaps, Crowded    uint64  // since the start

	Busiest []eventlog.Busy // the channels with the most events; nil by the second
}

// mostBusiest is how many channels a reading names.
const mostBusiest = 5

// Meter reads the server's numbers once a second and remembers them at each [Pace], about 400 KiB, and the names of the
// busiest channels. With a file it keeps what it has by the minute and more coarsely over a restart.
type Meter struct {
	node  *Node
	Marks Marks
	quit  chan struct{}
	done  chan struct{}
	kept  chan struct{} // closed when nothing more is stored
	once  sync.Once

	mu    sync.Mutex
	rings [len(paces)]ring
	hub   hub.Stats // at the last reading
	log   eventlog.Stats
}

func newMeter(s *Node) *Meter {
	m := &Meter{node: s, quit: make(chan struct{}), done: make(chan struct{}), kept: make(chan struct{})}
	for p := range m.rings {
		m.rings[p] = ring{step: Pace(p).Step(), most: Pace(p).Kept()}
	}
	first := m.sample(time.Now())
	m.hub, m.log = first.hub, first.log
	go m.run(first)
	if s.opts.Readings == "" {
		close(m.kept)
	} else {
		go m.keep(s.opts.Readings)
	}
	return m
}

// closeWait is how long the end of a server waits for the readings to be stored.
const closeWait = time.Second

func (m *Meter) close() {
	m.once.Do(func() { close(m.quit) })
	<-m.done
	select {
	case <-m.kept:
	case <-time.After(closeWait):
		m.node.opts.Log.Warn("the readings for the charts are not stored: the disk is slow", "file", m.node.opts.Readings)
	}
}

// reference is the counters at the beginning of a reading.
type reference struct {
	at  time.Time
	hub hub.Stats
	log eventlog.Stats
}

func (m *Meter) run(first reference) {
	defer close(m.done)
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	var begun [len(paces)]reference
	for p := range begun {
		begun[p] = first
	}
	for {
		select {
		case now := <-ticker.C:
			next := m.sample(now)
			for p := range begun {
				if step := Pace(p).Step(); !now.Truncate(step).Equal(begun[p].at.Truncate(step)) {
					m.add(Pace(p), m.read(Pace(p), &begun[p], &next))
					begun[p] = next
				}
			}
			m.mu.Lock()
			m.hub, m.log = next.hub, next.log
			m.mu.Unlock()
		case <-m.quit:
			return
		}
	}
}

func (m *Meter) add(p Pace, x Reading) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rings[p].add(x)
}

func (m *Meter) sample(now time.Time) reference {
	return reference{now, m.node.Hub.Stats(), m.node.Log.Stats()}
}

// read returns the difference between two references.
func (m *Meter) read(p Pace, from, to *reference) Reading {
	clients, connections, _, _ := m.node.Registry.Totals()
	passed := max(to.at.Sub(from.at), time.Millisecond)
	over := float32(passed.Seconds())
	x := Reading{
		At:      to.at.Truncate(p.Step()),
		Clients: float32(clients), Connections: float32(connections),
		Published: float32(to.log.Published-from.log.Published) / over,
		Delivered: float32(to.hub.Events-from.hub.Events) / over,
		Bytes:     float32(to.hub.Bytes-from.hub.Bytes) / over,
		LagP50:    -1, LagP95: -1, LagP99: -1, LagMax: -1,
		Memory: float32(ProcessMemory()),
		Slow:   to.hub.Ends[hub.Slow.Code], Kicked: to.hub.Ends[hub.Kicked.Code],
		Gaps: to.hub.Gaps, Crowded: to.log.EvictedForBudget,
	}
	if lag := to.hub.Lag.Since(&from.hub.Lag); lag.Count() > 0 {
		for q, at := range map[float64]*float32{0.5: &x.LagP50, 0.95: &x.LagP95, 0.99: &x.LagP99, 1: &x.LagMax} {
			*at = float32(lag.Quantile(q).Seconds())
		}
	}
	if p != Seconds {
		x.Busiest = m.node.Log.Busiest(passed, mostBusiest)
	}
	return x
}

// History returns the readings at a pace, oldest first: one for each step, with those that are unknown, up to the last.
func (m *Meter) History(p Pace) []Reading {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.rings[p].until(time.Now().Truncate(p.Step()))
}

// Latest returns the counts of the last reading.
func (m *Meter) Latest() (hub.Stats, eventlog.Stats) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.hub, m.log
}

// ProcessMemory returns how many bytes the Go runtime has of the system.
func ProcessMemory() uint64 {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	return samples[0].Value.Uint64() - samples[1].Value.Uint64()
}
