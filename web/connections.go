package web

import (
	"net"
	"net/http"
	"sync/atomic"
)

// connections counts the connections of all listeners, idle ones too, and closes
// those beyond the limit as they come.
type connections struct {
	limit   int64      // static
	taken   func() int // how many streams there are, which are connections of their own where they were taken over from net/http; static
	served  atomic.Int64
	written atomic.Int64 // streams that net/http writes, on connections that are counted as served
	refused atomic.Uint64
}

// state is the hook of the HTTP servers.
func (x *connections) state(conn net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		x.served.Add(1)
		if x.open() > x.limit {
			x.refused.Add(1)
			_ = conn.Close() // net/http reports it as closed
		}
	case http.StateHijacked, http.StateClosed:
		x.served.Add(-1)
	}
}

// open returns how many connections are open.
func (x *connections) open() int64 {
	return x.served.Load() + max(int64(x.taken())-x.written.Load(), 0)
}
