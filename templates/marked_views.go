package templates

// MarkedView is the page at /admin/marked: the clients that were chosen for an action, before it happens.
type MarkedView struct {
	AdminFrame
	Token       string
	Do          string // "end", "block" or "message"
	Size        string // "214 connections of 180 clients on 3 servers"
	Connections string // "214 connections"
	Clients     string // "180 clients"
	Filter      string // of the connections; may be empty
	Note        string // what is missing; may be empty
	Rows        []MemberRow
	More        int // clients not among them
	Back        string
	Send        SendForm // as it was filled in
}

// Fragments returns nil: the page shows what was chosen.
func (v MarkedView) Fragments() []Fragment { return nil }

func (v MarkedView) action() string {
	if v.Do == "block" || v.Do == "message" {
		return v.Do
	}
	return "end"
}

func (v MarkedView) title() string {
	return map[string]string{"block": "Block", "message": "Message", "end": "End connections"}[v.action()]
}

// button is what the button says that does it.
func (v MarkedView) button() string {
	switch v.action() {
	case "block":
		return "Block " + v.Clients
	case "message":
		return "Send to " + v.Connections
	}
	return "End " + v.Connections
}
