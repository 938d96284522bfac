package jetlog

import "github.com/nats-io/nats.go"

// Conn returns the connection for a node's other uses of NATS. The link owns it and reconnects it without end.
func (l *Link) Conn() *nats.Conn { return l.nc }
