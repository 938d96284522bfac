package templates

import "time"

// ClientsView is the page at /admin/clients.
type ClientsView struct {
	AdminFrame
	Query   string
	Channel string   // only its members are listed; "" for all clients
	Sort    string   // kept when searching: the value of the form's hidden field; may be empty
	Columns []Column // those of ClientColumns
	Rows    []ClientRow
	Pager   Pager
	Past    []Moment // of a search: who has left within the hour
	Total   int      // online, independent of the query
	BaseURL string   // as in OverviewView
}

// ClientRow is one client in a table.
type ClientRow struct {
	Key         string // id of the row's element
	ClientID    string
	Href        string
	Name        string // from its info; may be empty
	Info        string // the rest of it on one line, may be empty
	State       string // "online", "behind" or "not reading"; "leaving" if only its grace is left
	Connections string
	Channels    []ChannelLink // the first few
	More        int           // channels not among them
	Address     string
	Protocol    string
	Since       time.Time
	Events      string
	Bytes       string
	Behind      string // "0", "1,204"
	Slow        bool   // a connection currently takes nothing
}

// level returns the tone of a client's state.
func (r ClientRow) level() string {
	switch r.State {
	case "not reading":
		return "bad"
	case "leaving", "behind":
		return "warn"
	}
	return "ok"
}

// title is what the row calls the client, and note the line below.
func (r ClientRow) title() string {
	if r.Name != "" {
		return r.Name
	}
	return r.ClientID
}

func (r ClientRow) note() string {
	switch {
	case r.Name == "":
		return r.Info
	case r.Info == "":
		return r.ClientID
	}
	return r.ClientID + " · " + r.Info
}

// ClientColumns are the columns of a table of clients in the order of its cells. The server sets Href and Sorted.
func ClientColumns() []Column {
	return []Column{
		{Label: "Client"}, {Label: "Connections", Numeric: true}, {Label: "Channels"}, {Label: "Address"},
		{Label: "Online since"}, {Label: "Events", Numeric: true}, {Label: "Bytes", Numeric: true, Minor: true},
		{Label: "Behind", Numeric: true},
	}
}
