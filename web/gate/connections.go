package gate

import (
	"net"
	"net/http"
	"sync/atomic"
)

// Connections counts the connections of all listeners, including idle ones, and closes new ones beyond the limit.
type Connections struct {
	Limit   int64      // static
	taken   func() int // number of streams that were hijacked from net/http and are connections of their own; static
	served  atomic.Int64
	carried atomic.Int64 // streams on connections that are counted as served
	Refused atomic.Uint64
}

// State is the hook of the HTTP servers.
func (x *Connections) State(conn net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		x.served.Add(1)
		if x.Open() > x.Limit {
			x.Refused.Add(1)
			_ = conn.Close() // net/http reports it as closed
		}
	case http.StateHijacked, http.StateClosed:
		x.served.Add(-1)
	}
}

// Serve runs a function that writes a stream through net/http.
func (x *Connections) Serve(run func()) {
	x.Carry(1)
	defer x.Carry(-1)
	run()
}

// Carry notes that n more streams are on connections of the HTTP servers, not on connections of their own.
func (x *Connections) Carry(n int) { x.carried.Add(int64(n)) }

// Open returns how many connections are open.
func (x *Connections) Open() int64 {
	return x.served.Load() + max(int64(x.taken())-x.carried.Load(), 0)
}
