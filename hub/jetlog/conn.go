package jetlog

import "github.com/nats-io/nats.go"

// Conn returns the connection, for what else a node keeps in NATS. It stays the
// link's, which connects it again without end.
func (l *Link) Conn() *nats.Conn { return l.nc }
