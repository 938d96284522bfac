package web

import (
	"runtime/metrics"
	"sync"
	"time"

	"rollcall/hub"
	"rollcall/hub/eventlog"
)

// How much the meter remembers.
const (
	secondsKept = 15 * 60
	minutesKept = 24 * 60
)

// reading is what the server did within one second or minute, and what it held at
// its end. Rates are per second.
type reading struct {
	at                          time.Time
	clients, connections        float32
	channels, streams           float32
	published, delivered, bytes float32
	lagP50, lagP99              float32 // seconds; negative where nothing was delivered
	memory                      float32 // bytes that the process has of the system
	slow, kicked, gaps, crowded uint64  // since the start
}

// meter reads the server's numbers once a second and remembers them: 15 minutes
// by the second and 24 hours by the minute, about 200 KiB.
type meter struct {
	server *Server
	quit   chan struct{}
	done   chan struct{}
	once   sync.Once

	mu      sync.Mutex
	seconds ring
	minutes ring
	hub     hub.Stats // at the last reading
	log     eventlog.Stats
}

// ring keeps the newest readings, at most cap of them.
type ring struct {
	list []reading
	next int
}

func (r *ring) add(x reading) {
	if len(r.list) < cap(r.list) {
		r.list = append(r.list, x)
		return
	}
	r.list[r.next] = x
	r.next = (r.next + 1) % len(r.list)
}

// all returns the readings, oldest first.
func (r *ring) all() []reading {
	return append(append(make([]reading, 0, len(r.list)), r.list[r.next:]...), r.list[:r.next]...)
}

func newMeter(s *Server) *meter {
	m := &meter{server: s, quit: make(chan struct{}), done: make(chan struct{})}
	m.seconds.list = make([]reading, 0, secondsKept)
	m.minutes.list = make([]reading, 0, minutesKept)
	first := m.look(time.Now())
	m.hub, m.log = first.hub, first.log
	go m.run()
	return m
}

func (m *meter) close() {
	m.once.Do(func() { close(m.quit) })
	<-m.done
}

// reference is what a reading is compared with.
type reference struct {
	at  time.Time
	hub hub.Stats
	log eventlog.Stats
}

func (m *meter) run() {
	defer close(m.done)
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	second := m.look(time.Now())
	minute := second
	for {
		select {
		case now := <-ticker.C:
			next := m.look(now)
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

func (m *meter) look(now time.Time) reference {
	return reference{now, m.server.hub.Stats(), m.server.log.Stats()}
}

// read returns what happened between two looks.
func (m *meter) read(from, to *reference) reading {
	clients, connections, channels, _ := m.server.registry.Totals()
	over := float32(max(to.at.Sub(from.at), time.Millisecond).Seconds())
	x := reading{
		at:      to.at,
		clients: float32(clients), connections: float32(connections),
		channels: float32(channels), streams: float32(to.hub.Streams),
		published: float32(to.log.Published-from.log.Published) / over,
		delivered: float32(to.hub.Events-from.hub.Events) / over,
		bytes:     float32(to.hub.Bytes-from.hub.Bytes) / over,
		lagP50:    -1, lagP99: -1,
		memory: float32(processMemory()),
		slow:   to.hub.Ends[hub.Slow.Code], kicked: to.hub.Ends[hub.Kicked.Code],
		gaps: to.hub.Gaps, crowded: to.log.Crowded,
	}
	if lag := to.hub.Lag.Since(&from.hub.Lag); lag.Count() > 0 {
		x.lagP50, x.lagP99 = float32(lag.Quantile(0.5).Seconds()), float32(lag.Quantile(0.99).Seconds())
	}
	return x
}

// history returns the readings by the second or by the minute, oldest first.
func (m *meter) history(byMinute bool) []reading {
	m.mu.Lock()
	defer m.mu.Unlock()
	if byMinute {
		return m.minutes.all()
	}
	return m.seconds.all()
}

// latest returns the counts of the last reading.
func (m *meter) latest() (hub.Stats, eventlog.Stats) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.hub, m.log
}

// processMemory returns how many bytes the Go runtime has of the system.
func processMemory() uint64 {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	return samples[0].Value.Uint64() - samples[1].Value.Uint64()
}
