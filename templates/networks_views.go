package templates

// NetworkView is the page at /admin/blocks/network: whom a block of an address or a network is about, before it happens.
type NetworkView struct {
	AdminFrame
	Network string // as it was given
	Error   string // what is wrong with it; may be empty
	Found   bool   // the network is one; the rest is of it
	Size    string // "214 connections of 180 clients"
	Rows    []MemberRow
	More    int      // clients not among them
	Clients string   // href of the list of them
	Dangers []string // why the block must be confirmed
}

// Fragments returns nil: the page shows what was found.
func (v NetworkView) Fragments() []Fragment { return nil }
