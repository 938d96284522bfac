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
}

// Client is a client as the registry shows it.
type Client struct {
	ClientID    string
	Info        []byte // JSON or nil
	Connections int    // 0 while only its grace is left
	Channels    []string
	ConnectedAt time.Time // when it came online
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
	if search != "" && !strings.Contains(strings.ToLower(c.id), search) && !strings.Contains(strings.ToLower(string(c.info)), search) {
		return names
	}
	return append(names, c.id)
}

func (c *client) view() Client {
	v := Client{ClientID: c.id, Info: c.info, Connections: len(c.conns), ConnectedAt: c.since}
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
		if name != Everyone && strings.Contains(strings.ToLower(name), search) {
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
