package admin

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"rollcall/templates"
	"rollcall/web/node"
)

// pastKind is the kind of question for what a server remembers of a time.
const pastKind = "past"

// mostPast is how many entries of the journal a server tells, and of how many clients.
const mostPast = 50

// pastQuestion asks what happened to clients between two times.
type pastQuestion struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// past is what happened to clients: how often, to whom, and the newest that concern an operator.
type past struct {
	Since   time.Time           `json:"since"` // what was before is forgotten
	Counts  map[string]int      `json:"counts"`
	Clients []troubled          `json:"clients"` // those with the most trouble
	Entries []node.JournalEntry `json:"entries"` // newest first

	silent []string // servers without an answer
}

// answerPast answers pastQuestions.
func (a *Admin) answerPast(q pastQuestion) (any, bool) { return a.ownPast(q), true }

// ownPast is what this server remembers.
func (a *Admin) ownPast(q pastQuestion) past {
	p := past{Counts: make(map[string]int)}
	p.Since = a.node.Journal.Since(a.node.Started)
	clients := newTroubles()
	a.node.Journal.Each(func(h *node.JournalEntry) bool {
		if h.At.Before(q.From) || !h.At.Before(q.To) {
			return true
		}
		kind := trouble(h)
		switch {
		case kind != "":
			p.Counts[kind]++
			clients.add(h)
		case h.Kind == "join", h.Kind == "leave":
			p.Counts[h.Kind]++
			return true
		case h.By == "":
			return true
		}
		if len(p.Entries) < mostPast {
			p.Entries = append(p.Entries, *h)
		}
		return true
	})
	p.Clients = clients.list()
	p.sort()
	return p
}

// sort puts those with the most trouble first, and bounds their number.
func (p *past) sort() {
	slices.SortFunc(p.Clients, func(x, y troubled) int {
		return cmp.Or(y.total()-x.total(), cmp.Compare(x.ClientID, y.ClientID))
	})
	p.Clients = p.Clients[:min(len(p.Clients), mostPast)]
	slices.SortStableFunc(p.Entries, func(x, y node.JournalEntry) int { return y.At.Compare(x.At) })
	p.Entries = p.Entries[:min(len(p.Entries), mostPast)]
}

// pastOf returns what all servers remember. Joins and leaves are those of all servers in each journal.
func (a *Admin) pastOf(from, to time.Time) past {
	q := pastQuestion{from, to}
	p := a.ownPast(q)
	if a.node.Cluster == nil {
		return p
	}
	clients := newTroubles()
	clients.merge(p.Clients)
	answers := node.Ask[past](context.Background(), a.node, "", pastKind, q)
	p.silent = silentServers(a.node, answers)
	for _, answer := range answers {
		other := &answer.Value
		if other.Since.After(p.Since) {
			p.Since = other.Since
		}
		for kind, n := range other.Counts {
			if kind != "join" && kind != "leave" {
				p.Counts[kind] += n
			}
		}
		p.Entries = append(p.Entries, other.Entries...)
		clients.merge(other.Clients)
	}
	p.Clients = clients.list()
	p.sort()
	return p
}

// figures are the counts.
func (p *past) figures() []templates.Figure {
	figure := func(id, label, kind string) templates.Figure {
		n := p.Counts[kind]
		return templates.Figure{ID: "fig-" + id, Label: label, Value: grouped(n), Tone: warnIf(n > 0 && kind != "join")}
	}
	came := figure("joins", "Came online", "join")
	came.Note = grouped(p.Counts["leave"]) + " went offline"
	return []templates.Figure{came, figure("slow", "Ended as slow", "slow"), figure("gaps", "Gaps", "gap"), figure("kicked", "Kicked", "kicked"), figure("limited", "Over a limit", "limited")}
}

// troubleWords are the counts of a client in words.
var troubleWords = []struct{ kind, one, more string }{
	{"slow", "ended as slow", "times ended as slow"}, {"gap", "told of a gap", "times told of a gap"},
	{"behind", "behind for seconds", "times behind for seconds"}, {"kicked", "kicked", "times kicked"}, {"limited", "over a limit", "times over a limit"},
}

// troubled lists the clients with the most trouble. They lead to what was there for them.
func (p *past) troubled(from, to time.Time) (list []templates.Moment) {
	q := "from=" + queryEscape(from.UTC().Format(time.RFC3339)) + "&to=" + queryEscape(to.UTC().Format(time.RFC3339))
	for i := range p.Clients[:min(len(p.Clients), periodShown)] {
		t := &p.Clients[i]
		var words []string
		for _, w := range troubleWords {
			switch n := t.Counts[w.kind]; {
			case n == 1:
				words = append(words, w.one)
			case n > 1:
				words = append(words, grouped(n)+" "+w.more)
			}
		}
		list = append(list, templates.Moment{
			Key: fmt.Sprint(i), Clock: true, Tone: "warn", ClientID: t.ClientID, Text: strings.Join(words, ", "),
			Href: withQuery(below(adminLink("clients", t.ClientID), "between"), q),
		})
	}
	return list
}

// withQuery adds an encoded query to a path that may have one.
func withQuery(path, q string) string {
	if strings.Contains(path, "?") {
		return path + "&" + q
	}
	return path + "?" + q
}

// largest returns at most n keys with the largest values, the largest first.
func largest(values map[string]float64, n int) []string {
	names := slices.Sorted(maps.Keys(values))
	slices.SortStableFunc(names, func(x, y string) int { return cmp.Compare(values[y], values[x]) })
	return names[:min(n, len(names))]
}
