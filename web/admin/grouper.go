package admin

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"rollcall/hub/eventlog"
	"rollcall/presence"
)

// group is some connections, and their clients.
type group struct {
	name                           string
	clients, conns, behind, silent int
	last                           int // index of the client that was counted last
}

// grouper counts groups. It is for one goroutine and a short time.
type grouper struct {
	a        *Admin
	by       grouping
	groups   map[string]*group
	agents   map[string][]string     // by User-Agent
	networks map[netip.Addr][]string // by its first address
	prefixes map[string]string       // by channel
	index    int                     // of the client that is counted
}

func (a *Admin) newGrouper(by grouping) *grouper {
	return &grouper{
		a: a, by: by, groups: make(map[string]*group), agents: make(map[string][]string), networks: make(map[netip.Addr][]string),
		prefixes: make(map[string]string),
	}
}

// add counts a client with those of its connections that match.
func (g *grouper) add(e *clientEntry, conns []*presence.Connection, behind, silent *matcher) {
	g.index++
	own := ""
	if g.by.of == nil {
		own, _ = infoMember(e.info, g.by.key[len(infoGrouping):])
		g.at(own).count(g.index)
	}
	for _, c := range conns {
		names := []string{own}
		if g.by.of != nil {
			names = g.by.of(g, c)
		}
		for _, name := range names {
			one := g.at(name)
			one.count(g.index)
			one.conns++
			if behind.connection(c) {
				one.behind++
			}
			if silent.connection(c) {
				one.silent++
			}
		}
	}
}

// at returns the group of a name.
func (g *grouper) at(name string) *group {
	one := g.groups[name]
	if one == nil {
		one = &group{name: name}
		g.groups[name] = one
	}
	return one
}

// count counts a client once.
func (one *group) count(client int) {
	if one.last != client {
		one.last = client
		one.clients++
	}
}

func (g *grouper) network(c *presence.Connection) []string {
	addr, err := netip.ParseAddr(c.RemoteAddr)
	if err != nil {
		return []string{c.RemoteAddr}
	}
	bits := 24
	if addr.Is6() {
		bits = 64
	}
	network, _ := addr.Prefix(bits) // neither length is too long
	name := g.networks[network.Addr()]
	if name == nil {
		name = []string{network.String()}
		g.networks[network.Addr()] = name
	}
	return name
}

func (g *grouper) agent(c *presence.Connection) []string {
	name := g.agents[c.UserAgent]
	if name == nil {
		name = []string{agentName(c.UserAgent)}
		g.agents[c.UserAgent] = name
	}
	return name
}

// channels returns the groups of a connection's channels: room.> for room.a, and the name itself if it has one token.
func (g *grouper) channels(c *presence.Connection) (names []string) {
	for _, channel := range g.a.node.Registry.On(c) {
		prefix, known := g.prefixes[channel]
		if !known {
			prefix = channel
			if first, _, many := strings.Cut(channel, "."); many {
				if _, err := eventlog.ParsePattern(first + ".>"); err == nil {
					prefix = first + ".>"
				}
			}
			g.prefixes[channel] = prefix
		}
		if !slices.Contains(names, prefix) {
			names = append(names, prefix)
		}
	}
	return names
}

// sorted returns the groups, the largest first.
func (g *grouper) sorted() []*group {
	return slices.SortedFunc(maps.Values(g.groups), func(x, y *group) int {
		return cmp.Or(cmp.Compare(y.conns, x.conns), cmp.Compare(y.clients, x.clients), natural(x.name, y.name))
	})
}
