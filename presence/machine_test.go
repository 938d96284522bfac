package presence

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestModel drives a registry through random lives against a naive model: clients
// with several connections join and leave several channels, change their info,
// reload, and time passes. What must be true:
//
//   - Edges are exactly these: a join with a client's first connection on a channel
//     after it was gone, a leave when its last one has been gone for the grace, an
//     update for each channel where its info changed, which is the newest that its
//     connections say. Nothing else, in particular nothing for what happens within
//     the grace.
//   - Edges are numbered without a hole; Everyone is joined first and left last.
//   - Any snapshot and the edges after it add up to the registry.
//   - Lists show what the model shows. Nothing is kept of clients that left.
func TestModel(t *testing.T) {
	var seen coverage
	rapid.Check(t, func(rt *rapid.T) {
		rapid.SyncTest(rt, func(rt *rapid.T) {
			m := newMachine(rt, &seen)
			rt.Repeat(rapid.StateMachineActions(m))
			m.settle(rt)
		})
	})
	t.Logf("%+v", seen)
	if seen.lives >= 100 && (seen.joins == 0 || seen.leaves == 0 || seen.updates == 0 || seen.saved == 0 || seen.partly == 0 || seen.behind == 0 || seen.hurried == 0) {
		t.Error("the machine didn't come to all the places it is for")
	}
}

// coverage counts what happened in all lives.
type coverage struct{ lives, joins, leaves, updates, saved, partly, behind, hurried int }

// machine is a state machine of rapid.
type machine struct {
	seen  *coverage
	r     *Registry
	grace time.Duration
	pool  []string // channels
	n     int      // connections made
	open  []*modelConn
	gone  []*modelConn

	info  map[string]string    // of clients online
	said  map[string]int       // when that was said, counted over all connections; 0 for never
	since map[string]time.Time // of clients online
	on    map[place]*stay      // the members of each channel
	order map[string][]string  // channels of a client as it came to them
	lives map[string]int       // how often a client has gone offline
	due   []told               // edges not yet taken
	state *replay              // by the edges taken
	shots []*replay            // snapshots, with the edges taken since applied
}

type modelConn struct {
	conn     *Connection
	channels []string
	left     time.Time // when it was ended
	info     string    // what it says of its client, or took over
	said     int       // when
	over     bool      // it has left, and what it said counts no more
	hurried  bool      // so was the grace after it
	life     int       // of its client
}

type place struct{ client, channel string }

// stay is a client on a channel.
type stay struct {
	conns int
	alone time.Time // when conns fell to zero
}

func newMachine(rt *rapid.T, seen *coverage) *machine {
	seen.lives++
	m := &machine{
		seen:  seen,
		grace: rapid.SampledFrom([]time.Duration{0, 10 * time.Second, -time.Second}).Draw(rt, "grace"),
		pool:  []string{"a", "b", "c", "d"}[:rapid.IntRange(1, 4).Draw(rt, "channels")],
		info:  make(map[string]string),
		said:  make(map[string]int),
		since: make(map[string]time.Time),
		on:    make(map[place]*stay),
		order: make(map[string][]string),
		lives: make(map[string]int),
		state: newReplay(),
	}
	m.r = NewRegistry(m.grace)
	return m
}

// Join adds a connection.
func (m *machine) Join(rt *rapid.T) {
	m.join(rt, rapid.SampledFrom([]string{"ann", "bob", "Eve", ""}).Draw(rt, "client"))
}

