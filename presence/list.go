package presence

import (
	"slices"
	"strings"
	"time"
)

// Query selects a page of a list. The zero value is everything.
type Query struct {
	Channel string // only clients on this channel
	Search  string // only clients whose name or info contains this text, in any case
	After   string // only names behind this one
	Limit   int    // at most so many; 0 means all
	// NamedFirst, for Clients, lists clients whose id the server gave behind the others. It does not go with After.
	NamedFirst bool
	// Allow, for Channels, decides which channels are shown; nil shows all. The registry is not locked when it is
	// called.
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
	for _, c := range r.named(q.Channel, search != "") {
		if c.matches(search) && q.NamedFirst && c.anonymous {
			names = append(names, behindNames+c.id)
		} else if c.matches(search) {
			names = append(names, c.id)
		}
	}
	names, total, more = cut(names, q)
	r.mu.Lock()
	defer r.mu.Unlock()
	page = make([]Client, 0, len(names))
	for _, name := range names {
		if c := r.clients[strings.TrimPrefix(name, behindNames)]; c != nil {
			page = append(page, c.view())
		}
	}
	return page, total, more && len(page) > 0
}

// behindNames sorts behind all names, which are UTF-8, where it begins a text.
const behindNames = "\xff"

// searchEntry is a client's id and, for a search, its info.
type searchEntry struct {
	id        string
	anonymous bool
	info      []byte
}

func (c searchEntry) matches(search string) bool {
	return search == "" || strings.Contains(strings.ToLower(c.id), search) || strings.Contains(strings.ToLower(string(c.info)), search)
}

// lockSteps is how many entries are copied before others may have the registry.
const lockSteps = 1024

// step unlocks the registry for others after every lockSteps of n entries. The map may change meanwhile, which a range
// over it allows.
func (r *Registry) step(n int) {
	if n%lockSteps == lockSteps-1 {
		r.mu.Unlock()
		r.mu.Lock()
	}
}

// named returns the clients on a channel, or all for "".
func (r *Registry) named(on string, infos bool) (list []searchEntry) {
	add := func(c *client) {
		one := searchEntry{id: c.id, anonymous: len(c.conns) > 0 && c.conns[0].Anonymous}
		if infos {
			one.info = c.info.json()
		}
		list = append(list, one)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if on == "" {
		list = make([]searchEntry, 0, len(r.clients))
		n := 0
		for _, c := range r.clients {
			add(c)
			r.step(n)
			n++
		}
	} else if ch := r.channels[on]; ch != nil {
		list = make([]searchEntry, 0, len(ch.members))
		for _, m := range ch.members {
			add(m.who)
		}
	}
	return list
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

// cut sorts the names and returns the page that q asks for, how many there are, and
// whether more follow. One that went and came while they were gathered may be there
// twice.
func cut(names []string, q Query) (page []string, total int, more bool) {
	slices.Sort(names)
	names = slices.Compact(names)
	total = len(names)
	if q.After != "" {
		at, found := slices.BinarySearch(names, q.After)
		if found {
			at++
		}
		names = names[at:]
	}
	if q.Limit > 0 && len(names) > q.Limit {
		return names[:q.Limit], total, true
	}
	return names, total, false
}

// Channels returns a page of the channels that have members, in order of their
// names, how many match in all, and whether more follow behind the page.
func (r *Registry) Channels(q Query) (page []Channel, total int, more bool) {
	search := strings.ToLower(q.Search)
	names := slices.DeleteFunc(r.channelNames(), func(name string) bool {
		return name == Everyone || !strings.Contains(strings.ToLower(name), search) || q.Allow != nil && !q.Allow(name)
	})
	names, total, more = cut(names, q)
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

// channelNames returns the names of all channels, Everyone too.
func (r *Registry) channelNames() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	names := make([]string, 0, len(r.channels))
	for name := range r.channels {
		names = append(names, name)
		r.step(len(names))
	}
	return names
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

// Knows reports whether a connection is open, or has ended within its client's grace.
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

// Ref is a client in Each. It is valid only during the call of f.
type Ref struct{ c *client }

// ID returns the client's name.
func (v Ref) ID() string { return v.c.id }

// Info returns the client's JSON object or nil.
func (v Ref) Info() []byte { return v.c.info.json() }

// Since returns when the client came online.
func (v Ref) Since() time.Time { return v.c.since }

// Connections returns the client's connections, shared; none if only its grace is left.
func (v Ref) Connections() []*Connection { return v.c.conns }

// Channels returns how many channels the client is on.
func (v Ref) Channels() int { return len(v.c.on) - 1 }

// OnLike returns the clients on channels whose name holds text, which is in lower case.
func (r *Registry) OnLike(text string) map[string]bool {
	return r.OnMatching(func(name string) bool { return strings.Contains(strings.ToLower(name), text) })
}

// OnMatching returns the clients on channels that match accepts. It is asked without a lock.
func (r *Registry) OnMatching(match func(name string) bool) map[string]bool {
	ids := make(map[string]bool)
	for _, name := range r.channelNames() {
		if name == Everyone || !match(name) {
			continue
		}
		for _, c := range r.named(name, false) {
			ids[c.id] = true
		}
	}
	return ids
}

// Each calls f for every client online, in no order, with the registry locked: f
// must be quick and must not call the registry. Others have the registry in between; a
// client that goes and comes meanwhile may be shown twice.
func (r *Registry) Each(f func(Ref)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, c := range r.clients {
		f(Ref{c})
		r.step(n)
		n++
	}
}

// EachChannel is Each for the channels that have members.
func (r *Registry) EachChannel(f func(Channel)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, ch := range r.channels {
		if ch.name != Everyone {
			f(Channel{ch.name, len(ch.members), ch.conns})
		}
		r.step(n)
		n++
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
