package presence

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// TestEachModel holds what Each, Totals and Channel show in random lives against
// the model, and how often clients came back within their grace.
func TestEachModel(t *testing.T) {
	var seen coverage
	returns, waiting := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		rapid.SyncTest(rt, func(rt *rapid.T) {
			m := &eachMachine{machine: newMachine(rt, &seen), returns: make(map[string]int)}
			rt.Repeat(rapid.StateMachineActions(m))
			m.settle(rt)
			m.checkEach(rt)
			returns += m.returned
			waiting += m.waiting
		})
	})
	if seen.lives >= 100 && (returns == 0 || waiting == 0) {
		t.Errorf("%d returns, %d in their grace: the machine didn't come to all the places it is for", returns, waiting)
	}
}

type eachMachine struct {
	*machine
	returns  map[string]int // of clients online
	returned int
	waiting  int // clients that Each showed within their grace
}

// Join adds a connection.
func (m *eachMachine) Join(rt *rapid.T) {
	m.machineJoin(rt, rapid.SampledFrom([]string{"ann", "bob", "Eve", ""}).Draw(rt, "client"))
}

// Reload has a client leave and come back.
func (m *eachMachine) Reload(rt *rapid.T) {
	if len(m.open) == 0 {
		rt.Skip("nobody is there")
	}
	c := rapid.SampledFrom(m.open).Draw(rt, "which")
	m.leave(c)
	m.open = slices.DeleteFunc(m.open, func(o *modelConn) bool { return o == c })
	m.pass(rapid.SampledFrom([]time.Duration{0, time.Second, m.grace - 1}).Draw(rt, "after"))
	m.machineJoin(rt, c.conn.ClientID)
}

// machineJoin notes whether it is a return: the client is online and has nothing
// open.
func (m *eachMachine) machineJoin(rt *rapid.T, client string) {
	_, online := m.info[client]
	back := online && !slices.ContainsFunc(m.open, func(c *modelConn) bool { return c.conn.ClientID == client })
	if !online {
		m.returns[client] = 0
	} else if back {
		m.returns[client]++
		m.returned++
	}
	m.join(rt, client)
}

// Check holds after every step.
func (m *eachMachine) Check(rt *rapid.T) {
	m.machine.Check(rt)
	m.checkEach(rt)
}

func (m *eachMachine) checkEach(rt *rapid.T) {
	shown := make(map[string]bool)
	m.r.Each(func(v Ref) {
		id := v.ID()
		info, online := m.info[id]
		if !online || shown[id] || string(v.Info()) != info || (v.Info() == nil) != (info == "") || !v.Since().Equal(m.since[id]) {
			rt.Fatalf("client %q, info %q, since %v; want %q, %v", id, v.Info(), v.Since(), info, m.since[id])
		}
		shown[id] = true
		var want []*Connection
		for _, c := range m.open {
			if c.conn.ClientID == id {
				want = append(want, c.conn)
			}
		}
		if !slices.Equal(v.Connections(), want) {
			rt.Fatalf("client %q has %d connections, want %d", id, len(v.Connections()), len(want))
		}
		if len(want) == 0 {
			m.waiting++
		}
		on := m.order[id][1:] // Everyone is the first
		if v.Channels() != len(on) {
			rt.Fatalf("client %q is on %d channels, want %q", id, v.Channels(), on)
		}
	})
	for _, text := range append([]string{"", "online", "$", "z"}, m.pool...) {
		found := m.r.OnLike(text)
		for id := range shown {
			on := m.order[id][1:]
			like := slices.ContainsFunc(on, func(name string) bool { return strings.Contains(name, text) })
			if found[id] != like {
				rt.Fatalf("client %q is on %q; on one like %q: %v", id, on, text, !like)
			}
			delete(found, id)
		}
		if len(found) > 0 {
			rt.Fatalf("on one like %q: %v, who are not online", text, found)
		}
	}
	places := make(map[string]Channel)
	for p, s := range m.on {
		ch := places[p.channel]
		places[p.channel] = Channel{p.channel, ch.Clients + 1, ch.Connections + s.conns}
	}
	listed := make(map[string]bool)
	m.r.EachChannel(func(ch Channel) {
		if ch.Name == Everyone || listed[ch.Name] || places[ch.Name] != ch {
			rt.Fatalf("%+v is listed, want %+v", ch, places[ch.Name])
		}
		listed[ch.Name] = true
	})
	if len(listed) != max(len(places)-1, 0) { // but Everyone
		rt.Fatalf("%d channels are listed, want those of %v", len(listed), places)
	}
	for _, name := range append([]string{"nobody's", Everyone}, m.pool...) {
		want := places[name]
		want.Name = name
		if got := m.r.Channel(name); got != want {
			rt.Fatalf("%+v, want %+v", got, want)
		}
	}
	delete(places, Everyone)
	clients, conns, channels, version := m.r.Totals()
	_, at := m.r.Snapshot()
	if len(shown) != len(m.info) || clients != len(m.info) || conns != len(m.open) || channels != len(places) || version != at {
		rt.Fatalf("%d shown; %d clients, %d connections, %d channels, version %d; want %d, %d, %d, %d",
			len(shown), clients, conns, channels, version, len(m.info), len(m.open), len(places), at)
	}
	for id, n := range m.returns {
		if c, _, ok := m.r.Client(id); ok && c.Returns != n {
			rt.Fatalf("%q came back %d times, want %d", id, c.Returns, n)
		}
	}
}

