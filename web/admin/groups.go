package admin

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"rollcall/presence"
	"rollcall/templates"
	"rollcall/web/node"
)

// Limits of the page of groups: those that it lists, the members of infos that it offers, and how many infos it reads for
// these.
const (
	mostGroups  = 100
	mostMembers = 10
	infosRead   = 500
)

// grouping is what clients can be grouped by: of each connection the names of its groups.
type grouping struct {
	key, label string
	of         func(g *grouper, c *presence.Connection) []string
	term       func(name string) string // filters the list to a group
	isNetwork  bool                     // groups can be blocked
}

var groupings = []grouping{
	{key: "address", label: "Address", isNetwork: true, of: func(_ *grouper, c *presence.Connection) []string { return []string{c.RemoteAddr} },
		term: addressTerm},
	{key: "network", label: "Network", isNetwork: true, of: (*grouper).network, term: addressTerm},
	{key: "agent", label: "Program", of: (*grouper).agent, term: termOf("agent")},
	{key: "protocol", label: "Protocol", of: func(_ *grouper, c *presence.Connection) []string { return []string{c.Protocol} },
		term: func(name string) string { return termText("proto", strings.ToLower(name)) }},
	{key: "channel", label: "Channel prefix", of: (*grouper).channels, term: termOf("channel")},
	{key: "server", label: "Server", of: func(_ *grouper, c *presence.Connection) []string { return []string{c.Node} }, term: termOf("server")},
}

// infoGrouping begins the keys of groupings by a member of the clients' infos.
const infoGrouping = "info."

// groupingOf returns the grouping with a key.
func groupingOf(key string) (g grouping, ok bool) {
	if member, of := strings.CutPrefix(key, infoGrouping); of && member != "" {
		return grouping{key: key, label: member, term: termOf(key)}, true
	}
	i := slices.IndexFunc(groupings, func(g grouping) bool { return g.key == key })
	if i < 0 {
		return g, false
	}
	return groupings[i], true
}

func termOf(key string) func(string) string {
	return func(name string) string { return termText(key, name) }
}

// addressTerm returns the filter of an address or a network; the peers of socket files have none.
func addressTerm(name string) string {
	if _, ok := node.ParseNetwork(name); !ok {
		return ""
	}
	return termText("addr", name)
}

// groupsPage is an open page of groups of clients.
type groupsPage struct {
	*clientsPage
	by             grouping
	behind, silent *lookup[matchAnswer] // which connections of other servers are
	counted        time.Time
	view           templates.GroupsView
}

// paint renders the groups of the clients that match the filter.
func (p *groupsPage) paint() renderedPage {
	if time.Since(p.counted) >= resortEvery {
		p.counted = time.Now()
		p.count()
	}
	return renderedPage{body: templates.Groups(p.view), parts: p.view.Fragments()}
}

func (p *groupsPage) count() {
	m := p.a.newMatcher(p.filter, p.match)
	behind := p.a.newMatcher(parseFilter("is:behind"), p.behind)
	silent := p.a.newMatcher(parseFilter("is:slow"), p.silent)
	p.note = cmp.Or(m.note, behind.note, silent.note)
	g := p.a.newGrouper(p.by)
	matching, read := 0, 0
	members := make(map[string]int)
	all := p.list.each(p.v.listAge(), func(e *clientEntry) {
		if read < infosRead && len(e.info) > 0 {
			read++
			countMembers(e.info, members)
		}
		if m.client(e) {
			matching++
			g.add(e, m.connections(e), behind, silent)
		}
	})
	list := g.sorted()
	view := templates.GroupsView{ClientsView: p.frameOf(all, matching), By: p.by.label, CanBlock: p.by.isNetwork && p.v.frame.CanAct}
	view.Groupings = p.groupings(members)
	view.Size = plural(len(list), "group")
	for _, one := range list[:min(len(list), mostGroups)] {
		view.Groups = append(view.Groups, p.row(one))
	}
	if rest := list[len(view.Groups):]; len(rest) > 0 {
		conns := 0
		for _, one := range rest {
			conns += one.conns
		}
		view.Others = "and " + plural(len(rest), "other") + " with " + plural(conns, "connection")
	}
	p.view = view
}

func (p *groupsPage) row(one *group) templates.GroupRow {
	name := strings.Clone(one.name)
	row := templates.GroupRow{
		Key: "group-" + keyOf(p.by.key+" "+name), Name: name, Clients: grouped(one.clients), Connections: grouped(one.conns),
		Behind: grouped(one.behind), Silent: grouped(one.silent),
	}
	if term := p.by.term(name); term != "" {
		row.Href = p.v.query.with(clientsPath, "group", "", "page", "", "q", strings.TrimSpace(p.search+" "+term))
	}
	if p.by.isNetwork && row.Href != "" {
		row.Block = blockNetworkHref(name)
	}
	if p.by.of == nil && name == "" {
		row.Name = "without " + p.by.label
	}
	return row
}

// groupings are links to the page by what clients can be grouped by. members are those of their infos; the most frequent
// are offered.
func (p *clientsPage) groupings(members map[string]int) (list []templates.PageLink) {
	now := p.v.query.Get("group")
	add := func(key, label string) {
		list = append(list, templates.PageLink{Label: label, Current: key == now, Href: p.v.query.with(clientsPath, "group", key, "page", "")})
	}
	add("", "No groups")
	for _, g := range groupings {
		add(g.key, g.label)
	}
	names := slices.SortedFunc(maps.Keys(members), func(x, y string) int {
		return cmp.Or(cmp.Compare(members[y], members[x]), natural(x, y))
	})
	for _, name := range names[:min(len(names), mostMembers)] {
		add(infoGrouping+name, "info."+name)
	}
	return list
}

// countMembers counts the members of an info that have one value: no objects and arrays, and no names of clients.
func countMembers(info []byte, members map[string]int) {
	dec := jsontext.NewDecoder(bytes.NewReader(info))
	if t, err := dec.ReadToken(); err != nil || t.Kind() != '{' {
		return
	}
	for dec.PeekKind() == '"' {
		key, err := dec.ReadToken()
		if err != nil {
			return
		}
		name := key.String()
		value, err := dec.ReadValue()
		if err != nil {
			return
		}
		if kind := value.Kind(); kind != '{' && kind != '[' && !isNameKey(name) && len(name) <= 40 {
			members[name]++
		}
	}
}
