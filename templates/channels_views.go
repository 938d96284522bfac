package templates

import "time"

// ChannelsView is the page at /admin/channels.
type ChannelsView struct {
	AdminFrame
	Query   string
	Sort    string
	Columns []Column // those of ChannelColumns
	Rows    []ChannelRow
	Pager   Pager
	BaseURL string
}

// ChannelRow is one channel in a table.
type ChannelRow struct {
	Key         string // id of the row's element
	Name        string
	Href        string
	Pattern     bool // Name is a pattern that streams follow
	Clients     string
	Connections string
	Rate        string    // "12.5/s"
	Spark       []float64 // events per interval, oldest first
	SparkSpan   string    // the time of the sparkline: "15 min"
	LastType    string    // of the newest event; empty if none is kept
	LastAt      time.Time
	Events      string // kept
	Bytes       string // kept
}

// ChannelColumns are the columns of a table of channels in the order of its cells. The server sets Href and Sorted.
func ChannelColumns() []Column {
	return []Column{
		{Label: "Channel"}, {Label: "Rate", Numeric: true}, {Label: "Clients", Numeric: true},
		{Label: "Connections", Numeric: true}, {Label: "Last event"}, {Label: "Kept", Numeric: true},
		{Label: "Bytes", Numeric: true, Minor: true},
	}
}
