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

// newInfo returns the info of conn. It is newer than the known one, regardless of clocks.
func newInfo(text []byte, conn *Connection, known *Info) *Info {
	i := &Info{JSON: text, At: conn.ConnectedAt.Round(0), By: conn.ID} // without the monotonic time, which other nodes don't have
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

// inform gives a client another info.
func (r *Registry) inform(who *client, info *Info) {
	same := bytes.Equal(who.info.json(), info.json())
	if who.info = info; same {
		return
	}
	for _, m := range who.on {
		r.edge(Update, m)
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
