package node

import (
	"runtime/metrics"
	"sync"
	"time"

	"rollcall/hub"
	"rollcall/hub/eventlog"
)

// How much the meter remembers.
const (
	SecondsKept = 15 * 60
	MinutesKept = 24 * 60
)

// Reading is the server's work within one second or minute, and its state at the end. Rates are per second.
type Reading struct {
	At                          time.Time
	Clients, Connections        float32
	channels, streams           float32
	Published, Delivered, Bytes float32
	LagP50, LagP99              float32 // seconds; negative without deliveries
	Memory                      float32 // bytes that the process has of the system
	Slow, Kicked, Gaps, Crowded uint64  // since the start
}

// Meter reads the server's numbers once a second and remembers them: 15 minutes
// by the second and 24 hours by the minute, about 200 KiB.
type Meter struct {
	node *Node
	quit chan struct{}
	done chan struct{}
	once sync.Once

	mu      sync.Mutex
	seconds ring
	minutes ring
	hub     hub.Stats // at the last reading
	log     eventlog.Stats
}

// ring holds the newest readings, at most cap of them.
type ring struct {
	list []Reading
	next int
}

func (r *ring) add(x Reading) {
	if len(r.list) < cap(r.list) {
		r.list = append(r.list, x)
		return
	}
	r.list[r.next] = x
	r.next = (r.next + 1) % len(r.list)
}

// all returns the readings, oldest first.
func (r *ring) all() []Reading {
	return append(append(make([]Reading, 0, len(r.list)), r.list[r.next:]...), r.list[:r.next]...)
}

func newMeter(s *Node) *Meter {
	m := &Meter{node: s, quit: make(chan struct{}), done: make(chan struct{})}
	m.seconds.list = make([]Reading, 0, SecondsKept)
	m.minutes.list = make([]Reading, 0, MinutesKept)
	first := m.sample(time.Now())
	m.hub, m.log = first.hub, first.log
	go m.run()
	return m
}

func (m *Meter) close() {
	m.once.Do(func() { close(m.quit) })
	<-m.done
}

// reference is the counters at the beginning of a reading.
type reference struct {
	at  time.Time
	hub hub.Stats
	log eventlog.Stats
}

func (m *Meter) run() {
	defer close(m.done)
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	second := m.sample(time.Now())
	minute := second
	for {
		select {
		case now := <-ticker.C:
			next := m.sample(now)
			x := m.read(&second, &next)
			second = next
			m.mu.Lock()
			m.seconds.add(x)
			m.hub, m.log = next.hub, next.log
			if now.Sub(minute.at) >= time.Minute {
				m.minutes.add(m.read(&minute, &next))
				minute = next
			}
			m.mu.Unlock()
		case <-m.quit:
			return
		}
	}
}

func (m *Meter) sample(now time.Time) reference {
	return reference{now, m.node.Hub.Stats(), m.node.Log.Stats()}
}

// read returns the difference between two references.
func (m *Meter) read(from, to *reference) Reading {
	clients, connections, channels, _ := m.node.Registry.Totals()
	over := float32(max(to.at.Sub(from.at), time.Millisecond).Seconds())
	x := Reading{
		At:      to.at,
		Clients: float32(clients), Connections: float32(connections),
		channels: float32(channels), streams: float32(to.hub.Streams),
		Published: float32(to.log.Published-from.log.Published) / over,
		Delivered: float32(to.hub.Events-from.hub.Events) / over,
		Bytes:     float32(to.hub.Bytes-from.hub.Bytes) / over,
		LagP50:    -1, LagP99: -1,
		Memory: float32(ProcessMemory()),
		Slow:   to.hub.Ends[hub.Slow.Code], Kicked: to.hub.Ends[hub.Kicked.Code],
		Gaps: to.hub.Gaps, Crowded: to.log.EvictedForBudget,
	}
	if lag := to.hub.Lag.Since(&from.hub.Lag); lag.Count() > 0 {
		x.LagP50, x.LagP99 = float32(lag.Quantile(0.5).Seconds()), float32(lag.Quantile(0.99).Seconds())
	}
	return x
}

// History returns the readings by the second or by the minute, oldest first.
func (m *Meter) History(byMinute bool) []Reading {
	m.mu.Lock()
	defer m.mu.Unlock()
	if byMinute {
		return m.minutes.all()
	}
	return m.seconds.all()
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
