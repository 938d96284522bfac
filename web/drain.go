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
	if d.server.draining.Load() {
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
				d.server.hub.Shed(n, hub.Draining)
			} else if d.server.watchers.Streams() > 0 {
				d.server.watchers.Shed(n, hub.Draining)
			}
		case <-quit:
			return
		}
	}
}

// leaving reports whether new streams are sent away because the server shuts down
// or is being drained.
func (s *Server) leaving() bool { return s.draining.Load() || s.drainer.at() > 0 }
