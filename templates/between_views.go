package templates

import "time"

// BetweenView is the page at /admin/clients/{clientId}/between: what was there for a client between two times.
type BetweenView struct {
	AdminFrame
	ClientID string
	Name     string // from its info; may be empty
	Base     string // path of the page
	Back     string // path of the client's page
	Channels string // names and patterns
	From, To string // as written
	Error    string

	Asked        bool // the rest is set
	Since, Until time.Time
	Rows         []EventRow // oldest first
	Moments      []Moment   // oldest first
	Notes        []string   // what is not known
}

// who is what the page calls the client.
func (v BetweenView) who() string {
	if v.Name != "" {
		return v.Name
	}
	return v.ClientID
}

// Fragments returns nil: the page is about the past.
func (v BetweenView) Fragments() []Fragment { return nil }
