package templates

// GroupsView is the page at /admin/clients?group=…: groups of clients in place of their rows.
type GroupsView struct {
	ClientsView
	By       string // what they are grouped by: "Network"
	Size     string // "412 groups"
	Groups   []GroupRow
	Others   string // groups that are not listed; may be empty
	CanBlock bool   // groups are networks, and can be blocked
}

// GroupRow is a group of connections and their clients.
type GroupRow struct {
	Key         string
	Name        string
	Href        string // the list of its clients; may be empty
	Clients     string
	Connections string
	Behind      string // connections that are
	Silent      string // connections that take no data
	Block       string // the page that blocks it; may be empty
}

// Fragments returns the live parts of the page.
func (v GroupsView) Fragments() []Fragment {
	var rows []Fragment
	for _, r := range v.Groups {
		rows = append(rows, Fragment{ID: r.Key, Body: groupRow(r, v.CanBlock)})
	}
	parts := []Fragment{
		{ID: "clients-total", Body: countBadge("clients-total", v.Total, "online")},
		{ID: "groups-rows", Body: groupRows(v), Items: orEmpty(rows, Fragment{ID: "groups-empty", Body: groupsEmpty(v)})},
		{ID: "groups-size", Body: groupsSize(v)},
		{ID: "groups-others", Body: groupsOthers(v)},
		{ID: "filter-note", Body: filterNote(v.ClientsView)},
	}
	if v.Query != "" {
		parts = append(parts, Fragment{ID: "clients-matching", Body: matching(v.ClientsView)})
	}
	return parts
}
