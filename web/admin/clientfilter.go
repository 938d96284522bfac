package admin

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"

	"rollcall/presence"
	"rollcall/templates"
	"rollcall/web/node"
)

// matchKind is the kind of question for connections of which only their own server has the figures.
const matchKind = "connection-match"

// mostMatched is how many connections one answer has.
const mostMatched = 10_000

// matchQuestion asks for the connections that match the terms about figures.
type matchQuestion struct {
	Filter string `json:"filter"`
}

type matchAnswer struct {
	Conns []string `json:"conns"`
	More  bool     `json:"more,omitempty"` // than mostMatched
}

// answerMatch answers matchQuestions.
func (a *Admin) answerMatch(q matchQuestion) (any, bool) {
	m := a.newMatcher(parseFilter(q.Filter), nil)
	var conns []*presence.Connection
	a.node.Registry.Each(func(r presence.Ref) {
		for _, c := range r.Connections() {
			if c.Handle != nil {
				conns = append(conns, c)
			}
		}
	})
	answer := matchAnswer{Conns: []string{}}
	for _, c := range conns {
		if !m.figures(c) {
			continue
		}
		if answer.More = len(answer.Conns) == mostMatched; answer.More {
			break
		}
		answer.Conns = append(answer.Conns, c.ID)
	}
	return answer, true
}

// matcher compares clients and connections with a filter. It is for one goroutine and a short time, as it remembers who
// is on which channels.
type matcher struct {
	a      *Admin
	filter *filter
	now    time.Time

	words     []func(id string) bool // by term; whether a client is on a channel that has the word
	on        []map[string]bool      // by term; the clients on a channel's matches
	agents    map[string]string      // by User-Agent: its short name, in lower case
	away      map[string]bool        // other servers' connections whose figures match; nil without such terms
	hasConn   bool                   // a term is about connections
	hasFigure bool                   // a term is about figures, which only a connection's server has
	note      string                 // what is missing, as other servers did not tell it; may be empty
}

// newMatcher returns a matcher that asks the other servers by ask, which is nil for none.
func (a *Admin) newMatcher(f *filter, ask *lookup[matchAnswer]) *matcher {
	m := &matcher{a: a, filter: f, now: time.Now(), agents: make(map[string]string)}
	m.words, m.on = make([]func(string) bool, len(f.terms)), make([]map[string]bool, len(f.terms))
	var figures []string
	for i := range f.terms {
		t := &f.terms[i]
		if t.key == "server" {
			a.checkServer(t, f.text)
		}
		if !t.isUsed() {
			continue
		}
		switch t.key {
		case "":
			word := strings.ToLower(t.value)
			set := sync.OnceValue(func() map[string]bool { return a.node.Registry.OnLike(word) })
			m.words[i] = func(id string) bool { return set()[id] }
		case "channel":
			m.on[i] = a.node.Registry.OnMatching(t.match)
		}
		m.hasConn = m.hasConn || t.isOfConnection()
		if t.isFigure() {
			m.hasFigure = true
			figures = append(figures, t.shown(f.text))
		}
	}
	if m.hasFigure && ask != nil {
		m.askOthers(ask, strings.Join(figures, " "))
	}
	return m
}

// askMatches returns the lookup of the other servers' answers for newMatcher.
func (a *Admin) askMatches() *lookup[matchAnswer] {
	return &lookup[matchAnswer]{node: a.node, kind: matchKind, every: resortEvery}
}

// checkServer says which servers there are, if the term names another one.
func (a *Admin) checkServer(t *term, text string) {
	var names []string
	for _, n := range a.nodeList() {
		if strings.EqualFold(n.Name, t.value) {
			return
		}
		names = append(names, n.Name)
	}
	if t.wrong == "" {
		t.wrong = "“" + t.shown(text) + "” is not used: no server has this name. The servers are " + strings.Join(names, ", ") + "."
	}
}

func (m *matcher) askOthers(ask *lookup[matchAnswer], figures string) {
	m.away = make(map[string]bool)
	answers := ask.ask(matchQuestion{figures})
	for _, answer := range answers {
		for _, id := range answer.Value.Conns {
			m.away[id] = true
		}
		if answer.Value.More {
			m.note = "More than " + grouped(mostMatched) + " connections of " + answer.Node + " match; some are missing here. "
		}
	}
	if silent := silentServers(m.a.node, answers); len(silent) > 0 {
		m.note += "No answer from " + strings.Join(silent, ", ") + ": connections there are missing here."
	}
}

// isFigure reports whether only a connection's own server can decide about the term.
func (t *term) isFigure() bool {
	return slices.Contains([]string{"behind", "events", "bytes"}, t.key) || t.key == "is" && (t.value == "slow" || t.value == "behind")
}

// isOfConnection reports whether the term is about a connection, and not about its client. One connection must satisfy
// all such terms.
func (t *term) isOfConnection() bool {
	return t.isFigure() || slices.Contains([]string{"proto", "channel", "agent", "server", "addr"}, t.key) || t.key == "is" && t.value == "anonymous"
}

// clients returns the clients that match, by their ids.
func (m *matcher) clients() []clientEntry {
	entries := slices.DeleteFunc(m.a.gatherClients(), func(e clientEntry) bool { return !m.client(&e) })
	slices.SortFunc(entries, func(x, y clientEntry) int {
		return cmp.Or(cmp.Compare(rankOf(x.conns), rankOf(y.conns)), natural(x.id, y.id))
	})
	return entries
}

