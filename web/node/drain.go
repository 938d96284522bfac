package node

import (
	"sync"
	"time"

	"rollcall/hub"
)

// MaxDrainRate is the most streams that an operator's drain ends in a second.
const MaxDrainRate = 100_000

// Drainer empties the server on an operator's request: it ends a number of streams per second, each with a retry of
// its own, and refuses new ones, until stopped. The zero value, with its server set, is ready.
type Drainer struct {
	node *Node

	mu   sync.Mutex
	rate int           // streams a second; 0 while it does nothing
	quit chan struct{} // ends the goroutine
	done chan struct{} // closed by it
}

// Start begins to drain, or goes on at another rate. A server that ends drains
// itself.
func (d *Drainer) Start(rate int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.halt()
	if d.node.ending.Load() != nil {
		return
	}
	d.rate, d.quit, d.done = rate, make(chan struct{}), make(chan struct{})
	go d.run(rate, d.quit, d.done)
}

// Stop takes streams again. It reports whether the server was draining.
func (d *Drainer) Stop() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.halt()
}

// halt is stop with d.mu held.
func (d *Drainer) halt() bool {
	if d.rate == 0 {
		return false
	}
	d.rate = 0
	close(d.quit)
	<-d.done
	return true
}

// At returns the rate, 0 for not draining.
func (d *Drainer) At() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rate
}

func (d *Drainer) run(rate int, quit, done chan struct{}) {
	defer close(done)
	// At most ten turns a second, each with its whole part of the streams.
	turns := min(rate, 10)
	ticker := time.NewTicker(time.Second / time.Duration(turns))
	defer ticker.Stop()
	for i := 0; ; i++ {
		n := rate*(i+1)/turns - rate*i/turns
		select {
		case <-ticker.C:
			if d.node.Hub.Streams() > 0 {
				d.node.Hub.Shed(n, drained)
			} else if d.node.Watchers.Streams() > 0 {
				d.node.Watchers.Shed(n, drained)
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

// Leaving reports whether all streams are sent away, and why: the server shuts down, is
// being drained, or has lost its event store.
func (n *Node) Leaving() (why hub.Reason, ok bool) {
	if ending := n.ending.Load(); ending != nil {
		return *ending, true
	}
	return drained, n.Drainer.At() > 0
}

// StoreLost makes the following Shutdown name the loss of the event store as its reason in the goodbye.
func (n *Node) StoreLost() { n.ending.CompareAndSwap(nil, &lost) }

// end has every stream that comes sent away, because the server shuts down unless
// something else was the reason before, and returns the reason.
func (n *Node) end() hub.Reason {
	n.ending.CompareAndSwap(nil, &hub.Draining)
	return *n.ending.Load()
}
