package templates

import "time"

// RefusedView is the page at /admin/refused.
type RefusedView struct {
	AdminFrame
	Query     string
	Rows      []RefusedRow // newest first
	Pager     Pager
	Clustered bool   // each row names its server
	Silent    string // which servers have not told theirs; may be empty
}

// RefusedRow is a refused request, or several alike.
type RefusedRow struct {
	Key         string
	First, Last time.Time
	Count       string
	Repeated    bool
	Address     string
	Server      string
	Request     string // "GET /subscribe"
	Identity    string
	Status      string
	Code        string
	Reason      string
	Tone        string
	Header      string // the token's algorithm and key
	Token       string // its claims; "" without a token
}

// Fragments returns the live parts of the page.
func (v RefusedView) Fragments() []Fragment {
	var rows []Fragment
	for _, r := range v.Rows {
		rows = append(rows, Fragment{ID: r.Key, Body: refusedRow(r, v)})
	}
	return []Fragment{
		{ID: "refused-silent", Body: refusedSilent(v)},
		{ID: "refused-rows", Body: refusedRows(v), Items: orEmpty(rows, Fragment{ID: "refused-empty", Body: refusedEmpty(v)})},
		{ID: "refused-pager", Body: pager("refused-pager", v.Pager)},
	}
}

// TokenView is the page at /admin/token.
type TokenView struct {
	AdminFrame
	Verdict *Verdict // on the token that was tried; nil for none
}

// Verdict is what a credential allows.
type Verdict struct {
	Problem    string // why it is not accepted; "" if it is
	Algorithm  string // of a token
	KeyID      string
	Claims     string // of a token: indented JSON
	Kind       string // "token" or "key"
	Name       string
	ClientID   string
	Info       string // JSON
	Expires    time.Time
	Admin      bool
	NoChannels bool
	Allowed    []Allowed
}

// Allowed are the channels of one right.
type Allowed struct {
	What     string
	Channels string // patterns; "" for none
}

// Fragments returns nil: nothing of the page is live.
func (v TokenView) Fragments() []Fragment { return nil }
