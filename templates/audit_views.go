package templates

import "time"

// AuditRow is one action of a user.
type AuditRow struct {
	Key     string
	At      time.Time
	User    string
	Address string
	Server  string
	Action  string // "client.disconnect"
	Target  string
	Href    string // of the target; may be empty
	Result  string // "ok", "refused", "failed"
	Tone    string
	Detail  string
}

// AuditView is the page at /admin/audit.
type AuditView struct {
	AdminFrame
	Query    string
	Rows     []AuditRow // newest first
	Pager    Pager
	Kept     string // "the newest 10,000 entries are kept"
	Download string // href of the JSON lines

	Clustered bool // entries are of several servers, which are named
}