// client reports whether a client matches.
func (m *matcher) client(e *clientEntry) bool {
	if !m.alone(e) {
		return false
	}
	return !m.hasConn || slices.ContainsFunc(e.conns, m.connection)
}

// connections returns a client's connections that match.
func (m *matcher) connections(e *clientEntry) []*presence.Connection {
	if !m.alone(e) {
		return nil
	}
	if !m.hasConn {
		return e.conns
	}
	return slices.DeleteFunc(slices.Clone(e.conns), func(c *presence.Connection) bool { return !m.connection(c) })
}

// alone compares a client with the terms that are about it, and not about its connections.
func (m *matcher) alone(e *clientEntry) bool {
	for i := range m.filter.terms {
		t := &m.filter.terms[i]
		if !t.isUsed() {
			continue
		}
		ok := true
		switch t.key {
		case "":
			ok = e.matches(strings.ToLower(t.value)) || m.words[i](e.id)
		case "channel":
			ok = m.on[i][e.id]
		case "is":
			ok = t.value != "leaving" || len(e.conns) == 0
		case "connections":
			ok = t.compare(float64(len(e.conns)))
		case "since":
			ok = t.compare(m.now.Sub(e.since).Seconds())
		case "info":
			value, _ := infoMember(e.info, t.member)
			ok = strings.EqualFold(value, t.value)
		}
		if !ok {
			return false
		}
	}
	return true
}

// connection compares a connection with the terms about connections.
func (m *matcher) connection(c *presence.Connection) bool {
	for i := range m.filter.terms {
		t := &m.filter.terms[i]
		if !t.isUsed() || !t.isOfConnection() || t.isFigure() {
			continue
		}
		ok := true
		switch t.key {
		case "is":
			ok = c.Anonymous
		case "proto":
			ok = strings.HasPrefix(strings.ToLower(c.Protocol), t.value)
		case "agent":
			ok = m.agentHas(c.UserAgent, strings.ToLower(t.value))
		case "server":
			ok = strings.EqualFold(c.Node, t.value)
		case "addr":
			ok = t.hasAddress(c.RemoteAddr)
		case "channel":
			ok = m.on[i][c.ClientID] && slices.ContainsFunc(m.a.node.Registry.On(c), t.match)
		}
		if !ok {
			return false
		}
	}
	if m.hasFigure && c.Handle == nil {
		return m.away[c.ID]
	}
	return m.figures(c)
}

// figures compares a connection of this server with the terms about figures.
func (m *matcher) figures(c *presence.Connection) bool {
	if !m.hasFigure {
		return true
	}
	at := node.ConnOf(c)
	if at == nil {
		return false
	}
	for i := range m.filter.terms {
		t := &m.filter.terms[i]
		ok := true
		switch {
		case !t.isUsed() || !t.isFigure():
		case t.key != "is":
			ok = t.compare(m.a.valueOf(c, t.key))
		case t.value == "slow":
			ok = at.Blocked()
		default:
			ok = !at.Live()
		}
		if !ok {
			return false
		}
	}
	return true
}

// agentHas reports whether a User-Agent or its short name has a text, which is in lower case.
func (m *matcher) agentHas(header, text string) bool {
	short, known := m.agents[header]
	if !known {
		short = strings.ToLower(header + "\n" + agentName(header))
		m.agents[header] = short
	}
	return strings.Contains(short, text)
}

// hasAddress reports whether an address is the term's, or in its network.
func (t *term) hasAddress(text string) bool {
	if !t.prefix.IsValid() {
		return strings.HasPrefix(text, t.value)
	}
	return node.Within(t.prefix, text)
}

// chips returns the filter's terms, each with the list without it.
func (f *filter) chips(q query, path string) []templates.Chip {
	var chips []templates.Chip
	for i := range f.terms {
		t := &f.terms[i]
		chips = append(chips, templates.Chip{
			Label: t.shown(f.text), Href: q.with(path, "q", f.without(t), "page", ""), Wrong: !t.isUsed(),
		})
	}
	return chips
}

// filterHelp lists the terms with examples.
func (a *Admin) filterHelp(path string) []templates.FilterTerm {
	var list []templates.FilterTerm
	for _, one := range [][2]string{
		{"is:slow", "takes no data now"}, {"is:behind", "has events still to get"}, {"behind:>100", "by so many"},
		{"channel:room.*", "on a channel, or on one of a pattern"}, {"agent:firefox", "with this program"},
		{"proto:http/1.0", "over this protocol"}, {termText("server", a.node.Name()), "connected to this server"}, {"addr:10.0.0.0/8", "from an address or a network"},
		{"since:<5m", "online for less, > for longer"}, {"info.team:blue", "with this in its info, info.team: without it"},
		{"connections:>1", "with so many"}, {"events:0", "was sent so many; bytes: too"},
		{"is:anonymous", "without an id of its own"}, {"is:leaving", "only its grace is left"},
	} {
		list = append(list, templates.FilterTerm{Term: one[0], About: one[1], Href: path + "?q=" + queryEscape(one[0])})
	}
	return list
}
