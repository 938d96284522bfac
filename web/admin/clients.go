package admin

import (
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"time"

	"rollcall/hub/eventlog"
	"rollcall/presence"
	"rollcall/templates"
	"rollcall/web/node"
	"rollcall/web/reply"
)

// clientColumns are those of [templates.ClientColumns], with their sort keys. Clients can be sorted by "protocol",
// too.
var clientColumns = []sortColumn{
	{"Client", "id", false, false}, {"Connections", "connections", true, false}, {"Channels", "channels", false, false},
	{"Address", "address", false, false}, {"Online since", "since", false, false},
	{"Events", "events", true, false}, {"Bytes", "bytes", true, true}, {"Behind", "behind", true, false},
}

// moreColumns are shown if they are chosen.
var moreColumns = []sortColumn{{"Program", "agent", false, false}, {"Server", "server", false, false}}

// keyOf returns an id for the element that shows the thing of this name.
func keyOf(name string) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))
	return strconv.FormatUint(h.Sum64(), 36)
}

// clientsPath is the list of clients.
const clientsPath = Path + "/clients"

// clients paints /admin/clients.
func (a *Admin) clients(v *pageRequest) (func() renderedPage, *reply.Fault) {
	v.frame.Section = "clients"
	list := openList(&a.clientList, v)
	page := &clientsPage{
		a: a, listPage: list, filter: parseFilter(list.search), states: a.newStates(),
		match: a.askMatches(),
		top:   &lookup[topAnswer]{node: a.node, kind: topKind, every: resortEvery},
		shows: shownColumns(v.query), agents: make(map[string]string),
	}
	if by, ok := groupingOf(v.query.Get("group")); ok {
		return (&groupsPage{clientsPage: page, by: by, behind: a.askMatches(), silent: a.askMatches()}).paint, nil
	}
	return page.paint, nil
}

// clientsPage is an open list of clients.
type clientsPage struct {
	a *Admin
	*listPage[clientEntry]
	filter *filter
	states *states
	match  *lookup[matchAnswer]
	note   string // what the other servers did not tell about the filter
	top    *lookup[topAnswer]
	shows  map[string]bool          // the columns
	agents map[string]string        // names of programs by User-Agent
	away   []node.Answer[topAnswer] // figures of other servers' connections by which the list is sorted
}

func (p *clientsPage) paint() renderedPage {
	every := listEvery
	if p.sort == "events" || p.sort == "bytes" || p.sort == "behind" {
		every = resortEvery
		p.away = p.top.ask(topQuestion{p.sort})
	}
	p.refresh(every, p.key)
	view := p.frameOf(p.rows.all, p.rows.total)
	p.setColumns(&view)
	p.states.ask(p.rows.names...)
	members := make(map[string]int)
	for _, id := range p.rows.names {
		if c, conns, ok := p.a.node.Registry.Client(id); ok {
			row := clientRow(&c, conns, p.states)
			row.CanMark = p.v.frame.CanAct
			row.Extra = p.extraCells(conns)
			countMembers(c.Info, members)
			view.Rows = append(view.Rows, row)
		}
	}
	view.Groupings = p.groupings(members)
	view.Pager = p.pager(clientsPath)
	if words, only := p.filter.words(); only && len(words) > 0 {
		view.HasPast, view.Past = true, p.a.moments(p.a.departed(words), true)
	}
	return renderedPage{body: templates.Clients(view), parts: view.Fragments()}
}

// frameOf returns what is around the rows: of so many clients, so many match.
func (p *clientsPage) frameOf(all, matching int) templates.ClientsView {
	view := templates.ClientsView{AdminFrame: p.v.frame, Query: p.search, Total: all, BaseURL: p.v.base}
	view.Keep = p.keep("sort", "cols", "group")
	view.Chips, view.Problems, view.Note = p.filter.chips(p.v.query, clientsPath), p.filter.problems(), p.note
	view.AllMatching = "All " + grouped(matching)
	view.CSV, view.JSON = exportLinks(p.search)
	view.Help = p.a.filterHelp(clientsPath)
	view.Cleared = p.v.query.with(clientsPath, "q", "", "page", "")
	if p.search != "" {
		view.Matching = grouped(matching) + " match"
	}
	return view
}

// exportLinks returns the exports of the clients that match a filter.
func exportLinks(filter string) (csv, json string) {
	return clientsWith(".csv", filter), clientsWith(".json", filter)
}

// clientsWith returns the address of the clients that match a filter; "" is none. suffix is that of an export.
func clientsWith(suffix, filter string) string {
	if filter == "" {
		return clientsPath + suffix
	}
	return clientsPath + suffix + "?q=" + queryEscape(filter)
}

// How long clients that have left can be found, as far as the journal reaches, and how many are listed.
const (
	pastSpan  = time.Hour
	pastShown = 20
)

// departed returns when clients have left whose ids have all words and that are not online, the newest first.
func (a *Admin) departed(words []string) []node.JournalEntry {
	since := time.Now().Add(-pastSpan)
	seen := make(map[string]bool)
	left := a.node.Journal.Newest(pastShown, func(h *node.JournalEntry) bool {
		if h.Kind != "leave" || h.At.Before(since) || seen[h.ClientID] || !containsAll(h.ClientID, words) {
			return false
		}
		seen[h.ClientID] = true
		return true
	})
	return slices.DeleteFunc(left, func(h node.JournalEntry) bool {
		_, _, online := a.node.Registry.Client(h.ClientID)
		return online
	})
}

