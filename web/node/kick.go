package node

import (
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"rollcall/hub"
	"rollcall/presence"
)

// Kick ends streams by the operator's will, wherever they are.
func (n *Node) Kick(conns ...*presence.Connection) {
	if n.Cluster != nil {
		if err := n.Cluster.kick(conns); err != nil {
			n.opts.Log.Warn("the end of streams could not be sent to the other servers", "streams", len(conns), "error", err)
		}
	}
	for _, conn := range conns {
		if conn.Handle != nil {
			n.kickHere(conn)
		} else if !conn.Anonymous {
			n.Blocks.kicked(conn.ClientID) // it may come back to this server
		}
	}
}

// KickAll ends all streams of a client. It returns their number, and whether the client is online, which it may be
// without any.
func (n *Node) KickAll(id string) (streams int, online bool) {
	_, conns, online := n.Registry.Client(id)
	n.Kick(conns...)
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

// errTooManyBlocks is the error of KeepAway at the limit of blocks.
var errTooManyBlocks = errors.New(strconv.Itoa(MaxBlocks) + " clients and networks are blocked, which is the limit. Lift a block, or wait until one ends.")

// KeepAway blocks a client or a network for a time, on all servers, and ends its streams. It does not wait for the other
// servers: they end theirs when the block reaches them.
func (n *Node) KeepAway(of Target, d time.Duration, by, reason string) error {
	if n.Blocks.full(of) {
		return errTooManyBlocks
	}
	n.Blocks.store(Block{Target: of, Since: time.Now(), Until: time.Now().Add(d), By: by, Reason: reason})
	if n.Cluster != nil {
		value, _ := json.Marshal(sharedBlock{by, time.Now(), reason}) // strings and a time
		if err := n.Cluster.Roster.PutShared(of.sharedID(), value, d); err != nil {
			n.opts.Log.Warn("a block could not be sent to the other servers", "of", of, "error", err)
		}
	}
	n.endBlocked(of)
	return nil
}

// endBlocked ends the streams of this server that a block is of, and the presence streams that were opened with the
// client's credentials.
func (n *Node) endBlocked(of Target) {
	if of.Network.IsValid() {
		n.endNetwork(of.Network)
	} else {
		n.endClient(of.ClientID)
	}
	n.watching.Range(func(key, _ any) bool {
		w := key.(*Watcher)
		if of.ClientID != "" && w.GrantedTo() == of.ClientID || of.Network.IsValid() && Within(of.Network, w.RemoteAddr) {
			w.end(hub.Kicked)
		}
		return true
	})
}

// LetBack ends a block on all servers, and reports whether there was one.
func (n *Node) LetBack(of Target) bool {
	was := n.Blocks.unblock(of)
	if was && n.Cluster != nil {
		if err := n.Cluster.Roster.DeleteShared(of.sharedID()); err != nil {
			n.opts.Log.Warn("the end of a block could not be sent to the other servers", "of", of, "error", err)
		}
	}
	return was
}

// MaxBlock is the longest time of a block.
const MaxBlock = 366 * 24 * time.Hour
