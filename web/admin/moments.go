package admin

import (
	"fmt"

	"rollcall/hub"
	"rollcall/templates"
	"rollcall/web/node"
)

// moments returns the newest events of clients as the pages show them.
func (a *Admin) moments(n int, linked bool, want func(*node.JournalEntry) bool) []templates.Moment {
	var list []templates.Moment
	for _, h := range a.node.Journal.Newest(n, want) {
		m := templates.Moment{
			Key: fmt.Sprintf("m%d", h.Seq), At: h.At, Kind: h.Kind, Tone: "neutral", ClientID: h.ClientID, Code: h.Code, Detail: h.Addr,
		}
		switch h.Kind {
		case "join":
			m.Tone, m.Text = "ok", "came online"
		case "leave":
			m.Text = "went offline"
		case "open":
			m.Text = "opened a connection"
		case "return":
			m.Tone, m.Text = "ok", "reconnected within its grace"
		case "end":
			m.Text = endText(h.Code)
			if h.Code == hub.Slow.Code || h.Code == hub.Kicked.Code || h.Code == hub.Limited.Code {
				m.Tone = "warn"
			}
		}
		if linked {
			m.Href = adminLink("clients", h.ClientID)
		}
		list = append(list, m)
	}
	return list
}

// endText describes how a connection ended.
func endText(code string) string {
	switch code {
	case hub.Gone.Code:
		return "closed a connection"
	case hub.Slow.Code:
		return "connection ended: it took no data"
	case hub.Kicked.Code:
		return "connection ended by an operator"
	case hub.Draining.Code:
		return "connection ended: draining"
	}
	return "connection ended"
}
