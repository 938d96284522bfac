package node

import (
	"encoding/json"

	"rollcall/hub"
)

// Command is a message to all other servers: end a stream, a stream's client leaves, or it sets its info.
type Command struct {
	ClientID     string `json:"clientId"`
	ConnectionID string `json:"connectionId"`
	Anonymous    bool   `json:"anonymous,omitempty"`
	Now          bool   `json:"now,omitempty"` // without the grace
	// Secret is a client's proof that the server it contacted could not check. A command to leave without one was
	// checked by the sending server.
	Secret string          `json:"secret,omitempty"`
	Info   json.RawMessage `json:"info,omitempty"`
}

// The kinds of an order.
const (
	kickWord  = "kick"
	leaveWord = "leave"
	infoWord  = "info"
)

// LeaveChecked ends a connection that this server gave the secret for, on all servers.
func (n *Node) LeaveChecked(o Command) {
	if known := n.leaveHere(o.ConnectionID, o.Now); known && n.Cluster != nil {
		n.TellLeave(o)
	}
}

func (n *Node) TellLeave(o Command) {
	if err := n.Cluster.broadcast(leaveWord, o); err != nil {
		n.opts.Log.Warn("a client's leave could not be sent to the other servers", "connectionId", o.ConnectionID, "error", err)
	}
}

// leaveHere ends a connection as if its peer were gone, if it is this server's; with now, also its grace, even if it
// is another server's. It reports whether the connection was known; it may have ended before.
func (n *Node) leaveHere(id string, now bool) (known bool) {
	conn := n.Registry.Connection(id)
	if conn == nil {
		return now && n.Registry.EndGrace(id)
	}
	st, ours := conn.Handle.(*Stream)
	if ours {
		st.atOnce.Store(now)
		st.end(hub.Gone)
	} else if now {
		n.Registry.Leave(conn)
	}
	if now {
		n.Registry.EndGrace(id) // the stream may have ended before
	}
	return true
}
