package templates

import (
	"cmp"
	"time"
)

// BlockRow is one blocked client or network.
type BlockRow struct {
	Key      string
	ClientID string
	Network  string // in place of ClientID
	Href     string
	Since    time.Time
	Until    time.Time
	By       string
	Reason   string // may be empty
	Refused  string // how often the client was refused
}

// title is what the row calls the client or the network, and field is its name in forms.
func (r BlockRow) title() string { return cmp.Or(r.Network, r.ClientID) }

func (r BlockRow) field() string {
	if r.Network != "" {
		return "network"
	}
	return "clientId"
}

// BlocksView is the page at /admin/blocks.
type BlocksView struct {
	AdminFrame
	Rows     []BlockRow
	ClientID string // of the form
	Error    string
	BaseURL  string
}