// Join reports clients that return within the grace, and neither new clients nor further connections nor later
// returns.
func TestReturned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRegistry(10 * time.Second)
		n := 0
		join := func(want bool) *Connection {
			t.Helper()
			n++
			c := &Connection{ID: fmt.Sprint(n), ClientID: "ann", ConnectedAt: time.Now()}
			if got := r.Join(c, nil, nil); got != want {
				t.Errorf("connection %d returned: %v", n, got)
			}
			return c
		}
		returns := func(want int) {
			t.Helper()
			if c, _, ok := r.Client("ann"); !ok || c.Returns != want {
				t.Errorf("%+v, want %d returns", c, want)
			}
		}
		a := join(false)
		b := join(false)
		r.Leave(a)
		c := join(false)
		r.Leave(b)
		r.Leave(c)
		r.Leave(c)
		returns(0)
		time.Sleep(10*time.Second - 1)
		r.Expire()
		a = join(true)
		b = join(false)
		returns(1)
		r.Leave(b)
		r.Leave(a)
		a = join(true)
		returns(2)
		r.Leave(a)
		time.Sleep(10 * time.Second)
		r.Expire()
		join(false)
		returns(0)
	})
}

// Channel names are searched whatever their case; what is said in lower case is
// found.
func TestOnLike(t *testing.T) {
	r := NewRegistry(0)
	come(r, "1", "ann", "", "Sport.Öl", "news")
	come(r, "2", "bob", "")
	for text, want := range map[string]bool{"sport": true, "t.ö": true, "ews": true, "newsp": false, "": true, "$online": false} {
		if got := r.OnLike(text); got["ann"] != want || got["bob"] {
			t.Errorf("on one like %q: %v", text, got)
		}
	}
}

// Everything may be asked for while clients come and go.
func TestEachUnderLoad(t *testing.T) {
	r := NewRegistry(time.Microsecond)
	var work sync.WaitGroup
	for w := range 3 {
		work.Go(func() {
			for i := range 300 {
				c := come(r, fmt.Sprint(w, "-", i), fmt.Sprint("client", i%7), `{"n":1}`, "a", fmt.Sprint("c", i%5))
				r.Expire()
				r.Leave(c)
			}
		})
		work.Go(func() {
			for range 200 {
				r.Each(func(v Ref) {
					if v.ID() == "" || v.Channels() < 1 && len(v.Connections()) > 0 || v.Since().IsZero() {
						t.Errorf("%q is on %d channels", v.ID(), v.Channels())
					}
				})
				if clients, conns, channels, _ := r.Totals(); clients > 7 || conns > 3 || channels > 6 || clients > 0 && channels == 0 {
					t.Errorf("%d clients, %d connections, %d channels", clients, conns, channels)
				}
				if ch := r.Channel("a"); ch.Connections > 3 || ch.Name != "a" {
					t.Errorf("%+v", ch)
				}
				takeAll(r)
			}
		})
	}
	work.Wait()
	check(t, r)
}
