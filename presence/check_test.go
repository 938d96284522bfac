package presence

import (
	"slices"
	"time"
)

// failer is what testing.TB and rapid.T have in common here.
type failer interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// check fails the test unless the invariants of r hold:
//
//   - Clients, their connections, their memberships and the channels' members
//     point at each other, and at nothing else.
//   - Members count the connections, and so do channels.
//   - No channel is empty. Every client is on Everyone, first of all.
//   - A member without connections is about to leave: a departure of its client
//     from the time when it was left alone waits. It is of a client that lost
//     everything, or of one that is elsewhere still.
//   - Nothing is held on to behind the end of a list.
func check(t failer, r *Registry) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	conns := 0
	on := make(map[*member]int32)
	for id, c := range r.clients {
		if c.id != id || len(c.on) == 0 || c.on[0].ch.name != Everyone {
			t.Fatalf("client %q, in the map as %q, is on %d channels, Everyone not the first", c.id, id, len(c.on))
		}
		for _, conn := range c.conns {
			if conn.client != c || conn.ClientID != id || r.conns[conn.ID] != conn || conn.on[0].ch.name != Everyone {
				t.Fatalf("client %q: connection %q is not as it should be", id, conn.ID)
			}
			for _, m := range conn.on {
				on[m]++
			}
		}
		conns += len(c.conns)
		for _, conn := range c.conns[len(c.conns):cap(c.conns)] {
			if conn != nil {
				t.Fatalf("client %q holds on to connection %q, which left", id, conn.ID)
			}
		}
		for _, m := range c.on[len(c.on):cap(c.on)] {
			if m != nil {
				t.Fatalf("client %q holds on to its place in %q, which it left", id, m.ch.name)
			}
		}
		checkMembers(t, r, c, on)
	}
	if conns != len(r.conns) {
		t.Fatalf("the clients have %d connections, the registry %d", conns, len(r.conns))
	}
	members := 0
	for name, ch := range r.channels {
		if ch.name != name || len(ch.members) == 0 {
			t.Fatalf("channel %q, in the map as %q, has %d members", ch.name, name, len(ch.members))
		}
		n := 0
		for i, m := range ch.members {
			if m.ch != ch || int(m.at) != i || r.clients[m.who.id] != m.who || !slices.Contains(m.who.on, m) {
				t.Fatalf("channel %q: member %d is not as it should be", name, i)
			}
			n += int(m.conns)
		}
		if n != ch.conns {
			t.Fatalf("channel %q counts %d connections, its members %d", name, ch.conns, n)
		}
		for _, m := range ch.members[len(ch.members):cap(ch.members)] {
			if m != nil {
				t.Fatalf("channel %q holds on to a member that left", name)
			}
		}
		if c := cap(ch.members); c > max(64, 4*len(ch.members)+4) {
			t.Fatalf("channel %q has %d slots for %d members", name, c, len(ch.members))
		}
		members += len(ch.members)
	}
	for _, c := range r.clients {
		members -= len(c.on)
	}
	if len(r.left) > len(r.leaving) {
		t.Fatalf("%d connections that left are remembered, %d departures wait", len(r.left), len(r.leaving))
	}
	if members != 0 {
		t.Fatalf("the channels have %d members more than the clients have memberships", members)
	}
}

func checkMembers(t failer, r *Registry, c *client, on map[*member]int32) {
	t.Helper()
	for i, m := range c.on {
		if m.who != c || int(m.held) != i || r.channels[m.ch.name] != m.ch || slices.ContainsFunc(c.on[:i], func(o *member) bool { return o.ch == m.ch }) {
			t.Fatalf("client %q: membership %d, of %q, is not as it should be", c.id, i, m.ch.name)
		}
		if m.conns != on[m] {
			t.Fatalf("client %q has %d connections on %q, counts %d", c.id, on[m], m.ch.name, m.conns)
		}
		waits := slices.ContainsFunc(r.leaving, func(d *departure) bool { return d.at >= m.alone && slices.Contains(d.on, m) })
		if m.conns == 0 && !waits {
			t.Fatalf("client %q was left alone on %q %v ago, and nothing will take it off", c.id, m.ch.name, time.Since(r.born)-m.alone)
		}
	}
}

// checkEmpty fails the test unless nothing at all is kept.
func checkEmpty(t failer, r *Registry) {
	t.Helper()
	check(t, r)
	if _, ok := r.Next(); ok {
		t.Fatal("an empty registry waits for something")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.clients)+len(r.channels)+len(r.conns)+len(r.left)+len(r.leaving)+cap(r.leaving)+cap(r.queue.blocks) > 0 {
		t.Fatalf("%d clients, %d channels, %d connections, %d departures, %d blocks of edges are kept",
			len(r.clients), len(r.channels), len(r.conns), len(r.leaving), len(r.queue.blocks))
	}
}

// takeAll returns all edges that wait.
func takeAll(r *Registry) (all []Edge) {
	for edges := r.Take(); len(edges) > 0; edges = r.Take() {
		all = append(all, edges...)
	}
	return all
}
