package node

import "errors"

// Errors of [Node.SetInfo].
var (
	ErrNotOnline   = errors.New("no such connection is online on this server")
	ErrInfoIsFixed = errors.New("the credentials of the client say what presence shows")
)

// SetInfo sets what presence shows of the client of a connection of this server.
//
// Errors: ErrNotOnline, ErrInfoIsFixed.
func (n *Node) SetInfo(connectionID string, info []byte) error {
	conn := n.Registry.Connection(connectionID)
	if conn == nil || conn.Handle == nil {
		return ErrNotOnline
	}
	if conn.InfoIsFixed {
		return ErrInfoIsFixed
	}
	if !n.Registry.SetInfo(conn, info) {
		return ErrNotOnline
	}
	if n.Cluster != nil {
		n.Cluster.publishConn(conn, n.Registry.On(conn))
	}
	return nil
}

// TellInfo sends a connection's info, with the client's secret, to the server that has the connection.
func (n *Node) TellInfo(o Command) {
	if err := n.Cluster.broadcast(infoWord, o); err != nil {
		n.opts.Log.Warn("a client's info could not be sent to the other servers", "connectionId", o.ConnectionID, "error", err)
	}
}
