package presence

import (
	"slices"
	"strings"
	"time"
)

// Query selects a page of a list. The zero value is everything.
type Query struct {
	Channel string // only clients on this channel
	Search  string // only those whose name or info holds this text, whatever the case
	After   string // only names behind this one
	Limit   int    // at most so many; 0 means all
	// Allow, for Channels, says which channels are shown; nil shows all. It is called
	// with the registry locked.
	Allow func(channel string) bool
}

// Client is a client as the registry shows it.
type Client struct {
	ClientID    string
	Info        []byte    // JSON or nil
	Connections int       // 0 while only its grace is left
	Channels    []string  // in no order
	ConnectedAt time.Time // when it came online
	Returns     int       // how often it came back within its grace
}

// Channel is a channel that has members.
type Channel struct {
	Name        string
	Clients     int
	Connections int
}

// Clients returns a page of the clients online in order of their names, how many
// match in all, and whether more follow behind the page.
func (r *Registry) Clients(q Query) (page []Client, total int, more bool) {
	search := strings.ToLower(q.Search)
	var names []string
	r.mu.Lock()
	if q.Channel != "" {
		if ch := r.channels[q.Channel]; ch != nil {
			names = make([]string, 0, len(ch.members))
			for _, m := range ch.members {
				names = m.who.match(names, search)
			}
		}
	} else {
		names = make([]string, 0, len(r.clients))
		for _, c := range r.clients {
			names = c.match(names, search)
		}
	}
	r.mu.Unlock()
	total = len(names)
	names, more = cut(names, q)
	r.mu.Lock()
	defer r.mu.Unlock()
	page = make([]Client, 0, len(names))
	for _, name := range names {
		if c := r.clients[name]; c != nil {
			page = append(page, c.view())
		}
	}
	return page, total, more && len(page) > 0
}

func (c *client) match(names []string, search string) []string {
	if search != "" && !strings.Contains(strings.ToLower(c.id), search) && !strings.Contains(strings.ToLower(string(c.info.json())), search) {
		return names
	}
	return append(names, c.id)
}

func (c *client) view() Client {
	v := Client{ClientID: c.id, Info: c.info.json(), Connections: len(c.conns), ConnectedAt: c.since, Returns: c.returns}
	v.Channels = make([]string, 0, len(c.on))
	for _, m := range c.on {
		if m.ch.name != Everyone {
			v.Channels = append(v.Channels, m.ch.name)
		}
	}
	return v
}

// cut sorts the names and returns the page that q asks for, and whether more
// follow.
func cut(names []string, q Query) (page []string, more bool) {
	slices.Sort(names)
	if q.After != "" {
		at, found := slices.BinarySearch(names, q.After)
		if found {
			at++
		}
		names = names[at:]
	}
	if q.Limit > 0 && len(names) > q.Limit {
		return names[:q.Limit], true
	}
	return names, false
}

// Channels returns a page of the channels that have members, in order of their
// names, how many match in all, and whether more follow behind the page.
func (r *Registry) Channels(q Query) (page []Channel, total int, more bool) {
	search := strings.ToLower(q.Search)
	r.mu.Lock()
	names := make([]string, 0, len(r.channels))
	for name := range r.channels {
		if name != Everyone && strings.Contains(strings.ToLower(name), search) && (q.Allow == nil || q.Allow(name)) {
			names = append(names, name)
		}
	}
	r.mu.Unlock()
	total = len(names)
	names, more = cut(names, q)
	r.mu.Lock()
	defer r.mu.Unlock()
	page = make([]Channel, 0, len(names))
	for _, name := range names {
		if ch := r.channels[name]; ch != nil {
			page = append(page, Channel{ch.name, len(ch.members), ch.conns})
		}
	}
	return page, total, more && len(page) > 0
}

// Channel returns a channel; one without members has zeros.
func (r *Registry) Channel(name string) Channel {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ch := r.channels[name]; ch != nil {
		return Channel{ch.name, len(ch.members), ch.conns}
	}
	return Channel{Name: name}
}

// Client returns a client that is online and its connections.
func (r *Registry) Client(id string) (Client, []*Connection, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.clients[id]
	if c == nil {
		return Client{}, nil, false
	}
	return c.view(), slices.Clone(c.conns), true
}

// Connection returns a connection by its ID, or nil.
func (r *Registry) Connection(id string) *Connection {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.conns[id]
}

// Knows reports whether a connection is there, or has ended and its client's grace runs.
func (r *Registry) Knows(connID string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.conns[connID] != nil || r.left[connID] != nil
}

// On returns the channels of a connection in the order it joined them.
func (r *Registry) On(conn *Connection) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	names := make([]string, 0, len(conn.on))
	for _, m := range conn.on {
		if m.ch.name != Everyone {
			names = append(names, m.ch.name)
		}
	}
	return names
}

// Ref is a client as Each shows it. It holds during the call of f alone.
type Ref struct{ c *client }

// ID returns the client's name.
func (v Ref) ID() string { return v.c.id }

// Info returns the client's JSON object or nil.
func (v Ref) Info() []byte { return v.c.info.json() }

// Since returns when the client came online.
func (v Ref) Since() time.Time { return v.c.since }

// Connections returns the client's connections, shared; none while only its grace
// is left.
func (v Ref) Connections() []*Connection { return v.c.conns }

// Channels returns how many channels the client is on.
func (v Ref) Channels() int { return len(v.c.on) - 1 }

// OnLike reports whether the name of one of its channels holds text, which is in
// lower case.
func (v Ref) OnLike(text string) bool {
	return slices.ContainsFunc(v.c.on, func(m *member) bool {
		return m.ch.name != Everyone && strings.Contains(strings.ToLower(m.ch.name), text)
	})
}

// Each calls f for every client online, in no order, with the registry locked: f
// must be quick and must not call the registry.
func (r *Registry) Each(f func(Ref)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.clients {
		f(Ref{c})
	}
}

// Totals returns how many clients, connections and channels with members there are,
// and the version at which that holds.
func (r *Registry) Totals() (clients, connections, channels int, version uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	channels = len(r.channels)
	if channels > 0 {
		channels-- // Everyone
	}
	return len(r.clients), len(r.conns), channels, r.version
}
