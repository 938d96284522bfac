package presence

import (
	"math"
	"slices"
	"sync"
	"time"
)

// Everyone is the channel of all that are online. No channel of a connection can
// have this name.
const Everyone = "$online"

// Registry is the presence of one node. Make it with NewRegistry.
type Registry struct {
	grace time.Duration // static
	born  time.Time     // static; departures count from it
	wake  chan struct{} // capacity one

	mu       sync.Mutex // guards everything below
	clients  map[string]*client
	channels map[string]*channel // Everyone too
	conns    map[string]*Connection
	version  uint64
	queue    queue
	leaving  []*departure          // in order of time
	left     map[string]*departure // the same by connection, except those whose grace was ended
}

// Connection is one connection of a client. The exported fields are static once
// joined.
type Connection struct {
	ID          string
	ClientID    string
	DeviceID    string // which of the client's devices, "" if unknown
	Anonymous   bool   // the server gave the ClientID
	Node        string
	RemoteAddr  string
	UserAgent   string
	Protocol    string
	ConnectedAt time.Time
	InfoIsFixed bool // the client may not set its info
	Handle      any  // the owner's, untouched

	// Guarded by Registry.mu.
	Info   *Info // the connection's info; see InfoOf
	client *client
	on     []*member
}

type client struct {
	id    string
	info  *Info // the newest of its connections and of those within their grace, or nil
	since time.Time
	conns []*Connection
	past  []*Info   // of connections that ended within the grace
	on    []*member // Everyone first
	// returns counts how often it came back within its grace.
	returns int
}

// member is a client on a channel.
type member struct {
	ch    *channel
	who   *client
	conns int32
	at    int32         // place in ch.members; -1 once it has left
	held  int32         // index in who.on
	alone time.Duration // when conns fell to zero
}

type channel struct {
	name    string
	members []*member
	conns   int
}

// departure is a connection that ended within the grace.
type departure struct {
	conn string        // its id
	at   time.Duration // when it ended
	on   []*member     // its memberships, Everyone first
	info *Info         // its info
}

// expireStep is how many memberships one Expire visits. The rest is due at once.
const expireStep = 10_000

// NewRegistry returns an empty registry. A client whose last connection ended
// stays for the grace period, which may be 0. The owner must call Expire in time;
// see Next.
func NewRegistry(grace time.Duration) *Registry {
	return &Registry{
		grace:    grace,
		born:     time.Now(),
		wake:     make(chan struct{}, 1),
		clients:  make(map[string]*client),
		channels: make(map[string]*channel),
		conns:    make(map[string]*Connection),
		left:     make(map[string]*departure),
	}
}

// Join adds a connection of this node on the given channels, which must not repeat; it keeps their names. info is the
// client's JSON object, or nil to inherit the current one; it is kept. The connection's ID must be new. returned means
// that the client had lost its last connection and came back within its grace.
func (r *Registry) Join(conn *Connection, channels []string, info []byte) (returned bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var known *Info
	if who := r.clients[conn.ClientID]; who != nil {
		known = who.info
	}
	if conn.Info = known; info != nil {
		conn.Info = newInfo(info, conn, conn.ConnectedAt, known)
	}
	return r.join(conn, channels)
}

// JoinRemote adds a connection that another node has joined, with the Info that it has there.
func (r *Registry) JoinRemote(conn *Connection, channels []string, info *Info) {
	r.mu.Lock()
	defer r.mu.Unlock()
	conn.Info = info
	r.join(conn, channels)
}

func (r *Registry) join(conn *Connection, channels []string) (returned bool) {
	who := r.clients[conn.ClientID]
	if who == nil {
		who = &client{id: conn.ClientID, info: conn.Info, since: conn.ConnectedAt}
		who.on = make([]*member, 0, len(channels)+1)
		r.clients[who.id] = who
	} else if returned = len(who.conns) == 0; returned {
		who.returns++
	}
	if conn.Info.newer(who.info) {
		r.inform(who, conn.Info)
	}
	conn.client, conn.ClientID = who, who.id
	who.conns = append(who.conns, conn)
	r.conns[conn.ID] = conn
	conn.on = make([]*member, 0, len(channels)+1)
	r.joinChannel(conn, Everyone)
	for _, name := range channels {
		r.joinChannel(conn, name)
	}
	return returned
}

// joinChannel adds the connection to a channel.
func (r *Registry) joinChannel(conn *Connection, name string) {
	ch := r.channels[name]
	if ch == nil {
		ch = &channel{name: name}
		r.channels[ch.name] = ch
	}
	m := conn.client.member(ch)
	if m == nil {
		m = &member{ch: ch, who: conn.client, at: int32(len(ch.members)), held: int32(len(conn.client.on)), alone: math.MinInt64}
		ch.members = append(ch.members, m)
		conn.client.on = append(conn.client.on, m)
		r.edge(join, m)
	}
	m.conns++
	ch.conns++
	conn.on = append(conn.on, m)
}

