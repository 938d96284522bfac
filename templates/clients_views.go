package templates

import "time"

// ClientsView is the page at /admin/clients.
type ClientsView struct {
	AdminFrame
	Query       string
	Chips       []Chip       // the words and terms of the query
	Matching    string       // of a query: "214 match"
	Problems    []string     // what is wrong with the query's terms
	Note        string       // what is missing in the rows; may be empty
	AllMatching string       // "All 214"
	CSV, JSON   string       // exports of what matches
	Help        []FilterTerm // what can be filtered by
	Cleared     string       // href without the query
	Keep        []Kept       // of the address, when searching
	Groupings   []PageLink   // what clients can be grouped by
	Columns     []Column     // those of ClientColumns, then of ExtraCells
	Hidden      string       // columns of ClientColumns that are not shown, by their sort keys
	Choices     []ColumnChoice
	KeepColumns []Kept // of the address, when columns are chosen
	Rows        []ClientRow
	Pager       Pager
	HasPast     bool     // the query may be the id of a client that has left
	Past        []Moment // who has left within the hour
	Total       int      // online, independent of the query
	BaseURL     string   // as in OverviewView
}

// ColumnChoice is a column that can be shown.
type ColumnChoice struct {
	Name, Label string
	Shown       bool
}

// ExtraCell is a cell of a column beside the usual ones.
type ExtraCell struct{ Label, Text string }

// Chip is a word or term of a search.
type Chip struct {
	Label string
	Href  string // the list without it
	Wrong bool   // it has no effect
}

// FilterTerm is a term that a list can be filtered by.
type FilterTerm struct {
	Term  string // an example
	About string
	Href  string // the list filtered by it alone
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
	CanMark     bool
	Extra       []ExtraCell
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

// ClientColumns are the usual columns of a table of clients in the order of its cells. The server sets Href and Sorted.
func ClientColumns() []Column {
	return []Column{
		{Label: "Client"}, {Label: "Connections", Numeric: true}, {Label: "Channels"}, {Label: "Address"},
		{Label: "Online since"}, {Label: "Events", Numeric: true}, {Label: "Bytes", Numeric: true, Minor: true},
		{Label: "Behind", Numeric: true},
	}
}
