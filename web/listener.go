package web

import (
	"net"
	"syscall"
)

// userTimeout bounds how long sent data may stay unacknowledged, in milliseconds.
// With a heartbeat every 25 s, a peer that died in silence is found within 43 s.
const userTimeout = 18_000

// tuneListener sets up a TCP listener for streams. Connections inherit what is set
// on it, which saves the calls for each of them.
func tuneListener(l net.Listener) {
	raw, ok := l.(syscall.Conn)
	if !ok {
		return
	}
	if c, err := raw.SyscallConn(); err == nil {
		_ = c.Control(tuneSocket)
	}
}
