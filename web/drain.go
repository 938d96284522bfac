package web

import (
	"sync"
	"time"

	"rollcall/hub"
)

// maxDrainRate is the most streams that an operator's drain ends in a second.
const maxDrainRate = 100_000

// drainer empties the server as an operator asked: it ends so many streams a
// second, each with a retry of its own, and takes none meanwhile, until told to
// stop. The zero value, with its server set, is ready.
type drainer struct {
	server *Server

	mu   sync.Mutex
	rate int           // streams a second; 0 while it does nothing
	quit chan struct{} // ends the goroutine
	done chan struct{} // closed by it
}

// start begins to drain, or goes on at another rate. A server that ends drains
// itself.
func (d *drainer) start(rate int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.halt()
	if d.server.ending.Load() != nil {
		return
	}
	d.rate, d.quit, d.done = rate, make(chan struct{}), make(chan struct{})
	go d.run(rate, d.quit, d.done)
}

// stop takes streams again. It reports whether the server was draining.
func (d *drainer) stop() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.halt()
}

// halt is stop with d.mu held.
func (d *drainer) halt() bool {
	if d.rate == 0 {
		return false
	}
	d.rate = 0
	close(d.quit)
	<-d.done
	return true
}

// at returns the rate, 0 for not draining.
func (d *drainer) at() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rate
}

func (d *drainer) run(rate int, quit, done chan struct{}) {
	defer close(done)
	// At most ten turns a second, each with its whole part of the streams.
	turns := min(rate, 10)
	ticker := time.NewTicker(time.Second / time.Duration(turns))
	defer ticker.Stop()
	for i := 0; ; i++ {
		n := rate*(i+1)/turns - rate*i/turns
		select {
		case <-ticker.C:
			if d.server.hub.Streams() > 0 {
				d.server.hub.Shed(n, drained)
			} else if d.server.watchers.Streams() > 0 {
				d.server.watchers.Shed(n, drained)
			}
		case <-quit:
			return
		}
	}
}

// Why streams are sent away, beside the server's end. Clients come back at once, here or to
// another server.
var (
	drained = hub.Reason{Code: hub.Draining.Code, Text: "An operator is draining the server.", Reconnect: true}
	lost    = hub.Reason{Code: hub.Draining.Code, Text: "The event store was lost. The log begins anew.", Reconnect: true}
)

// leaving reports whether all streams are sent away, and why: the server shuts down, is
// being drained, or has lost its event store.
func (s *Server) leaving() (why hub.Reason, ok bool) {
	if ending := s.ending.Load(); ending != nil {
		return *ending, true
	}
	return drained, s.drainer.at() > 0
}

// StoreLost has the streams told that the event store was lost, by the Shutdown that
// follows. Otherwise they are told that the server shuts down.
func (s *Server) StoreLost() { s.ending.CompareAndSwap(nil, &lost) }

// end has every stream that comes sent away, because the server shuts down unless
// something else was the reason before, and returns the reason.
func (s *Server) end() hub.Reason {
	s.ending.CompareAndSwap(nil, &hub.Draining)
	return *s.ending.Load()
}