func (m *machine) join(rt *rapid.T, client string) {
	channels := rapid.SliceOfNDistinct(rapid.SampledFrom(m.pool), 0, len(m.pool), rapid.ID).Draw(rt, "on")
	info := rapid.SampledFrom([]string{"", `{"n":1}`, `{"n":2}`}).Draw(rt, "info")
	m.n++
	c := &modelConn{conn: &Connection{ID: fmt.Sprint("c", m.n), ClientID: client, ConnectedAt: time.Now()}, channels: channels, life: m.lives[client]}
	var raw []byte
	if info != "" {
		raw = []byte(info)
	}
	m.r.Join(c.conn, slices.Clone(channels), raw)
	m.open = append(m.open, c)

	if c.info, c.said = info, m.n; info == "" {
		c.info, c.said = m.info[client], m.said[client]
	}
	if _, online := m.info[client]; !online {
		m.info[client], m.said[client], m.since[client] = c.info, c.said, time.Now()
	} else {
		m.newest(client)
	}
	for _, channel := range append([]string{Everyone}, channels...) {
		s := m.on[place{client, channel}]
		if s == nil {
			s = new(stay)
			m.on[place{client, channel}] = s
			m.order[client] = append(m.order[client], channel)
			m.expect(Join, client, channel)
		} else if s.conns == 0 {
			m.seen.saved++
		}
		s.conns++
	}
}

// newest has the client's info be the newest that counts.
func (m *machine) newest(client string) {
	info, said := "", 0
	for _, c := range slices.Concat(m.open, m.gone) {
		if c.conn.ClientID == client && c.life == m.lives[client] && !c.over && c.said > said {
			info, said = c.info, c.said
		}
	}
	same := info == m.info[client]
	m.info[client], m.said[client] = info, said
	if !same {
		for _, channel := range m.order[client] {
			m.expect(Update, client, channel)
		}
	}
}

// expect notes an edge that the registry must have made.
func (m *machine) expect(kind Kind, client, channel string) {
	m.due = append(m.due, told{kind, channel, client, m.info[client]})
}

// Leave ends one of the connections.
func (m *machine) Leave(rt *rapid.T) {
	if len(m.open) == 0 {
		rt.Skip("nobody is there")
	}
	i := rapid.IntRange(0, len(m.open)-1).Draw(rt, "which")
	m.leave(m.open[i])
	m.open = slices.Delete(m.open, i, i+1)
}

func (m *machine) leave(c *modelConn) {
	m.r.Leave(c.conn)
	m.gone, c.left = append(m.gone, c), time.Now()
	for _, channel := range append([]string{Everyone}, c.channels...) {
		s := m.on[place{c.conn.ClientID, channel}]
		if s.conns--; s.conns == 0 {
			s.alone = time.Now()
		}
	}
	if m.grace <= 0 {
		m.expire()
	}
}

// expire takes those off the model whose grace has passed.
func (m *machine) expire() {
	for client := range m.info {
		before := len(m.order[client])
		m.order[client] = slices.DeleteFunc(m.order[client], func(channel string) bool {
			s := m.on[place{client, channel}]
			if s.conns > 0 || time.Since(s.alone) < m.grace {
				return false
			}
			delete(m.on, place{client, channel})
			m.expect(Leave, client, channel)
			return true
		})
		if len(m.order[client]) == 0 {
			delete(m.order, client)
			delete(m.info, client)
			delete(m.said, client)
			delete(m.since, client)
			m.lives[client]++
		} else if len(m.order[client]) < before {
			m.seen.partly++
		}
	}
	for _, c := range m.gone { // in the order in which they left
		if c.over || time.Since(c.left) < m.grace {
			continue
		}
		c.over = true
		if _, online := m.info[c.conn.ClientID]; online {
			m.newest(c.conn.ClientID)
		}
	}
}

// LeaveAgain ends a connection that is gone already, which does nothing.
func (m *machine) LeaveAgain(rt *rapid.T) {
	if len(m.gone) == 0 {
		rt.Skip("nobody has left")
	}
	m.r.Leave(rapid.SampledFrom(m.gone).Draw(rt, "which").conn)
}

