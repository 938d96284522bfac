package node

import (
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"rollcall/hub"
	"rollcall/presence"
)

// Kick ends a stream by the operator's will, wherever it is.
func (n *Node) Kick(conn *presence.Connection) {
	if n.Cluster != nil {
		if err := n.Cluster.kick(conn); err != nil {
			n.opts.Log.Warn("the end of a stream could not be sent to the other servers", "connectionId", conn.ID, "error", err)
		}
	}
	if conn.Handle != nil {
		n.kickHere(conn)
	} else if !conn.Anonymous {
		n.Blocks.kicked(conn.ClientID) // it may come back to this server
	}
}

// KickAll ends all streams of a client. It returns their number, and whether the client is online, which it may be
// without any.
func (n *Node) KickAll(id string) (streams int, online bool) {
	_, conns, online := n.Registry.Client(id)
	for _, conn := range conns {
		n.Kick(conn)
	}
	return len(conns), online
}

// kickHere ends a stream of this server. Its EventSource reconnects once by itself: a named client is then refused, a
// nameless one gets a long retry.
func (n *Node) kickHere(conn *presence.Connection) {
	why := hub.Kicked
	if conn.Anonymous {
		why.Retry = 24 * time.Hour
	} else {
		n.Blocks.kicked(conn.ClientID)
	}
	conn.Handle.(*Stream).end(why)
}

// endClient ends all streams of a client on this server.
func (n *Node) endClient(id string) {
	_, conns, _ := n.Registry.Client(id)
	for _, conn := range conns {
		if conn.Handle != nil {
			n.kickHere(conn)
		}
	}
}

// errTooManyBlocks is the error of keepAway at the limit of blocks.
var errTooManyBlocks = errors.New(strconv.Itoa(MaxBlocks) + " clients are blocked, which is the limit. Lift a block, or wait until one ends.")

// KeepAway blocks a client for a time, on all servers, and ends its streams.
func (n *Node) KeepAway(id string, d time.Duration, by, reason string) error {
	if n.Blocks.full(id) {
		return errTooManyBlocks
	}
	n.Blocks.store(Block{ClientID: id, Since: time.Now(), Until: time.Now().Add(d), By: by, Reason: reason})
	if n.Cluster != nil {
		value, _ := json.Marshal(sharedBlock{by, time.Now(), reason}) // strings and a time
		if err := n.Cluster.Roster.PutShared(id, value, d); err != nil {
			n.opts.Log.Warn("a block could not be sent to the other servers", "clientId", id, "error", err)
		}
	}
	n.KickAll(id)
	n.endWatchers(id)
	return nil
}

// endWatchers ends the presence streams of this server that were opened with a client's credentials.
func (n *Node) endWatchers(id string) {
	n.watching.Range(func(key, _ any) bool {
		if w := key.(*Watcher); w.GrantedTo() == id {
			w.end(hub.Kicked)
		}
		return true
	})
}

// LetBack ends a block on all servers, and reports whether there was one.
func (n *Node) LetBack(id string) bool {
	was := n.Blocks.unblock(id)
	if was && n.Cluster != nil {
		if err := n.Cluster.Roster.DeleteShared(id); err != nil {
			n.opts.Log.Warn("the end of a block could not be sent to the other servers", "clientId", id, "error", err)
		}
	}
	return was
}

// MaxBlock is the longest time that a client can be blocked.
const MaxBlock = 366 * 24 * time.Hour
