package admin

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"rollcall/presence"
	"rollcall/templates"
	"rollcall/web/gate"
	"rollcall/web/node"
	"rollcall/web/reply"
)

// Limits of marked clients: those of one action, the selections that wait for it, and for how long.
const (
	mostSelected   = 1000
	mostSelections = 64
	selectionAge   = 10 * time.Minute
	selectedShown  = 20

	markedPath = Path + "/marked"
	markedForm = 200*(3*255+8) + gate.FormBytes // a page of ids, and a filter
)

// selection is the clients that an operator marked, and their connections that match the list's filter.
type selection struct {
	token   string
	owner   string
	filter  string
	clients []selected
	conns   int
	servers int
	note    string // what other servers did not tell
	at      time.Time
}

// selected is one client of a selection.
type selected struct {
	id    string
	name  string
	conns []string
}

// selections keeps the newest selections until they are acted on. The zero value is ready.
type selections struct {
	mu   sync.Mutex
	list []*selection // oldest first
}

func (s *selections) add(one *selection) {
	one.token, one.at = node.NewID(), time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, one)
	s.list = s.list[max(0, len(s.list)-mostSelections):]
}

// of returns a session owner's selection, nil if there is none or it is too old.
func (s *selections) of(owner, token string) *selection {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = slices.DeleteFunc(s.list, func(one *selection) bool { return time.Since(one.at) > selectionAge })
	for _, one := range s.list {
		if one.owner == owner && one.token == token {
			return one
		}
	}
	return nil
}

// size says how many connections, clients and servers the selection has.
func (s *selection) size() string {
	text := plural(s.conns, "connection") + " of " + plural(len(s.clients), "client")
	if s.servers > 1 {
		text += " on " + plural(s.servers, "server")
	}
	return text
}

// page returns the address of the page that shows what is about to happen.
func (s *selection) page(do string) string { return markedPath + "?s=" + s.token + "&do=" + do }

// choose returns the clients with these ids, or all that match the filter. wrong says why they can't be chosen.
func (a *Admin) choose(owner, text string, ids []string, all bool) (chosen *selection, wrong string) {
	f := parseFilter(strings.TrimSpace(text))
	m := a.newMatcher(f, a.askMatches())
	if list := f.problems(); all && len(list) > 0 {
		return nil, list[0]
	}
	chosen = &selection{owner: owner, filter: strings.Clone(f.text), note: m.note}
	servers := make(map[string]bool)
	add := func(e *clientEntry) {
		one := selected{id: strings.Clone(e.id)}
		one.name, _ = described(e.info)
		for _, c := range m.connections(e) {
			one.conns = append(one.conns, c.ID)
			servers[c.Node] = true
		}
		chosen.conns += len(one.conns)
		chosen.clients = append(chosen.clients, one)
	}
	found := 0
	if all {
		entries := m.clients()
		found = len(entries)
		for i := range entries[:min(found, mostSelected)] {
			add(&entries[i])
		}
	} else {
		for _, id := range ids {
			if c, conns, online := a.node.Registry.Client(id); online {
				found++
				add(&clientEntry{id, c.Info, conns, len(c.Channels), c.ConnectedAt})
			}
		}
	}
	chosen.servers = len(servers)
	switch {
	case found > mostSelected:
		return nil, plural(found, "client") + " match. At most " + grouped(mostSelected) + " can be chosen at once; filter the list further."
	case found == 0:
		return nil, "No client is chosen, or none of them is online any more."
	}
	return chosen, ""
}

// chooseMarked answers POST /admin/marked: it shows what an action is about before it happens, or exports it.
func (a *Admin) chooseMarked(c *gin.Context) {
	text, all := c.PostForm("q"), c.PostForm("all") != ""
	back := clientsWith("", text)
	ids := c.PostFormArray("id")
	do := c.PostForm("do")
	if len(ids) > slices.Max(pageSizes) || !slices.Contains([]string{"end", "block", "message", "csv", "json"}, do) {
		a.failed(c, "clients.choose", "", back, "This is not an action on at most "+strconv.Itoa(slices.Max(pageSizes))+" marked clients.")
		return
	}
	if do == "csv" || do == "json" {
		var only map[string]bool
		if !all {
			only = make(map[string]bool, len(ids))
			for _, id := range ids {
				only[id] = true
			}
		}
		a.export(c, do, text, only)
		return
	}
	chosen, wrong := a.choose(sessionOf(c).Owner(), text, ids, all)
	if wrong != "" {
		sessionOf(c).SetFlash("bad", wrong)
		reply.Redirect(c, back)
		return
	}
	a.selections.add(chosen)
	reply.Redirect(c, chosen.page(do))
}

// marked paints /admin/marked: what is about to happen to whom.
func (a *Admin) marked(v *pageRequest) (func() renderedPage, *reply.Fault) {
	v.frame.Section, v.frame.Live = "clients", ""
	s := a.selections.of(v.session.Owner(), v.query.Get("s"))
	if s == nil {
		return nil, selectionGone
	}
	return func() renderedPage {
		return renderedPage{body: templates.Marked(a.markedView(v, s, v.query.Get("do")))}
	}, nil
}

