package presence

import (
	"bytes"
	"slices"
	"strings"
	"time"
)

// Info is what a connection reports about its client. All nodes show the newest one among the client's connections, so
// they agree regardless of when they learn of each.
type Info struct {
	JSON []byte
	At   time.Time // when the connection reported it
	By   string    // the connection that first reported it; the client's other connections inherit it
}

// newInfo returns the info that conn reports at a time. It is newer than the known one, regardless of clocks.
func newInfo(text []byte, conn *Connection, at time.Time, known *Info) *Info {
	i := &Info{JSON: text, At: at.Round(0), By: conn.ID} // without the monotonic time, which other nodes don't have
	if known == nil {
		return i
	}
	if !i.At.After(known.At) {
		i.At = known.At.Add(1)
	}
	if bytes.Equal(known.JSON, text) {
		i.JSON = known.JSON // kept once
	}
	return i
}

// json returns the object or nil.
func (i *Info) json() []byte {
	if i == nil {
		return nil
	}
	return i.JSON
}

// newer reports whether i is newer than another one; nil is the oldest.
func (i *Info) newer(than *Info) bool {
	if i == nil || than == nil {
		return i != nil
	}
	if order := i.At.Compare(than.At); order != 0 {
		return order > 0
	}
	return strings.Compare(i.By, than.By) > 0
}

// SetInfo sets the info of a connection of this node, which is its client's from then on; it is kept. SetInfo reports
// whether the connection is there.
func (r *Registry) SetInfo(conn *Connection, text []byte) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	who := conn.client
	if who == nil {
		return false
	}
	conn.Info = newInfo(text, conn, time.Now(), who.info)
	r.inform(who, conn.Info)
	return true
}

// SetRemoteInfo sets the info of another node's connection to what it is there.
func (r *Registry) SetRemoteInfo(conn *Connection, info *Info) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if who := conn.client; who != nil && info.newer(conn.Info) {
		if conn.Info = info; info.newer(who.info) {
			r.inform(who, info)
		}
	}
}

// InfoOf returns the info of a connection, and whether it is there.
func (r *Registry) InfoOf(conn *Connection) (info *Info, there bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return conn.Info, conn.client != nil
}

// inform gives a client another info.
func (r *Registry) inform(who *client, info *Info) {
	same := bytes.Equal(who.info.json(), info.json())
	if who.info = info; same {
		return
	}
	for _, m := range who.on {
		r.edge(update, m)
	}
}

// forget removes the info of a connection that has ended and whose grace is over.
func (r *Registry) forget(who *client, info *Info) {
	if info == nil {
		return
	}
	if i := slices.Index(who.past, info); i >= 0 {
		who.past = slices.Delete(who.past, i, i+1)
	}
	if info != who.info || r.clients[who.id] != who {
		return
	}
	var newest *Info
	for _, past := range who.past {
		if past.newer(newest) {
			newest = past
		}
	}
	for _, conn := range who.conns {
		if conn.Info.newer(newest) {
			newest = conn.Info
		}
	}
	r.inform(who, newest)
}
