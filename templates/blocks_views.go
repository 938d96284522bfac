package templates

import "time"

// BlockRow is one blocked client.
type BlockRow struct {
	Key      string
	ClientID string
	Href     string
	Since    time.Time
	Until    time.Time
	By       string
	Reason   string // may be empty
	Refused  string // how often the client was refused
}

// BlocksView is the page at /admin/blocks.
type BlocksView struct {
	AdminFrame
	Rows     []BlockRow
	ClientID string // of the form
	Error    string
	BaseURL  string
}
