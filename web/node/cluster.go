package node

import (
	"encoding/json"
	"time"

	"rollcall/presence"
	"rollcall/presence/peers"
)

// Cluster joins this server's presence with that of the others. A connection of
// another server is a connection like any other, with that server's name and no
// handle, joined and left through the same registry: the grace and the edges come
// out of it, on every server alike.
type Cluster struct {
	node   *Node
	Roster peers.Roster
	ready  chan struct{} // closed once the others' clients and blocks are known, or the roster is closed
	closed chan struct{} // closed with the roster

	remote map[string]map[string]*presence.Connection // by session and id; owned by the goroutine
}

// entry is a connection as the other servers see it.
type entry struct {
	ClientID    string          `json:"clientId"`
	DeviceID    string          `json:"deviceId,omitempty"`
	Anonymous   bool            `json:"anonymous,omitempty"`
	Info        json.RawMessage `json:"info,omitempty"`
	InfoAt      time.Time       `json:"infoAt,omitzero"` // when that was reported, and by which connection
	InfoBy      string          `json:"infoBy,omitempty"`
	InfoIsFixed bool            `json:"infoIsFixed,omitempty"`
	Channels    []string        `json:"channels"`
	RemoteAddr  string          `json:"remoteAddr,omitempty"`
	UserAgent   string          `json:"userAgent,omitempty"`
	Protocol    string          `json:"protocol"`
	ConnectedAt time.Time       `json:"connectedAt"`
}

// info returns the connection's info about its client, or nil.
func (e *entry) info(connID string) *presence.Info {
	switch {
	case e.Info == nil:
		return nil
	case e.InfoBy == "": // a server of an older version
		return &presence.Info{JSON: e.Info, At: e.ConnectedAt, By: connID}
	}
	return &presence.Info{JSON: e.Info, At: e.InfoAt, By: e.InfoBy}
}

// sharedBlock is a block as all servers have it; the rest is the entry's id, of which targetOf is the target, and time.
type sharedBlock struct {
	By     string    `json:"by"`
	Since  time.Time `json:"since"`
	Reason string    `json:"reason,omitempty"`
}

// rosterWait limits how long a server waits at its start for the others' clients.
const rosterWait = 10 * time.Second

// newCluster follows the roster until that is closed, which the server's owner does. It returns once the roster has
// been read: no present client may seem to join, and no blocked client may be admitted.
func newCluster(s *Node, r peers.Roster) *Cluster {
	c := &Cluster{
		node: s, Roster: r, ready: make(chan struct{}), closed: make(chan struct{}), remote: make(map[string]map[string]*presence.Connection),
	}
	OnAsk(s, departedKind, c.answerDeparted)
	go c.run()
	go c.answerQuestions(c.closed)
	select {
	case <-c.ready:
	case <-time.After(rosterWait):
		s.opts.Log.Warn("the presence of the other servers is not known yet", "waited", rosterWait.String())
	}
	return c
}

func (c *Cluster) run() {
	defer close(c.closed)
	changes := c.Roster.Changes()
	batch := <-changes // nil if it is closed
	for i := range batch {
		c.apply(&batch[i])
	}
	c.askDeparted()
	close(c.ready)
	for {
		select {
		case batch, ok := <-changes:
			if !ok {
				return
			}
			for i := range batch {
				c.apply(&batch[i])
			}
		case w := <-c.Roster.Heard():
			c.handleCommand(w)
		}
	}
}