// clientEntry is a client that is online.
type clientEntry struct {
	id       string
	info     []byte
	conns    []*presence.Connection
	channels int
	since    time.Time
}

// gatherClients returns all clients, in no order.
func (a *Admin) gatherClients() []clientEntry {
	var all []clientEntry
	a.node.Registry.Each(func(r presence.Ref) {
		all = append(all, clientEntry{r.ID(), r.Info(), slices.Clone(r.Connections()), r.Channels(), r.Since()})
	})
	return all
}

// key returns the sort key and the filter of clients.
func (p *clientsPage) key(string) func(*clientEntry) (rowKey, bool) {
	m := p.a.newMatcher(p.filter, p.match)
	p.note = m.note
	return func(e *clientEntry) (rowKey, bool) {
		if !m.client(e) {
			return rowKey{}, false
		}
		return p.sortedBy(e), true
	}
}

func (e *clientEntry) matches(search string) bool {
	return containsFold(e.id, search) || containsFold(string(e.info), search) ||
		slices.ContainsFunc(e.conns, func(c *presence.Connection) bool { return containsFold(c.RemoteAddr, search) })
}

// containsFold reports whether s contains text, which is in lower case.
func containsFold(s, text string) bool { return strings.Contains(strings.ToLower(s), text) }

// containsAll reports whether s contains all words, which are in lower case.
func containsAll(s string, words []string) bool {
	return !slices.ContainsFunc(words, func(word string) bool { return !containsFold(s, word) })
}

// rankOf is 1 for the connections of a client whose id the server gave: lists have it behind those with a name.
func rankOf(conns []*presence.Connection) int {
	if len(conns) > 0 && conns[0].Anonymous {
		return 1
	}
	return 0
}

func (p *clientsPage) sortedBy(e *clientEntry) rowKey {
	k := rowKey{name: e.id}
	switch p.sort {
	case "", "id":
		k.text = e.id
		k.number = float64(rankOf(e.conns))
	case "connections":
		k.number = float64(len(e.conns))
	case "channels":
		k.number = float64(e.channels)
	case "since":
		k.number = float64(e.since.UnixMicro())
	case "address", "protocol":
		if len(e.conns) > 0 {
			if k.text = e.conns[0].RemoteAddr; p.sort == "protocol" {
				k.text = e.conns[0].Protocol
			}
		}
	case "agent":
		if len(e.conns) > 0 {
			k.text = p.agentOf(e.conns[0])
		}
	case "server":
		if len(e.conns) > 0 {
			k.text = e.conns[0].Node
		}
	case "events", "bytes", "behind":
		for _, c := range e.conns {
			if c.Handle != nil {
				k.number += p.a.valueOf(c, p.sort)
			}
			for i := range p.away {
				k.number += p.away[i].Value.Values[c.ID]
			}
		}
	}
	return k
}

// clientRow returns a client as a row. Figures that its servers have not told are unknown.
func clientRow(c *presence.Client, conns []*presence.Connection, st *states) templates.ClientRow {
	row := templates.ClientRow{
		Key: "client-" + keyOf(c.ClientID), ClientID: c.ClientID, Href: adminLink("clients", c.ClientID), State: "online",
		Connections: grouped(c.Connections), Since: c.ConnectedAt,
	}
	row.Name, row.Info = described(c.Info)
	if c.Connections == 0 {
		row.State = "leaving"
	}
	row.Channels, row.More = channelLinks(c.Channels, 3)
	var sum clientSum
	for i, conn := range conns {
		if i == 0 {
			row.Address, row.Protocol = conn.RemoteAddr, conn.Protocol
		} else {
			if conn.RemoteAddr != row.Address && !strings.HasSuffix(row.Address, " …") {
				row.Address += " …"
			}
			if conn.Protocol != row.Protocol {
				row.Protocol = "mixed"
			}
		}
		sum.add(st.of(conn))
	}
	row.Events, row.Bytes, row.Behind = sum.texts()
	if row.Slow = sum.slow; row.State == "online" {
		row.State = sum.state()
	}
	return row
}

// clientSum adds up the figures of a client's connections.
type clientSum struct {
	events, bytes uint64
	behind        int
	slow          bool // a connection takes nothing
	unknown       bool // a connection's server has not told its figures
}

func (s *clientSum) add(st node.ConnState, known bool) {
	s.events, s.bytes, s.behind = s.events+st.Events, s.bytes+st.Bytes, s.behind+st.Behind
	s.slow = s.slow || st.State == "not reading"
	s.unknown = s.unknown || !known
}

// texts returns the sums, "–" if they are not known.
func (s *clientSum) texts() (events, bytes, behind string) {
	if s.unknown {
		return unknown, unknown, unknown
	}
	return grouped(s.events), sized(s.bytes), grouped(s.behind)
}

// state returns the word for an online client.
func (s *clientSum) state() string {
	switch {
	case s.slow:
		return "not reading"
	case s.behind > 0:
		return "behind"
	}
	return "online"
}

// unknown is shown for figures that are not known.
const unknown = "–"

// channelLinks returns links to the first n channels, and how many more there are.
func channelLinks(names []string, n int) (links []templates.ChannelLink, more int) {
	for _, name := range names[:min(n, len(names))] {
		links = append(links, templates.ChannelLink{Name: name, Href: adminLink("channels", name), Pattern: eventlog.IsPattern(name)})
	}
	return links, max(len(names)-n, 0)
}
