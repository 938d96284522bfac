package templates

import (
	"strings"
	"time"
)

// ClientView is the page at /admin/clients/{clientId}.
type ClientView struct {
	AdminFrame
	ClientID    string
	Name        string // from its info; may be empty
	State       string // of an online client: "online", "behind" or "not reading"
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
	Lanes       []Lane   // newest first
	Charts      []Chart
	ChartsSince time.Time // when the charts' first value begins; zero before there is one
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
	State        string // "live", "catching up", "not reading", "unknown"
	EndHref      string // where the form that ends it is posted
}

// SendForm is the form that sends an event to one client, with its error.
type SendForm struct {
	Type, Payload string
	IsText        bool // the payload is text, not JSON
	Error         string
	Field         string // "type" or "payload"; the field the error is about
}

// TapView is the page at /admin/clients/{clientId}/tap: the events of the client's streams.
type TapView struct {
	AdminFrame
	ClientID string
	Back     string
	Online   bool
	Live     bool   // it is a stream's view; the page itself can't know what was sent
	Silent   string // names of servers that don't answer; "" for none
	Rows     []EventRow
}

// who names the client in a question.
func (v ClientView) who() string {
	text := visible(v.ClientID)
	if v.Name != "" {
		text = visible(v.Name) + " (" + text + ")"
	}
	return text + " with " + thousands(len(v.Connections)) + " " + plural(thousands(len(v.Connections)), "connection")
}

// state returns the word for a client's state, and its tone.
func (v ClientView) state() (word, tone string) {
	switch {
	case v.Leaving:
		return "leaving", "warn"
	case v.Online && v.State == "not reading":
		return v.State, "bad"
	case v.Online && v.State == "behind":
		return v.State, "warn"
	case v.Online:
		return "online", "ok"
	}
	return "offline", ""
}

// level returns the tone of a connection's state.
func (r ConnectionRow) level() string {
	switch r.State {
	case "live":
		return "ok"
	case "catching up":
		return "warn"
	case "not reading":
		return "bad"
	}
	return ""
}

// lastNumber is the part of the last id that differs between connections.
func (r ConnectionRow) lastNumber() string {
	if i := strings.LastIndexByte(r.LastID, '-'); i > 0 {
		return "…" + r.LastID[i:]
	}
	return r.LastID
}

func behindLevel(behind string, slow bool) string {
	switch {
	case slow:
		return "bad"
	case behind != "" && behind != "0" && behind != "–":
		return "warn"
	}
	return ""
}
