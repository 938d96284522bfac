package node

import (
	"context"
	"crypto/rand"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unique"

	"rollcall/hub"
	"rollcall/hub/eventlog"
	"rollcall/presence"
)

// ConnState is what only a connection's own server can say about it.
type ConnState struct {
	Events   uint64 // sent
	Bytes    uint64 // sent
	Behind   int    // kept events that it still has to get
	Position string // that it has reached
	State    string // "live", "catching up" or "not reading"
}

// StateOf returns the state of a connection of this server, once it is attached.
func (n *Node) StateOf(c *presence.Connection) (s ConnState, ok bool) {
	at := ConnOf(c)
	if at == nil {
		return s, false
	}
	s.Events, s.Bytes = at.Sent()
	s.Behind, s.Position, s.State = n.Behind(c), at.Position().String(), "live"
	switch {
	case at.Blocked():
		s.State = "not reading"
	case !at.Live():
		s.State = "catching up"
	}
	return s, true
}

// Behind returns how many kept events a connection still has to get.
func (n *Node) Behind(c *presence.Connection) int {
	at := ConnOf(c)
	if at == nil || at.Live() {
		return 0
	}
	return n.Hub.Pending(at, n.Registry.On(c))
}

// Stream is one subscriber's stream. It owns the hub's Conn.
type Stream struct {
	presence.Connection
	At     *Node
	Wants  hub.Wants
	Brief  bool        // it ends once it has caught up, and is in nobody's presence
	behind uint16      // the minute in which it was last noted to be behind; its shard's
	atOnce atomic.Bool // its client leaves without the grace
	Admission
	Place Place // nil if its position is not stored
	// waiting counts the bytes that net/http has taken and not written; nil for a hijacked connection. It is set
	// before the stream is attached.
	Waiting func() int
	Conn    atomic.Pointer[hub.Conn]   // set once attached
	ending  atomic.Pointer[hub.Reason] // why it was asked to end
	expiry  atomic.Pointer[time.Timer] // ends it with its grant; nil if the grant does not end
}

// Place stores a stream's position, for a client that reconnects without one. Its methods are safe for concurrent use.
type Place interface {
	Last(ctx context.Context) (string, error) // the stored position; "" for none
	Starts(at uint64)                         // called first
	// Began receives a function that returns how many bytes of the stream are not written yet, Ended their number at
	// the end. Neither blocks. Ended is called again if more was written since.
	Began(conn *hub.Conn, unsent func() int)
	Ended(conn *hub.Conn, unsent int)
}

// Join enters the stream in presence, unless it is brief; Ended takes it out.
func (st *Stream) Join(channels []string, info []byte) {
	if st.Brief {
		return
	}
	n := st.At
	st.Handle = st
	n.Feed.Count(st.Wants, 1)
	kind := "open"
	if n.Registry.Join(&st.Connection, channels, info) {
		kind = "return"
	}
	if n.Cluster != nil {
		n.Cluster.publishConn(&st.Connection, channels)
	}
	st.note(JournalEntry{Kind: kind})
}

// ConnOf returns the hub's side of a connection, nil before it is attached and for
// one of another node.
func ConnOf(c *presence.Connection) *hub.Conn {
	if st, ok := c.Handle.(*Stream); ok {
		return st.Conn.Load()
	}
	return nil
}

// RetryLine is the clients' default delay before they reconnect.
const RetryLine = "retry: 3000\n"

// Unsent returns how many bytes of the stream are not written yet.
func (st *Stream) Unsent() int {
	if st.Waiting == nil {
		return 0
	}
	return st.Waiting()
}

// Attached is called once the hub has the stream.
func (st *Stream) Attached(conn *hub.Conn) {
	st.Conn.Store(conn)
	if why := st.ending.Load(); why != nil {
		conn.End(*why)
	}
	if st.Place != nil {
		st.Place.Began(conn, st.Unsent)
	}
	if !st.Holds() { // a Reload since it was given may not have seen the stream
		st.end(hub.Expired)
	}
	if st.At.Blocks.refusesStream(st.ClientID, st.RemoteAddr) {
		st.end(hub.Kicked)
	}
	if at := st.Expires(); !at.IsZero() {
		st.expiry.Store(time.AfterFunc(time.Until(at), func() { st.end(hub.Expired) }))
	}
}

