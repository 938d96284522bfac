package web

import (
	"net"
	"net/http"
	"sync/atomic"
)

// connections counts the connections of all listeners, idle ones too, and closes
// those beyond the limit as they come.
type connections struct {
	limit   int64 // static
	served  atomic.Int64
	written atomic.Int64 // streams that net/http writes, on connections that are counted as served
	refused atomic.Uint64
}

// connState is the hook of the HTTP servers.
func (s *Server) connState(conn net.Conn, state http.ConnState) {
	x := &s.limits.connections
	switch state {
	case http.StateNew:
		x.served.Add(1)
		if s.Connections() > x.limit {
			x.refused.Add(1)
			_ = conn.Close() // net/http reports it as closed
		}
	case http.StateHijacked, http.StateClosed:
		x.served.Add(-1)
	}
}

// Connections returns how many connections are open. A stream that was taken over
// from net/http is one of its own.
func (s *Server) Connections() int64 {
	taken := int64(s.hub.Streams()+s.watchers.Streams()) - s.limits.connections.written.Load()
	return s.limits.connections.served.Load() + max(taken, 0)
}
