package admin

import (
	"slices"
	"strings"

	"rollcall/presence"
	"rollcall/templates"
)

// shownColumns returns the columns of the list of clients that the page's address names, by their sort keys; without any,
// the usual ones. The first one is always shown.
func shownColumns(q query) map[string]bool {
	shows := make(map[string]bool)
	for _, name := range strings.Split(strings.Join(q.Values["cols"], ","), ",") {
		known := func(c sortColumn) bool { return c.sort == name }
		if slices.ContainsFunc(clientColumns[1:], known) || slices.ContainsFunc(moreColumns, known) {
			shows[name] = true
		}
	}
	if len(shows) == 0 {
		for _, c := range clientColumns[1:] {
			shows[c.sort] = true
		}
	}
	return shows
}

// setColumns sets the heads of the table, and the choice of columns. Usual columns that are not shown stay in the table,
// hidden, so that its sheets can count on their places.
func (p *clientsPage) setColumns(view *templates.ClientsView) {
	heads := slices.Clone(clientColumns)
	var hidden []string
	for _, c := range clientColumns[1:] {
		view.Choices = append(view.Choices, templates.ColumnChoice{Name: c.sort, Label: c.label, Shown: p.shows[c.sort]})
		if !p.shows[c.sort] {
			hidden = append(hidden, c.sort)
		}
	}
	for _, c := range moreColumns {
		view.Choices = append(view.Choices, templates.ColumnChoice{Name: c.sort, Label: c.label, Shown: p.shows[c.sort]})
		if p.shows[c.sort] {
			heads = append(heads, c)
		}
	}
	view.Hidden, view.KeepColumns = strings.Join(hidden, " "), p.keep("q", "sort", "rows")
	view.Columns = p.columns(clientsPath, heads, "id")
}

// extraCells returns a client's cells of moreColumns.
func (p *clientsPage) extraCells(conns []*presence.Connection) (cells []templates.ExtraCell) {
	for _, c := range moreColumns {
		if !p.shows[c.sort] {
			continue
		}
		var values []string
		for _, conn := range conns {
			value := conn.Node
			if c.sort == "agent" {
				value = p.agentOf(conn)
			}
			if !slices.Contains(values, value) {
				values = append(values, value)
			}
		}
		cells = append(cells, templates.ExtraCell{Label: c.label, Text: strings.Join(values, ", ")})
	}
	return cells
}

// agentOf returns the name of a connection's program.
func (p *clientsPage) agentOf(conn *presence.Connection) string {
	name, known := p.agents[conn.UserAgent]
	if !known {
		name = agentName(conn.UserAgent)
		p.agents[conn.UserAgent] = name
	}
	return name
}

// keep returns these values of the page's address, for the hidden fields of a form.
func (p *clientsPage) keep(names ...string) (list []templates.Kept) {
	for _, name := range names {
		if value := strings.Join(p.v.query.Values[name], ","); value != "" {
			list = append(list, templates.Kept{Name: name, Value: value})
		}
	}
	return list
}