// Address implements [hub.Addressee].
func (st *Stream) Address() (client, connection string) { return st.ClientID, st.ID }

// Ended implements [hub.Owner].
func (st *Stream) Ended(conn *hub.Conn, why hub.Reason) {
	if t := st.expiry.Load(); t != nil {
		t.Stop() // one that is set later finds the stream ended
	}
	if st.Brief {
		st.Release(0)
		return
	}
	if st.Place != nil && conn != nil {
		st.Place.Ended(conn, st.Unsent())
	}
	st.At.Feed.Count(st.Wants, -1)
	if tell := st.At.opts.Ended; tell != nil {
		tell(st.ClientID, why.Code)
	}
	st.At.Registry.Leave(&st.Connection)
	grace := st.At.opts.PresenceGrace
	if st.atOnce.Load() {
		st.At.Registry.EndGrace(st.ID)
		grace = 0
	}
	st.Release(grace)
	if st.At.Cluster != nil {
		st.At.Cluster.removeConn(&st.Connection)
	}
	st.note(JournalEntry{Kind: "end", Code: why.Code})
	st.At.opts.Log.Debug("stream ended", "clientId", st.ClientID, "connectionId", st.ID, "reason", why.Code)
}

// CaughtUp implements [hub.CatchUpListener]. That a stream was behind is noted once a minute: one that falls behind again
// and again would displace what happened to the others.
func (st *Stream) CaughtUp(k hub.CatchUp) {
	kind, minute := "behind", uint16(time.Now().Unix()/60)
	switch {
	case k.IsStart && k.Resumed:
		kind = "resume"
	case k.Gaps > 0:
		kind = "gap"
	case st.behind == minute:
		return
	default:
		st.behind = minute
	}
	st.note(JournalEntry{Kind: kind, From: k.From, Events: k.Events, Gaps: k.Gaps, Lasted: k.Lasted})
}

// note adds what happened to the stream to the journal.
func (st *Stream) note(e JournalEntry) {
	e.ClientID, e.ConnID, e.Addr, e.Node = st.ClientID, st.ID, st.RemoteAddr, st.Connection.Node
	st.At.Journal.Note(e)
}

// Refresh implements [hub.Refresher].
func (st *Stream) Refresh(conn *hub.Conn, channels []string, online bool) {
	st.At.Feed.startNotices(newcomer{conn, channels, online})
}

// end ends the stream wherever it is in its life.
func (st *Stream) end(why hub.Reason) {
	st.ending.Store(&why)
	if conn := st.Conn.Load(); conn != nil {
		conn.End(why)
	}
}

// ShortAgent returns at most 256 bytes of a User-Agent, one copy for all that
// send the same.
func ShortAgent(agent string) string {
	agent = strings.ToValidUTF8(agent[:min(len(agent), 256)], "")
	return unique.Make(strings.Clone(agent)).Value()
}

// NewID returns an unguessable id, 130 bits of chance.
func NewID() string { return rand.Text() }

// Hello is the payload of a registered event. Nobody else is shown its secret.
func (st *Stream) Hello(resumed bool) []byte {
	out := append(make([]byte, 0, 192+len(st.ClientID)), `{"clientId":`...)
	out = eventlog.AppendString(out, st.ClientID)
	out = append(out, `,"connectionId":"`...)
	out = append(out, st.ID...)
	out = append(out, `","secret":"`...)
	out = append(out, st.At.Secrets.secret(st.ID)...)
	out = append(out, `","resumed":`...)
	return append(strconv.AppendBool(out, resumed), '}')
}

// Admission is a stream's permission: it is over when its credentials are, and releases the stream's share of the
// limits.
type Admission interface {
	Holds() bool        // whether the credentials still stand
	Expires() time.Time // when they end; zero for never
	GrantedTo() string  // the client that the credentials name; "" for none
	Release(grace time.Duration)
}
