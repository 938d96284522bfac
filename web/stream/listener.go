package stream

import (
	"net"
	"syscall"
)

// userTimeout bounds how long sent data may stay unacknowledged, in milliseconds.
// With a heartbeat after 25 s of silence, a peer that died without a word is found
// within 41 s.
const userTimeout = 15_000

// Tune sets up a TCP listener or connection for streams. Connections inherit their listener's options, which saves
// system calls; connections behind TLS are set up one by one.
func Tune(socket any) {
	if wrapped, ok := socket.(interface{ NetConn() net.Conn }); ok {
		socket = wrapped.NetConn()
	}
	if s, ok := socket.(syscall.Conn); ok {
		if raw, err := s.SyscallConn(); err == nil {
			_ = raw.Control(tuneSocket)
		}
	}
}
