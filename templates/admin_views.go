package templates

import (
	"time"

	"github.com/a-h/templ"
)

// AdminFrame is what every page of the admin UI shows around its content. Views are made by the
// server: counts, rates and sizes come formatted, times as times, for the page shows them in the
// viewer's zone.
type AdminFrame struct {
	Version string // "v1.2.3" or "dev"
	Node    string // the server's name
	Section string // of the navigation: "overview", "clients", "channels", "tail", "blocks", "audit", "server"; "" marks none
	Live    string // the page's own path and query, to follow at /admin/stream?page=; "" for a page that is not live
	Flash   Flash  // what the last action came to

	User   string
	Role   string // "viewer" or "operator"
	CanAct bool   // whether actions are offered
}

// Flash is the outcome of an action, shown once. The zero value shows nothing.
type Flash struct {
	Tone string // "ok", "warn" or "bad"
	Text string
}

// Fragment is a part of a page that is kept live: the element with this id. A list has Items, each
// an element with an id of its own, in order; its component renders it whole, items included.
type Fragment struct {
	ID    string
	Body  templ.Component
	Items []Fragment
}

// Figure is one number of a row of figures.
type Figure struct {
	ID    string // of the element, unique in the page
	Label string
	Value string // "12,431"
	Unit  string // "/s", "ms"; may be empty
	Note  string // a second line: "p50 0.4 ms"; may be empty
	Tone  string // "" for none, or "ok", "warn", "bad"
	Href  string // where it leads; may be empty
}

// Series is one line of a chart.
type Series struct {
	Name   string
	Tone   string    // "accent", "ok", "warn", "bad", "violet"
	Values []float64 // oldest first; NaN where no data
}

// Chart is a time series drawn as SVG.
type Chart struct {
	ID     string // of the element, unique in the page
	Title  string
	Unit   string // "/s", "ms", "B/s", "B"; how numbers are written follows from it
	Step   time.Duration
	End    time.Time // of the newest value
	Series []Series  // all of one length, at least one
}

// Warning is something that a person should look at, and what can be done.
type Warning struct {
	Key    string // unique among the warnings
	Tone   string // "warn" or "bad"
	Title  string
	Text   string
	Href   string // where to look; may be empty
	Action string // the link's text
}

// Moment is one thing that happened to a client.
type Moment struct {
	Key      string // unique in the list
	At       time.Time
	Kind     string // "join", "leave", "update", "open", "end", "return"
	Tone     string // "ok", "neutral", "warn", "bad"
	Text     string // "came online", "connection ended: slow"
	Code     string // reason code of an end; else empty
	ClientID string
	Href     string // to the client; empty on the client's own page, which doesn't name it
	Detail   string // address, connection; may be empty
}

// Column is a column of a table that can be sorted by.
type Column struct {
	Label   string
	Href    string // sorts by it; empty where that can't be done
	Sorted  string // "ascending", "descending" or ""
	Numeric bool   // right-aligned
	Minor   bool   // left out on narrow screens
}

// Pager says which part of a list is shown.
type Pager struct {
	Text       string // "51–100 of 20,000"
	Prev, Next string // hrefs; empty if there is none
}

// ChannelLink is a channel's name and where its page is.
type ChannelLink struct{ Name, Href string }

// OverviewView is the page at /admin.
type OverviewView struct {
	AdminFrame
	Figures  []Figure
	Range    string // "15m" or "24h"
	Ranges   []RangeLink
	Charts   []Chart
	Busiest  []ChannelRow
	News     []Moment // newest first
	Warnings []Warning
	BaseURL  string // for the curl lines of empty states
}

// RangeLink chooses the span of the charts.
type RangeLink struct {
	Label   string // "15 min"
	Href    string
	Current bool
}

// ClientsView is the page at /admin/clients.
type ClientsView struct {
	AdminFrame
	Query   string
	Sort    string   // kept when searching: the value of the form's hidden field; may be empty
	Columns []Column // those of ClientColumns
	Rows    []ClientRow
	Pager   Pager
	Total   int    // online, whatever the query
	BaseURL string // as in OverviewView
}

// ClientRow is one client in a table.
type ClientRow struct {
	Key         string // id of the row's element
	ClientID    string
	Href        string
	Info        string // one line, may be empty
	State       string // "online"; "leaving" while only its grace is left
	Connections string
	Channels    []ChannelLink // the first few
	More        int           // channels not among them
	Address     string
	Protocol    string
	Since       time.Time
	Events      string
	Bytes       string
	Behind      string // "0", "1,204"
	Slow        bool   // a connection takes nothing at present
}

