package presence

import (
	"cmp"
	"slices"
	"time"
)

// Departure is a connection that ended within its client's grace, for a node that was not there to see it.
type Departure struct {
	ConnID   string
	ClientID string
	Since    time.Time // when the client came online
	Ago      time.Duration
	Channels []string
	Info     *Info
}

// departureSize is about what a departure takes on its way to another node, beside its strings.
const departureSize = 200

// Departures returns the connections that ended within the grace, oldest first: those behind that of the id after, as many
// as fit into size bytes, and at least one. It begins anew if that grace is over. more reports whether others follow.
func (r *Registry) Departures(after string, size int) (list []Departure, more bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Since(r.born)
	begin := slices.Index(r.leaving, r.left[after]) + 1
	for _, d := range r.leaving[begin:] {
		if r.left[d.conn] != d || d.on[0].at < 0 {
			continue
		}
		who := d.on[0].who
		told := Departure{ConnID: d.conn, ClientID: who.id, Since: who.since, Ago: now - d.at, Info: d.info}
		took := departureSize + len(told.ClientID) + len(d.info.json())
		for _, m := range d.on[1:] {
			told.Channels = append(told.Channels, m.ch.name)
			took += len(m.ch.name) + 3
		}
		if size -= took; size < 0 && len(list) > 0 {
			return list, true
		}
		list = append(list, told)
	}
	return list, false
}

// Departed adds departures that other nodes saw and this one did not: each client stays for the rest of its grace. Those
// that the registry has are skipped.
func (r *Registry) Departed(list []Departure) {
	list = slices.SortedFunc(slices.Values(list), func(a, b Departure) int { return cmp.Compare(b.Ago, a.Ago) })
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Since(r.born)
	for _, d := range list {
		if r.conns[d.ConnID] != nil || r.left[d.ConnID] != nil || d.Ago >= r.grace {
			continue
		}
		conn := &Connection{ID: d.ConnID, ClientID: d.ClientID, ConnectedAt: d.Since, Info: d.Info}
		if r.join(conn, d.Channels) {
			conn.client.returns-- // it left another connection, and did not return
		}
		r.leave(conn, now-d.Ago)
	}
}
