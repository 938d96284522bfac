package templates

import "time"

// ClientsView is the page at /admin/clients.
type ClientsView struct {
	AdminFrame
	Query   string
	Sort    string   // kept when searching: the value of the form's hidden field; may be empty
	Columns []Column // those of ClientColumns
	Rows    []ClientRow
	Pager   Pager
	Total   int    // online, independent of the query
	BaseURL string // as in OverviewView
}

// ClientRow is one client in a table.
type ClientRow struct {
	Key         string // id of the row's element
	ClientID    string
	Href        string
	Info        string // one line, may be empty
	State       string // "online"; "leaving" if only its grace is left
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

// ClientColumns are the columns of a table of clients in the order of its cells. The server sets Href and Sorted.
func ClientColumns() []Column {
	return []Column{
		{Label: "Client"}, {Label: "Connections", Numeric: true}, {Label: "Channels"}, {Label: "Address"},
		{Label: "Online since"}, {Label: "Events", Numeric: true}, {Label: "Bytes", Numeric: true, Minor: true},
		{Label: "Behind", Numeric: true},
	}
}
