package web

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"time"

	"rollcall/presence"
	"rollcall/templates"
)

// pageRows is how many rows a page of a table has.
const pageRows = 50

// resortEvery is how often a list is sorted anew whose order changes all the time.
const resortEvery = 5 * time.Second

// clientColumns are those of [templates.ClientColumns], and what each is sorted by.
// Clients can be sorted by "protocol", too.
var clientColumns = []struct {
	label, sort string
	numeric     bool
	minor       bool
}{
	{"Client", "id", false, false}, {"Connections", "connections", true, false}, {"Channels", "channels", false, false},
	{"Address", "address", false, false}, {"Online since", "since", false, false},
	{"Events", "events", true, false}, {"Bytes", "bytes", true, true}, {"Behind", "behind", true, false},
}

// keyOf returns an id for the element that shows the thing of this name.
func keyOf(name string) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))
	return strconv.FormatUint(h.Sum64(), 36)
}

// clients paints /admin/clients.
func (a *admin) clients(v *visit) (func() screen, *fault) {
	v.frame.Section = "clients"
	p := &clientsPage{a: a, v: v, search: strings.TrimSpace(v.query.Get("q"))}
	p.sort, p.down = strings.CutPrefix(v.query.Get("sort"), "-")
	p.page, _ = strconv.Atoi(v.query.Get("page"))
	p.page = max(p.page, 1)
	return p.paint, nil
}

// clientsPage is an open list of clients.
type clientsPage struct {
	a      *admin
	v      *visit
	search string
	sort   string
	down   bool
	page   int

	ids     []string // on this page
	total   int      // that match
	online  int
	version uint64 // of the registry, when sorted
	sorted  time.Time
}

func (p *clientsPage) paint() screen {
	// The order of names changes only when somebody comes or goes; that of what is
	// counted changes all the time, and then rows would jump.
	_, _, _, version := p.a.server.registry.Totals()
	static := p.sort != "events" && p.sort != "bytes" && p.sort != "behind"
	if p.sorted.IsZero() || version != p.version && static || time.Since(p.sorted) >= resortEvery && !static {
		p.version, p.sorted = version, time.Now()
		p.list()
	}
	view := templates.ClientsView{AdminFrame: p.v.frame, Query: p.search, Sort: p.v.query.Get("sort"), Total: p.online, BaseURL: p.v.base}
	for _, c := range clientColumns {
		view.Columns = append(view.Columns, column(p.v.query, adminPath+"/clients", c.label, c.sort, cmp.Or(p.sort, "id"), p.down, c.numeric, c.minor))
	}
	for _, id := range p.ids {
		if row, ok := p.a.clientRow(id); ok {
			view.Rows = append(view.Rows, row)
		}
	}
	view.Pager = pager(p.v.query, adminPath+"/clients", p.page, p.total, len(p.ids))
	return screen{body: templates.Clients(view), parts: view.Fragments()}
}

// clientEntry is what a client is sorted by.
type clientEntry struct {
	id     string
	text   string
	number int64
	since  time.Time
	conn   *presence.Connection // one that is catching up
}

// list finds which clients are on the page.
func (p *clientsPage) list() {
	search := strings.ToLower(p.search)
	var all []clientEntry
	p.online = 0
	p.a.server.registry.Each(func(r presence.Ref) {
		p.online++
		if search == "" || matchesClient(r, search) {
			all = append(all, p.entry(r))
		}
	})
	if p.sort == "behind" {
		for i := range all {
			if c := all[i].conn; c != nil { // only now, as the registry is not locked any more
				all[i].number = int64(p.a.server.behind(c))
			}
		}
	}
	slices.SortFunc(all, func(x, y clientEntry) int {
		order := cmp.Or(cmp.Compare(x.number, y.number), strings.Compare(x.text, y.text), x.since.Compare(y.since))
		if p.down {
			order = -order
		}
		return cmp.Or(order, strings.Compare(x.id, y.id))
	})
	p.total = len(all)
	p.page = min(p.page, max((p.total+pageRows-1)/pageRows, 1))
	all = all[(p.page-1)*pageRows:]
	p.ids = make([]string, 0, pageRows)
	for _, e := range all[:min(pageRows, len(all))] {
		p.ids = append(p.ids, e.id)
	}
}

