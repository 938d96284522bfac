package templates

// FindView is the page at /admin/find: what one search finds, of all kinds. With script it is shown in a dialog.
type FindView struct {
	AdminFrame
	Query  string
	Groups []FindGroup
	Error  string
}

// FindGroup is what was found of one kind.
type FindGroup struct {
	Label string
	Items []FindItem
}

// FindItem is one thing that was found.
type FindItem struct {
	Icon  string
	Title string
	Note  string // may be empty
	Href  string
	Of    string // the client or channel, for actions on it
}

// Fragments returns nil: the page is as it was asked for.
func (v FindView) Fragments() []Fragment { return nil }
