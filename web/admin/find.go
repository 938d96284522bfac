package admin

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"rollcall/hub/eventlog"
	"rollcall/templates"
	"rollcall/web/reply"
)

// Limits of what is found: hits of each kind, and the bytes that are searched for.
const (
	mostFound  = 6
	longestFor = 255
)

// foundPages are the pages that can be found, with words that lead to them.
var foundPages = []struct{ title, words, path string }{
	{"Overview", "home figures charts warnings", Path},
	{"Clients", "people connections online", clientsPath},
	{"Slow clients", "stalled not reading behind", clientsPath + "?q=is%3Aslow"},
	{"Channels", "rooms topics rates", Path + "/channels"},
	{"Tail", "live feed events stream", Path + "/tail"},
	{"Who got it?", "trace delivery event id", tracePath},
	{"Alarms", "warnings wrong problems history", alarmsPath},
	{"Blocks", "banned unblock", Path + "/blocks"},
	{"Audit", "log who did history actions", Path + "/audit"},
	{"Refused requests", "denied credentials unauthorized forbidden attempts", refusedPath},
	{"Slow and flapping", "behind gaps reconnects unstable over time", slowPath},
	{"Try a token", "jwt decode claims credentials", tokenPath},
	{"Server", "settings limits version memory drain sessions", serverPath},
	{"Servers", "nodes cluster drain", serversPath},
	{"Webhooks", "endpoints dead letters", Path + "/webhooks"},
	{"What happened?", "period time then spike zoom history", periodPath},
	{"Wall", "display monitor screen dashboard tv", wallPath},
}

// find paints /admin/find: clients, channels, events, connections, addresses, pages, settings and actions by one search.
func (a *Admin) find(v *pageRequest) (func() renderedPage, *reply.Fault) {
	v.frame.Live = ""
	q := strings.TrimSpace(v.query.Get("q"))
	view := templates.FindView{AdminFrame: v.frame, Query: q}
	if len(q) > longestFor {
		view.Error = "A search may have 255 bytes."
		return func() renderedPage { return renderedPage{body: templates.Find(view)} }, nil
	}
	f := &finding{a: a, v: v, text: strings.ToLower(q)}
	if verb, rest, ok := strings.Cut(f.text, " "); ok && slices.Contains(foundVerbs, verb) {
		f.verb, f.text = verb, strings.TrimSpace(rest)
	}
	f.run()
	for _, g := range f.groups {
		if len(g.Items) > 0 {
			view.Groups = append(view.Groups, g)
		}
	}
	return func() renderedPage { return renderedPage{body: templates.Find(view)} }, nil
}

// foundVerbs begin a search for an action.
var foundVerbs = []string{"block", "unblock", "disconnect", "message", "publish", "tap", "drain"}

// finding is one search.
type finding struct {
	a      *Admin
	v      *pageRequest
	verb   string
	text   string // in lower case
	groups []templates.FindGroup

	clients   []templates.FindItem
	channels  []templates.FindItem
	conns     []templates.FindItem
	addresses map[string]int
}

func (f *finding) run() {
	f.addresses = make(map[string]int)
	limited := f.v.session.Limited() // a role of some channels finds nothing else
	if f.text != "" && !limited {
		f.findClients()
	}
	if f.text != "" {
		f.findChannels()
	}
	add := func(label string, items []templates.FindItem) {
		f.groups = append(f.groups, templates.FindGroup{Label: label, Items: items[:min(len(items), mostFound)]})
	}
	if f.verb != "" {
		add("Actions", f.actions())
	}
	add("Clients", f.clients)
	if !limited {
		add("Left within the hour", f.departed())
	}
	add("Channels", f.channels)
	add("Events", f.events())
	add("Connections", f.conns)
	add("Addresses", f.addressItems())
	add("Pages", f.pages())
	add("Settings", f.settings())
	if f.verb == "" {
		add("Actions", f.actions())
	}
}

// rank says how well a name fits: 0 is the name itself; ok is false if it does not.
func rank(name, text string) (n float64, ok bool) {
	name = strings.ToLower(name)
	switch i := strings.Index(name, text); {
	case i < 0:
		return 0, false
	case len(name) == len(text):
		return 0, true
	case i == 0:
		return 1, true
	case strings.IndexByte(" ._-:/", name[i-1]) >= 0:
		return 2, true
	}
	return 3, true
}

// findClients finds clients by their ids, names and infos, and on the way their connections and addresses.
func (f *finding) findClients() {
	f.a.clientList.join(f.v)
	isAddress := addressPart.MatchString(f.text) && strings.ContainsAny(f.text, ".:")
	found := f.a.clientList.list(1, mostFound, false, listEvery, func(e *clientEntry) (rowKey, bool) {
		for _, c := range e.conns {
			if len(f.text) >= 4 && len(f.conns) < mostFound && len(c.ID) >= len(f.text) && strings.EqualFold(c.ID[:len(f.text)], f.text) {
				f.conns = append(f.conns, templates.FindItem{
					Icon: "server", Title: c.ID, Note: "of " + e.id + " on " + c.Node, Href: adminLink("clients", e.id) + "#conn-" + c.ID,
				})
			}
			if isAddress && strings.HasPrefix(c.RemoteAddr, f.text) {
				f.addresses[c.RemoteAddr]++
			}
		}
		n, ok := rank(e.id, f.text)
		if !ok && containsFold(string(e.info), f.text) { // the names of its members, too
			name, rest := described(e.info)
			if n, ok = rank(name, f.text); !ok && containsFold(rest, f.text) {
				n, ok = 4, true
			}
		}
		return rowKey{number: n, text: e.id, name: e.id}, ok
	})
	for _, id := range found.names {
		c, conns, _ := f.a.node.Registry.Client(id)
		name, _ := described(c.Info)
		item := templates.FindItem{Icon: "clients", Title: cmp.Or(name, id), Note: plural(len(conns), "connection"), Href: adminLink("clients", id), Of: id}
		if name != "" {
			item.Note = id + " · " + item.Note
		}
		f.clients = append(f.clients, item)
	}
}