// EndGrace lets a client go without the rest of its grace, if it has any.
func (m *machine) EndGrace(rt *rapid.T) {
	if len(m.gone) == 0 {
		rt.Skip("nobody has left")
	}
	c := rapid.SampledFrom(m.gone).Draw(rt, "which")
	running := !c.hurried && time.Since(c.left) < m.grace && c.life == m.lives[c.conn.ClientID]
	if got := m.r.EndGrace(c.conn.ID); got != running {
		rt.Fatalf("the grace of connection %q was running: %v, want %v", c.conn.ID, got, running)
	}
	if !running {
		return
	}
	c.hurried = true
	m.seen.hurried++
	client := c.conn.ClientID
	channels := append([]string{Everyone}, c.channels...)
	if s := m.on[place{client, Everyone}]; s != nil && s.conns == 0 {
		channels = m.order[client]
	}
	for _, channel := range channels {
		if s := m.on[place{client, channel}]; s != nil && s.conns == 0 {
			s.alone = time.Time{}
		}
	}
	m.expire()
}

// Reload has a client leave and come back.
func (m *machine) Reload(rt *rapid.T) {
	if len(m.open) == 0 {
		rt.Skip("nobody is there")
	}
	i := rapid.IntRange(0, len(m.open)-1).Draw(rt, "which")
	c := m.open[i]
	m.leave(c)
	m.open = slices.Delete(m.open, i, i+1)
	m.pass(rapid.SampledFrom([]time.Duration{0, time.Second, m.grace - 1}).Draw(rt, "after"))
	m.join(rt, c.conn.ClientID)
}

// Wait lets time pass, up to the end of a grace and beyond.
func (m *machine) Wait(rt *rapid.T) {
	m.pass(rapid.SampledFrom([]time.Duration{0, time.Second, m.grace - 1, m.grace}).Draw(rt, "time"))
}

func (m *machine) pass(d time.Duration) {
	time.Sleep(d)
	m.r.Expire()
	m.expire()
}

// Snapshot takes one.
func (m *machine) Snapshot(*rapid.T) {
	channels := append([]string{Everyone, "nobody's"}, m.pool...)
	lists, version := m.r.Snapshot(channels...)
	m.shots = append(m.shots, replayOf(channels, lists, version))
	if version > m.state.version {
		m.seen.behind++
	}
}

