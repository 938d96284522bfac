package admin

import (
	"rollcall/hub"
	"rollcall/templates"
	"rollcall/web/node"
)

// newsKinds are what the overview can list of the journal. Joins and leaves are those of all servers, the rest are this
// server's.
var newsKinds = []struct {
	name, label string
	has         func(h *node.JournalEntry) bool
}{
	{"", "Joins, leaves", func(h *node.JournalEntry) bool { return h.Kind == "join" || h.Kind == "leave" }},
	{"slow", "Slow", func(h *node.JournalEntry) bool { return h.Kind == "end" && h.Code == hub.Slow.Code }},
	{"gaps", "Gaps", func(h *node.JournalEntry) bool { return h.Gaps > 0 }},
	{"kicked", "Kicked", func(h *node.JournalEntry) bool { return h.Kind == "end" && h.Code == hub.Kicked.Code }},
}

// newsPath is the overview with a list of the journal.
func newsPath(kind string) string { return Path + "?news=" + kind + "#news-title" }

// fillNews sets the overview's list of the journal.
func (a *Admin) fillNews(view *templates.OverviewView, q query) {
	kind := newsKinds[0]
	for _, k := range newsKinds[1:] {
		if k.name == q.Get("news") {
			kind = k
		}
	}
	view.NewsOf = ""
	if kind.name != "" && a.node.Cluster != nil {
		view.NewsOf = "of " + a.node.Name()
	}
	view.Kinds = view.Kinds[:0]
	for _, k := range newsKinds {
		view.Kinds = append(view.Kinds, templates.RangeLink{Label: k.label, Href: q.with(Path, "news", k.name) + "#news-title", Current: k.name == kind.name})
	}
	view.News = a.moments(a.node.Journal.Newest(12, kind.has), true)
}