func matchesClient(r presence.Ref, search string) bool {
	if containsFold(r.ID(), search) || containsFold(string(r.Info()), search) || r.OnLike(search) {
		return true
	}
	return slices.ContainsFunc(r.Connections(), func(c *presence.Connection) bool { return containsFold(c.RemoteAddr, search) })
}

// containsFold reports whether s contains text, which is in lower case.
func containsFold(s, text string) bool { return strings.Contains(strings.ToLower(s), text) }

// entry is called with the registry locked.
func (p *clientsPage) entry(r presence.Ref) clientEntry {
	e := clientEntry{id: r.ID()}
	conns := r.Connections()
	switch p.sort {
	case "", "id":
		e.text = e.id
		if len(conns) > 0 && conns[0].Anonymous {
			e.number = 1 // behind those that have a name
		}
	case "connections":
		e.number = int64(len(conns))
	case "channels":
		e.number = int64(r.Channels())
	case "since":
		e.since = r.Since()
	case "address", "protocol":
		if len(conns) > 0 {
			if e.text = conns[0].RemoteAddr; p.sort == "protocol" {
				e.text = conns[0].Protocol
			}
		}
	case "events", "bytes", "behind":
		for _, c := range conns {
			at := connOf(c)
			if at == nil {
				continue
			}
			events, bytes := at.Sent()
			switch {
			case p.sort == "events":
				e.number += int64(events)
			case p.sort == "bytes":
				e.number += int64(bytes)
			case !at.Live():
				e.conn = c
			}
		}
	}
	return e
}

// behind returns how many kept events a connection still has to get.
func (s *Server) behind(c *presence.Connection) int {
	at := connOf(c)
	if at == nil || at.Live() {
		return 0
	}
	return s.hub.Pending(at, s.registry.On(c))
}

// clientRow returns a client as a row, if it is online.
func (a *admin) clientRow(id string) (templates.ClientRow, bool) {
	c, conns, ok := a.server.registry.Client(id)
	if !ok {
		return templates.ClientRow{}, false
	}
	row := templates.ClientRow{
		Key: "client-" + keyOf(id), ClientID: id, Href: adminLink("clients", id), Info: short(string(c.Info), 160), State: "online",
		Connections: grouped(c.Connections), Since: c.ConnectedAt,
	}
	if c.Connections == 0 {
		row.State = "leaving"
	}
	row.Channels, row.More = channelLinks(c.Channels, 3)
	var events, bytes uint64
	behind := 0
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
		if at := connOf(conn); at != nil {
			e, b := at.Sent()
			events, bytes = events+e, bytes+b
			behind += a.server.behind(conn)
			row.Slow = row.Slow || at.Blocked()
		}
	}
	row.Events, row.Bytes, row.Behind = grouped(events), sized(bytes), grouped(behind)
	return row, true
}

// channelLinks returns links to the first n channels, and how many more there are.
func channelLinks(names []string, n int) (links []templates.ChannelLink, more int) {
	for _, name := range names[:min(n, len(names))] {
		links = append(links, templates.ChannelLink{Name: name, Href: adminLink("channels", name)})
	}
	return links, max(len(names)-n, 0)
}

// column returns the head of a column that sorts: a second time, the other way.
func column(q query, path, label, by, sorted string, down, numeric, minor bool) templates.Column {
	c := templates.Column{Label: label, Numeric: numeric, Minor: minor}
	to := by
	switch {
	case by != sorted && numeric:
		to = "-" + by // the largest first
	case by == sorted && down:
		c.Sorted = "descending"
	case by == sorted:
		c.Sorted, to = "ascending", "-"+by
	}
	c.Href = q.with(path, "sort", to, "page", "")
	return c
}

// pager says where in a list a page is.
func pager(q query, path string, page, total, rows int) templates.Pager {
	first := (page-1)*pageRows + 1
	if rows == 0 {
		return templates.Pager{}
	}
	p := templates.Pager{Text: fmt.Sprintf("%s–%s of %s", grouped(first), grouped(first+rows-1), grouped(total))}
	if page > 1 {
		p.Prev = q.with(path, "page", strconv.Itoa(page-1))
	}
	if first+rows-1 < total {
		p.Next = q.with(path, "page", strconv.Itoa(page+1))
	}
	return p
}