func (c *Cluster) apply(ch *peers.Change) {
	registry := c.node.Registry
	switch ch.Kind {
	case peers.NodeUp:
		c.remote[ch.Session] = make(map[string]*presence.Connection)
	case peers.Entry:
		var e entry
		conns := c.remote[ch.Session]
		if conns == nil || json.Unmarshal(ch.Value, &e) != nil {
			return
		}
		if known := conns[ch.ID]; known != nil { // nothing else of a connection changes
			registry.SetRemoteInfo(known, e.info(ch.ID))
			return
		}
		conn := &presence.Connection{
			ID: ch.ID, ClientID: e.ClientID, DeviceID: e.DeviceID, Anonymous: e.Anonymous, Node: ch.Node, RemoteAddr: e.RemoteAddr,
			UserAgent: ShortAgent(e.UserAgent), Protocol: e.Protocol, ConnectedAt: e.ConnectedAt,
			InfoIsFixed: e.InfoIsFixed,
		}
		conns[ch.ID] = conn
		registry.JoinRemote(conn, e.Channels, e.info(ch.ID))
	case peers.Gone:
		if conn := c.remote[ch.Session][ch.ID]; conn != nil {
			delete(c.remote[ch.Session], ch.ID)
			registry.Leave(conn)
		}
	case peers.NodeDown:
		for _, conn := range c.remote[ch.Session] {
			registry.Leave(conn)
		}
		delete(c.remote, ch.Session)
	case peers.SharedEntry:
		var b sharedBlock
		_ = json.Unmarshal(ch.Value, &b) // then without its author
		of := targetOf(ch.ID)
		c.node.Blocks.store(Block{Target: of, Since: b.Since, Until: ch.Until, By: b.By, Reason: b.Reason})
		c.node.endBlocked(of)
	case peers.SharedGone:
		c.node.Blocks.unblock(targetOf(ch.ID))
	}
}

// handleCommand executes another server's command.
func (c *Cluster) handleCommand(w peers.Word) {
	var k Command
	if json.Unmarshal(w.Payload, &k) != nil {
		return
	}
	switch w.Kind {
	case leaveWord:
		if k.Secret == "" {
			c.node.leaveHere(k.ConnectionID, k.Now)
		} else if c.node.Secrets.Fits(k.ConnectionID, k.Secret) {
			c.node.LeaveChecked(Command{ConnectionID: k.ConnectionID, Now: k.Now})
		}
	case infoWord:
		if c.node.Secrets.Fits(k.ConnectionID, k.Secret) {
			_ = c.node.SetInfo(k.ConnectionID, k.Info) // no answer is awaited
		}
	case kickWord:
		c.handleKick(k)
	}
}

// handleKick ends a stream at another server's request.
func (c *Cluster) handleKick(k Command) {
	if conn := c.node.Registry.Connection(k.ConnectionID); conn != nil && conn.Handle != nil {
		c.node.kickHere(conn)
	} else if !k.Anonymous {
		c.node.Blocks.kicked(k.ClientID) // it may come back to this server
	}
}

// publishConn announces a connection of this server, or its new info, to the others. Of several at once, the last one
// announces the newest info; if the connection has ended meanwhile, it is removed again.
func (c *Cluster) publishConn(conn *presence.Connection, channels []string) {
	e := entry{
		ClientID: conn.ClientID, DeviceID: conn.DeviceID, Anonymous: conn.Anonymous, Channels: channels, RemoteAddr: conn.RemoteAddr,
		UserAgent: conn.UserAgent, Protocol: conn.Protocol, ConnectedAt: conn.ConnectedAt, InfoIsFixed: conn.InfoIsFixed,
	}
	info, there := c.node.Registry.InfoOf(conn)
	for announced := false; there && !announced; {
		if e.Info = nil; info != nil {
			e.Info, e.InfoAt, e.InfoBy = info.JSON, info.At, info.By
		}
		value, err := json.Marshal(e)
		if err == nil {
			err = c.Roster.Put(conn.ID, value)
		}
		if err != nil {
			c.node.opts.Log.Warn("a connection could not be announced to the other servers",
				"connectionId", conn.ID, "channels", len(channels), "error", err)
			return
		}
		last := info
		info, there = c.node.Registry.InfoOf(conn)
		announced = info == last
	}
	if !there {
		c.removeConn(conn)
	}
}

// removeConn removes an ended connection of this server from the roster. A missing entry is no error.
func (c *Cluster) removeConn(conn *presence.Connection) { _ = c.Roster.Delete(conn.ID) }

// kick has the others end streams, or turn them away when they come back to them.
func (c *Cluster) kick(conns []*presence.Connection) error {
	orders := make([]Command, len(conns))
	for i, conn := range conns {
		orders[i] = Command{ClientID: conn.ClientID, ConnectionID: conn.ID, Anonymous: conn.Anonymous}
	}
	return c.broadcast(kickWord, orders...)
}

// broadcast sends commands to all other servers.
func (c *Cluster) broadcast(kind string, orders ...Command) error {
	payloads := make([][]byte, len(orders))
	for i := range orders {
		var err error
		if payloads[i], err = json.Marshal(orders[i]); err != nil {
			return err
		}
	}
	return c.Roster.Broadcast(kind, payloads...)
}