func (f *finding) findChannels() {
	f.a.channelList.join(f.v)
	found := f.a.channelList.list(1, mostFound, false, listEvery, func(e *channelEntry) (rowKey, bool) {
		n, ok := rank(e.name, f.text)
		return rowKey{number: n, text: e.name, name: e.name}, ok && sees(f.v.session, e.name)
	})
	for _, name := range found.names {
		ch := f.a.node.Registry.Channel(name)
		f.channels = append(f.channels, templates.FindItem{
			Icon: "channels", Title: name, Note: plural(ch.Clients, "client"), Href: adminLink("channels", name), Of: name,
		})
	}
}

// departed returns clients that have left within the hour.
func (f *finding) departed() (items []templates.FindItem) {
	if f.text == "" {
		return nil
	}
	for _, h := range f.a.departed([]string{f.text}) {
		items = append(items, templates.FindItem{Icon: "clients", Title: h.ClientID, Note: "left", Href: adminLink("clients", h.ClientID)})
	}
	return items
}

// events returns the event that an id names.
func (f *finding) events() []templates.FindItem {
	at, err := eventlog.ParsePosition(f.text)
	if err != nil {
		return nil
	}
	note := "who got it?"
	if at.Epoch != f.a.node.Log.Head().Epoch {
		note = "of an earlier log"
	}
	return []templates.FindItem{{Icon: "tail", Title: at.String(), Note: note, Href: tracePath + "?id=" + queryEscape(at.String())}}
}

func (f *finding) addressItems() (items []templates.FindItem) {
	for addr, n := range f.addresses {
		items = append(items, templates.FindItem{
			Icon: "search", Title: addr, Note: plural(n, "connection"), Href: clientsWith("", termText("addr", addr)),
		})
	}
	slices.SortFunc(items, func(x, y templates.FindItem) int { return natural(x.Title, y.Title) })
	return items
}

func (f *finding) pages() (items []templates.FindItem) {
	if f.verb != "" {
		return nil
	}
	for _, p := range foundPages {
		path, _, _ := strings.Cut(strings.TrimPrefix(p.path, Path), "?")
		if containsFold(p.title+" "+p.words, f.text) && reaches(f.v.session, path, "") {
			items = append(items, templates.FindItem{Icon: "next", Title: p.title, Href: p.path})
		}
	}
	return items
}

func (f *finding) settings() (items []templates.FindItem) {
	if f.text == "" || f.verb != "" || f.v.session.Limited() {
		return nil
	}
	for _, s := range f.a.opts.Settings {
		if containsFold(s.Name, f.text) {
			items = append(items, templates.FindItem{Icon: "server", Title: s.Name, Note: reply.Short(s.Value, 60), Href: serverPath + "#setting-" + s.Name})
		}
	}
	return items
}

// actions returns the forms that act on what was found. They ask before they do something.
func (f *finding) actions() (items []templates.FindItem) {
	if !f.v.frame.CanAct {
		return nil
	}
	add := func(verb, title, note, href string) {
		if f.verb == "" || f.verb == verb {
			items = append(items, templates.FindItem{Icon: "act", Title: title, Note: note, Href: href})
		}
	}
	for _, c := range f.clients[:min(len(f.clients), foundTop)] {
		link := adminLink("clients", c.Of)
		add("block", "Block "+c.Of+"…", "with a time and a reason", Path+"/blocks?clientId="+queryEscape(c.Of))
		add("disconnect", "Disconnect "+c.Of+"…", "on its page", link)
		add("message", "Send an event to "+c.Of+"…", "on its page", link+"#send-form")
		add("tap", "Tap "+c.Of, "the events it gets", below(link, "tap"))
	}
	for _, ch := range f.channels[:min(len(f.channels), foundTop)] {
		if !eventlog.IsPattern(ch.Of) {
			add("publish", "Publish to "+ch.Of+"…", "on its page", ch.Href+"#publish-form")
		}
	}
	if f.v.session.Limited() {
		return items
	}
	for _, b := range f.a.node.Blocks.List() {
		if f.text != "" && len(items) < mostFound && containsFold(b.Target.String(), f.text) {
			add("unblock", "Unblock "+b.Target.String()+"…", "on Blocks", Path+"/blocks")
		}
	}
	if len(f.clients) == 0 && f.verb == "block" && reply.IsClientID(f.text) {
		given := strings.TrimSpace(f.v.query.Get("q"))[len("block"):]
		given = strings.TrimSpace(given)
		add("block", "Block "+given+"…", "no such client is online", Path+"/blocks?clientId="+queryEscape(given))
	}
	if f.verb == "drain" || f.text == "" || strings.HasPrefix("drain", f.text) {
		add("drain", "Drain "+f.a.node.Name()+"…", strconv.Itoa(f.a.node.Streams())+" streams", serverPath+"#drain-state")
	}
	return items
}

// foundTop is for how many clients and channels actions are offered.
const foundTop = 1
