package templates

import "cmp"

// ChannelView is the page at /admin/channels/{name}.
type ChannelView struct {
	AdminFrame
	Name     string
	Base     string // path of the page; actions are posted below it: Base+"/publish", "/purge"
	Figures  []Figure
	Rate     Chart
	Ranges   []RangeLink // of the chart
	Members  []MemberRow
	More     int // members not listed
	AllHref  string
	History  []EventRow // newest first
	Older    string     // href; may be empty
	Newer    string     // href; may be empty
	At       string     // the place in the history as written: an id or a time
	AtError  string
	Newest   string // href of the newest events; empty on their own page, the only one that adds new events
	HasGap   bool   // events between this page of history and the next were dropped
	Publish  PublishForm
	CanPurge bool
	Ended    bool // the channel takes no more events
	Tail     TailControls
	BaseURL  string
}

// MemberRow is a client on a channel's page.
type MemberRow struct {
	Key, ClientID, Href string
	Name                string // from its info; may be empty
	Info                string // the rest of it on one line, may be empty
}

// title is what the row calls the client, and note what follows.
func (r MemberRow) title() string { return cmp.Or(r.Name, r.ClientID) }

func (r MemberRow) note() string {
	if r.Name != "" {
		return r.ClientID
	}
	return r.Info
}

// PublishForm is the form on a channel's page, with its error.
type PublishForm struct {
	Mode    string // "one" or "batch"
	Type    string
	Payload string
	End     bool   // the channel ends with the event
	IsText  bool   // the payload is text, not JSON
	Batch   string // JSON as POST /publish takes it
	Error   string // the server's own message
	Field   string // the field the error is about: "type", "payload", "batch"
}

// samplePayloadJSON is the initial payload of the form.
const samplePayloadJSON = `{"text": "Hello, roll call!"}`

// curl returns a command that shows the same as the page.
func (v ChannelView) curl() string {
	if v.Tail.Curl != "" {
		return v.Tail.Curl
	}
	return subscribeLine(v.BaseURL, v.Name, "curl")
}