// selectionGone is the answer when a selection is too old.
var selectionGone = reply.NewFault(http.StatusNotFound, "selection_gone", "This choice of clients is too old, or was not yours. Mark them again.")

func (a *Admin) markedView(v *pageRequest, s *selection, do string) templates.MarkedView {
	view := templates.MarkedView{
		AdminFrame: v.frame, Token: s.token, Do: do, Size: s.size(), Connections: plural(s.conns, "connection"), Clients: plural(len(s.clients), "client"),
		Filter: s.filter, Note: s.note, Send: v.send, Back: clientsWith("", s.filter),
	}
	for _, one := range s.clients[:min(len(s.clients), selectedShown)] {
		view.Rows = append(view.Rows, templates.MemberRow{
			Key: "marked-" + keyOf(one.id), ClientID: one.id, Name: one.name, Info: plural(len(one.conns), "connection"), Href: adminLink("clients", one.id),
		})
	}
	view.More = len(s.clients) - len(view.Rows)
	return view
}

// onMarked returns the handler of an action on a selection. do returns what was done, for the audit log and the page.
func (a *Admin) onMarked(action string, do func(c *gin.Context, s *selection, reason string) (done string, ok bool)) gin.HandlerFunc {
	return func(c *gin.Context) {
		s := a.selections.of(sessionOf(c).Owner(), cmp.Or(c.PostForm("s"), c.Query("s")))
		if s == nil {
			a.failed(c, action, "", clientsPath, selectionGone.Message)
			return
		}
		reason, wrong := reasonOf(c)
		if wrong != "" {
			a.failed(c, action, s.size(), s.page(action[len("clients."):]), wrong)
			return
		}
		done, ok := do(c, s, reason)
		if !ok {
			return
		}
		detail := done
		if reason != "" {
			detail += ": " + reason
		}
		if s.filter != "" {
			detail += "; filter " + s.filter
		}
		var names []string
		for _, one := range s.clients[:min(len(s.clients), selectedShown)] {
			names = append(names, one.id)
		}
		a.audited(c, action, s.size(), "ok", detail+"; "+strings.Join(names, ", "))
		sessionOf(c).SetFlash("ok", done+".")
		if action == "clients.block" {
			sessionOf(c).SetUndo(markedPath + "/undo?s=" + s.token)
		}
		reply.Redirect(c, clientsPath)
	}
}

// endMarked ends the connections of a selection that are still open.
func (a *Admin) endMarked(c *gin.Context, s *selection, _ string) (string, bool) {
	var conns []*presence.Connection
	for _, one := range s.clients {
		conns = append(conns, a.open(one.conns)...)
		a.noteAct(c, "kick", one.id, "")
	}
	a.node.Kick(conns...)
	return "Ended " + plural(len(conns), "connection") + " of " + plural(len(s.clients), "client"), true
}

// open returns the connections with these ids that are open.
func (a *Admin) open(ids []string) (conns []*presence.Connection) {
	for _, id := range ids {
		if conn := a.node.Registry.Connection(id); conn != nil {
			conns = append(conns, conn)
		}
	}
	return conns
}

func (a *Admin) blockMarked(c *gin.Context, s *selection, reason string) (string, bool) {
	d, allowed := blockTimeOf(c)
	back := s.page("block")
	if !allowed {
		a.failed(c, "clients.block", s.size(), back, blockHelp)
		return "", false
	}
	for i, one := range s.clients {
		if err := a.node.KeepAway(node.Target{ClientID: one.id}, d, sessionOf(c).User, reason); err != nil {
			a.failed(c, "clients.block", s.size(), back, "Blocked "+plural(i, "client")+". "+err.Error())
			return "", false
		}
		a.noteAct(c, "block", one.id, "")
	}
	return "Blocked " + plural(len(s.clients), "client") + " for " + durationText(d), true
}

// undoBlocks answers POST /admin/marked/undo.
func (a *Admin) undoBlocks(c *gin.Context, s *selection, _ string) (string, bool) {
	freed := 0
	for _, one := range s.clients {
		if a.node.LetBack(node.Target{ClientID: one.id}) {
			a.noteAct(c, "unblock", one.id, "")
			freed++
		}
	}
	return "The blocks of " + plural(freed, "client") + " are undone", true
}

// messageMarked sends an event to the live connections of a selection.
func (a *Admin) messageMarked(c *gin.Context, s *selection, _ string) (string, bool) {
	form, payload := a.readSend(c)
	if form.Error != "" {
		a.audited(c, "clients.message", s.size(), "failed", form.Error)
		a.showScreen(c, sessionOf(c), http.StatusBadRequest, func(v *pageRequest) (func() renderedPage, *reply.Fault) {
			v.send = form
			v.frame.Section, v.frame.Live = "clients", ""
			return func() renderedPage { return renderedPage{body: templates.Marked(a.markedView(v, s, "message"))} }, nil
		}, nil)
		return "", false
	}
	var ids []string
	for _, one := range s.clients {
		ids = append(ids, one.conns...)
		a.noteAct(c, "send", one.id, "")
	}
	got := a.sendToMany(c, ids, form.Type, payload)
	return "Sent " + form.Type + " to " + grouped(got) + " of " + plural(len(ids), "connection"), true
}
