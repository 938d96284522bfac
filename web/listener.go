package web

import "net"

// guardListener returns l with its TCP connections set up for streams.
func guardListener(l net.Listener) net.Listener { return &guarded{l} }

type guarded struct{ net.Listener }

// userTimeout bounds how long sent data may stay unacknowledged, in milliseconds.
// With a heartbeat every 25 s, a peer that died in silence is found within 43 s.
const userTimeout = 18_000

func (g *guarded) Accept() (net.Conn, error) {
	conn, err := g.Listener.Accept()
	if tcp, ok := conn.(*net.TCPConn); ok && err == nil {
		tuneConn(tcp)
	}
	return conn, err
}
