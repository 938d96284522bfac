package templates

import "time"

// SessionsView is the page at /admin/sessions.
type SessionsView struct {
	AdminFrame
	Rows      []SessionRow
	All       bool   // the sessions of all users are listed
	Clustered bool   // each row names its server
	Silent    string // which servers have not told their sessions; may be empty
}

// SessionRow is one login.
type SessionRow struct {
	Key         string // id of the row's element
	ID          string // for the form that ends it
	User, Role  string
	Since, Seen time.Time
	Address     string
	Agent       string
	Server      string
	Current     bool
}

// question is asked before a session is ended.
func (r SessionRow) question() string {
	if r.Current {
		return "End this session? You are logged out."
	}
	return "End the session of " + visible(r.User) + " at " + visible(r.Address) + "? Its pages close, and it needs a new login."
}

// Fragments returns the live parts of the page.
func (v SessionsView) Fragments() []Fragment {
	var rows []Fragment
	for _, r := range v.Rows {
		rows = append(rows, Fragment{ID: r.Key, Body: sessionRow(r, v.Clustered)})
	}
	return []Fragment{
		{ID: "sessions-total", Body: countBadge("sessions-total", len(v.Rows), "logged in")},
		{ID: "sessions-rows", Body: sessionRows(v), Items: rows},
	}
}