// member returns the client's membership of ch or nil, looking through the
// shorter of the two lists.
func (c *client) member(ch *channel) *member {
	if len(ch.members) < len(c.on) {
		for _, m := range ch.members {
			if m.who == c {
				return m
			}
		}
		return nil
	}
	for _, m := range c.on {
		if m.ch == ch {
			return m
		}
	}
	return nil
}

// Leave removes a connection. A second call for the same one does nothing.
func (r *Registry) Leave(conn *Connection) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.leave(conn, time.Since(r.born))
}

// leave removes a connection that ended at a time.
func (r *Registry) leave(conn *Connection, at time.Duration) {
	who := conn.client
	if who == nil {
		return
	}
	conn.client = nil
	if r.conns[conn.ID] == conn { // another server's may be known under a new life of that server by now
		delete(r.conns, conn.ID)
	}
	if i := slices.Index(who.conns, conn); i >= 0 {
		who.conns = slices.Delete(who.conns, i, i+1)
	}
	for _, m := range conn.on {
		m.ch.conns--
		if m.conns--; m.conns == 0 {
			m.alone = max(m.alone, at)
		}
	}
	on := conn.on
	conn.on = nil
	if r.grace <= 0 {
		r.depart(on, at)
		r.forget(who, conn.Info)
		return
	}
	if conn.Info != nil {
		who.past = append(who.past, conn.Info)
	}
	if len(r.leaving) == 0 {
		r.signal() // there is a time to wait for now
	}
	d := &departure{conn.ID, at, on, conn.Info}
	r.left[d.conn] = d
	place := len(r.leaving)
	for place > 0 && r.leaving[place-1].at > at { // only before those of later that another node told of
		place--
	}
	r.leaving = slices.Insert(r.leaving, place, d)
}

// EndGrace ends the grace of a connection that has left: the client leaves at once, altogether if that was its last
// connection, else only the connection's channels. It reports whether a grace was running, and forgets the
// connection's id.
func (r *Registry) EndGrace(connID string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	d := r.left[connID]
	delete(r.left, connID)
	if d == nil || d.on[0].at < 0 {
		return false // or it has gone by another one's, and may be back since
	}
	on := d.on
	if who := on[0].who; len(who.conns) == 0 {
		on = slices.Clone(who.on)
	}
	r.depart(on, time.Since(r.born))
	return true
}

// Expire removes the clients whose grace has passed. It may stop early; Next then returns a time that has passed.
func (r *Registry) Expire() {
	r.mu.Lock()
	defer r.mu.Unlock()
	until := time.Since(r.born) - r.grace
	n := 0
	for seen := 0; n < len(r.leaving) && r.leaving[n].at <= until && seen < expireStep; n++ {
		d := r.leaving[n]
		seen += len(d.on)
		r.depart(d.on, until)
		if r.left[d.conn] == d {
			delete(r.left, d.conn)
		}
	}
	for i, d := range r.leaving[:n] { // clients that stay get one update
		r.forget(d.on[0].who, d.info)
		r.leaving[i] = nil
	}
	if r.leaving = r.leaving[n:]; len(r.leaving) == 0 {
		r.leaving = nil
	}
}

// Next returns when Expire has something to do, or false when nothing waits.
func (r *Registry) Next() (time.Time, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.leaving) == 0 {
		return time.Time{}, false
	}
	return r.born.Add(r.leaving[0].at + r.grace), true
}

// depart removes a client from those of its channels, Everyone first, on which it has had no connection since until.
// It is online until it has left all of them.
func (r *Registry) depart(on []*member, until time.Duration) {
	for _, m := range on[1:] {
		if m.at >= 0 && m.conns == 0 && m.alone <= until {
			r.exit(m)
		}
	}
	if m := on[0]; m.at >= 0 && m.conns == 0 && m.alone <= until && len(m.who.on) == 1 {
		r.exit(m)
		delete(r.clients, m.who.id)
	}
}

// exit takes a member off its channel; an empty channel is freed.
func (r *Registry) exit(m *member) {
	ch, who := m.ch, m.who
	ch.members[len(ch.members)-1].at = m.at
	ch.members = without(ch.members, m.at)
	who.on[len(who.on)-1].held = m.held
	who.on = without(who.on, m.held)
	m.at = -1
	if len(ch.members) == 0 {
		delete(r.channels, ch.name)
	}
	r.edge(leave, m)
}

// without returns list with its last member in the place of the one at i.
func without(list []*member, i int32) []*member {
	last := len(list) - 1
	list[i], list[last] = list[last], nil
	list = list[:last]
	if cap(list) > 64 && len(list) < cap(list)/4 {
		list = append(make([]*member, 0, cap(list)/2), list...)
	}
	return list
}

// edge queues what happened to m.
func (r *Registry) edge(kind uint8, m *member) {
	r.version++
	r.queue.add(change{of: m, info: m.who.info, at: time.Now().UnixNano(), online: int32(len(m.ch.members)), kind: kind})
	r.signal()
}

func (r *Registry) signal() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}