// ClientView is the page at /admin/clients/{clientId}.
type ClientView struct {
	AdminFrame
	ClientID    string
	Base        string // path of the page; actions are posted below it: Base+"/disconnect", "/block", "/unblock", "/send"
	TapHref     string
	Online      bool
	Leaving     bool
	Info        string // indented JSON; may be empty
	Since       time.Time
	Figures     []Figure
	Connections []ConnectionRow
	Channels    []ChannelLink
	Timeline    []Moment // newest first
	Blocked     *BlockRow
	Send        SendForm
	BaseURL     string // as in OverviewView
}

// ConnectionRow is one connection of a client.
type ConnectionRow struct {
	Key          string // id of the row's element
	ConnectionID string
	Address      string
	Agent        string // short: "Chrome 148 on Linux"
	UserAgent    string // whole
	Protocol     string
	Node         string
	Since        time.Time
	Channels     []ChannelLink
	More         int
	Events       string
	Bytes        string
	LastID       string
	Behind       string
	State        string // "live", "catching up", "not reading"
	EndHref      string // where ending it is posted to
}

// SendForm is the form that sends an event to one client, with what was wrong with it.
type SendForm struct {
	Type, Payload string
	Error         string
	Field         string // "type" or "payload"; the field the error is about
}

// TapView is the page at /admin/clients/{clientId}/tap: what the client's streams get.
type TapView struct {
	AdminFrame
	ClientID string
	Back     string
	Online   bool
	Rows     []EventRow
}

// ChannelsView is the page at /admin/channels.
type ChannelsView struct {
	AdminFrame
	Query   string
	Sort    string
	Columns []Column // those of ChannelColumns
	Rows    []ChannelRow
	Pager   Pager
	BaseURL string
}

// ChannelRow is one channel in a table.
type ChannelRow struct {
	Key         string // id of the row's element
	Name        string
	Href        string
	Clients     string
	Connections string
	Rate        string    // "12.5/s"
	Spark       []float64 // events per interval, oldest first
	SparkSpan   string    // what the sparkline spans: "15 min"
	LastType    string    // of the newest event; empty where none is kept
	LastAt      time.Time
	Events      string // kept
	Bytes       string // kept
}

// ChannelView is the page at /admin/channels/{name}.
type ChannelView struct {
	AdminFrame
	Name     string
	Base     string // path of the page; actions are posted below it: Base+"/publish", "/purge"
	Figures  []Figure
	Rate     Chart
	Members  []MemberRow
	More     int // members not listed
	AllHref  string
	History  []EventRow // newest first
	Older    string     // href; may be empty
	Newest   string     // href of the newest events; empty on that page, the only one that new events are added to
	HasGap   bool       // events between this page of history and the next were dropped
	Publish  PublishForm
	CanPurge bool
	Tail     TailControls
	BaseURL  string
}

// MemberRow is a client on a channel's page.
type MemberRow struct {
	Key, ClientID, Href, Info string
}

// EventRow is one event in a list.
type EventRow struct {
	Key     string // id of the element
	ID      string // position
	Channel string
	Href    string // of the channel; may be empty
	Type    string
	Payload string // indented JSON
	Line    string // the payload on one line, cut if long
	At      time.Time
	Open    bool // the payload is shown unfolded unless it is long: on a channel's page
	Notice  bool // the server's own: registered, gap, goodbye …
}

// PublishForm is the form on a channel's page, with what was wrong with it.
type PublishForm struct {
	Mode    string // "one" or "batch"
	Type    string
	Payload string
	Batch   string // JSON as POST /publish takes it
	Error   string // the server's own message
	Field   string // the field the error is about: "type", "payload", "batch"
}

// TailControls are what a live tail was asked for.
type TailControls struct {
	Action   string // path that the form leads to
	Channels string // comma list or patterns; empty means all
	Filter   string
	Curl     string // the same from a terminal
}

// TailView is the page at /admin/tail.
type TailView struct {
	AdminFrame
	Tail    TailControls
	Rows    []EventRow // newest first
	BaseURL string     // as in OverviewView
}

// BlockRow is one client that is kept away.
type BlockRow struct {
	Key      string
	ClientID string
	Href     string
	Since    time.Time
	Until    time.Time
	By       string
	Refused  string // how often it was turned away
}

// BlocksView is the page at /admin/blocks.
type BlocksView struct {
	AdminFrame
	Rows     []BlockRow
	ClientID string // of the form
	Error    string
	BaseURL  string
}

// AuditRow is one thing that somebody did.
type AuditRow struct {
	Key     string
	At      time.Time
	User    string
	Address string
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
}

// LoginView is the page at /admin/login.
type LoginView struct {
	Version  string
	Username string
	Next     string // path to go on to; may be empty
	Error    string
	Notice   string        // "Your session has expired."
	Wait     time.Duration // before the next attempt; 0 for none
	Hint     string        // where the password is to be found; may be empty
}