// Take takes the edges and holds them, and what they add up to, against the model.
func (m *machine) Take(rt *rapid.T) {
	changed := false
	select {
	case <-m.r.Changed():
		changed = true
	default:
	}
	edges := takeAll(m.r)
	if len(edges) > 0 && !changed {
		rt.Fatal("there are edges to take, and Changed does not say so")
	}
	var got []told
	for i := range edges {
		e := &edges[i]
		if e.Time.IsZero() || e.Time.After(time.Now()) {
			rt.Fatalf("edge %d is of %v", e.Version, e.Time)
		}
		m.state.apply(rt, e)
		m.inOrder(rt, e)
		for _, s := range m.shots {
			if e.Version > s.version {
				s.apply(rt, e)
			}
		}
		got = append(got, told{e.Kind, e.Channel, e.ClientID, string(e.Info)})
		switch e.Kind {
		case Join:
			m.seen.joins++
		case Leave:
			m.seen.leaves++
		case Update:
			m.seen.updates++
		}
	}
	if got, want := sorted(got), sorted(m.due); !slices.Equal(got, want) {
		rt.Fatalf("edges\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	m.due = nil
	m.state.want(rt, m.now())
	for _, s := range m.shots {
		s.want(rt, m.state)
	}
}

// inOrder checks that the members of all channels are online.
func (m *machine) inOrder(rt *rapid.T, e *Edge) {
	for name, members := range m.state.on {
		for client := range members {
			if _, online := m.state.on[Everyone][client]; !online {
				rt.Fatalf("edge %d: %q is on %q and not online", e.Version, client, name)
			}
		}
	}
}

// now is the state of the model.
func (m *machine) now() *replay {
	s := newReplay()
	for p := range m.on {
		s.put(p.channel, p.client, m.info[p.client])
	}
	return s
}

// Check holds after every step.
func (m *machine) Check(rt *rapid.T) {
	check(rt, m.r)
	channels := append([]string{Everyone}, m.pool...)
	lists, version := m.r.Snapshot(channels...)
	replayOf(channels, lists, version).want(rt, m.now())
	if want := m.state.version + uint64(len(m.due)); version != want {
		rt.Fatalf("version %d, want %d", version, want)
	}
	if m.r.Online() != len(m.info) {
		rt.Fatalf("%d online, want %d", m.r.Online(), len(m.info))
	}
	m.checkNext(rt)
	m.checkLists(rt)
	for _, c := range m.open {
		if m.r.Connection(c.conn.ID) != c.conn || !slices.Equal(m.r.On(c.conn), c.channels) {
			rt.Fatalf("connection %q is on %q, want %q", c.conn.ID, m.r.On(c.conn), c.channels)
		}
	}
	for _, c := range m.gone {
		if m.r.Connection(c.conn.ID) != nil || len(m.r.On(c.conn)) > 0 || c.conn.client != nil {
			rt.Fatalf("connection %q is gone, and is on %q", c.conn.ID, m.r.On(c.conn))
		}
	}
}

// checkNext checks that no departure is forgotten: the registry asks to be woken when the first one is due, or before.
func (m *machine) checkNext(rt *rapid.T) {
	next, ok := m.r.Next()
	for p, s := range m.on {
		if s.conns == 0 && (!ok || next.After(s.alone.Add(m.grace))) {
			rt.Fatalf("%v has to go at %v, the registry wants to be woken: %v, at %v", p, s.alone.Add(m.grace), ok, next)
		}
	}
}

// checkLists holds the lists against the model.
func (m *machine) checkLists(rt *rapid.T) {
	page, total, more := m.r.Clients(Query{})
	if len(page) != len(m.info) || total != len(m.info) || more {
		rt.Fatalf("%d clients of %d, more: %v; want %d", len(page), total, more, len(m.info))
	}
	for _, c := range page {
		conns := 0
		for _, o := range m.open {
			if o.conn.ClientID == c.ClientID {
				conns++
			}
		}
		if c.Connections != conns || string(c.Info) != m.info[c.ClientID] || !c.ConnectedAt.Equal(m.since[c.ClientID]) ||
			!slices.Equal(slices.Sorted(slices.Values(c.Channels)), slices.Sorted(slices.Values(m.order[c.ClientID][1:]))) {
			rt.Fatalf("client %+v; want %d connections, info %q, since %v, on %q",
				c, conns, m.info[c.ClientID], m.since[c.ClientID], m.order[c.ClientID])
		}
		again, list, ok := m.r.Client(c.ClientID)
		if !ok || len(list) != conns || again.Connections != conns {
			rt.Fatalf("client %q alone: %+v with %d connections, want %d", c.ClientID, again, len(list), conns)
		}
	}
	channels, _, _ := m.r.Channels(Query{})
	for _, ch := range channels {
		clients, conns := 0, 0
		for p, s := range m.on {
			if p.channel == ch.Name {
				clients++
				conns += s.conns
			}
		}
		if ch != (Channel{ch.Name, clients, conns}) || clients == 0 || ch.Name == Everyone {
			rt.Fatalf("channel %+v, want %d clients, %d connections", ch, clients, conns)
		}
	}
}

// settle has everybody leave, after which nothing is kept.
func (m *machine) settle(rt *rapid.T) {
	for _, c := range m.open {
		m.leave(c)
	}
	m.open = nil
	m.Check(rt)
	for at, ok := m.r.Next(); ok; at, ok = m.r.Next() {
		m.pass(time.Until(at))
	}
	m.Take(rt)
	m.Check(rt)
	checkEmpty(rt, m.r)
}
