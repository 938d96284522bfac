package admin

import (
	"fmt"

	"rollcall/hub"
	"rollcall/templates"
	"rollcall/web/node"
)

// moments returns entries of the journal as the pages show them.
func (a *Admin) moments(entries []node.JournalEntry, linked bool) []templates.Moment {
	list := make([]templates.Moment, 0, len(entries))
	for i := range entries {
		list = append(list, a.moment(&entries[i], linked))
	}
	return list
}

func (a *Admin) moment(h *node.JournalEntry, linked bool) templates.Moment {
	m := templates.Moment{
		Key: keyOf(fmt.Sprint(h.Node, h.Seq)), At: h.At, Kind: h.Kind, Tone: "neutral", ClientID: h.ClientID, Code: h.Code, Detail: h.Addr,
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
	case "resume":
		m.Tone, m.Text = "ok", "resumed after "+a.node.IDOf(h.From)+", got "+plural(int(h.Events), "event")
		if h.Gaps > 0 {
			m.Tone, m.Text = "warn", m.Text+" and "+plural(h.Gaps, "gap")
		}
	case "gap":
		m.Tone, m.Text = "warn", "was told of "+plural(h.Gaps, "gap")
	case "behind":
		m.Tone, m.Text = "warn", "was behind for "+durationText(h.Lasted)+", then got "+plural(int(h.Events), "event")
	case "end":
		m.Text = endText(h.Code)
		if h.Code == hub.Slow.Code || h.Code == hub.Kicked.Code || h.Code == hub.Limited.Code {
			m.Tone = "warn"
		}
	case "kick":
		m.Tone, m.Text = "warn", "connections were ended by "+h.By
	case "block":
		m.Tone, m.Text = "bad", "was blocked by "+h.By
	case "unblock":
		m.Text = "was unblocked by " + h.By
	case "send":
		m.Text = "was sent an event by " + h.By
	}
	if h.ConnID != "" {
		m.Detail = "connection " + shortID(h.ConnID)
		if a.node.Cluster != nil {
			m.Detail += " on " + h.Node
		}
		if h.Kind == "open" || h.Kind == "return" {
			m.Detail += ", " + h.Addr
		}
	}
	if linked {
		m.Href = adminLink("clients", h.ClientID)
	}
	return m
}

// shortID is the beginning of a connection's id, enough to tell those of one client apart.
func shortID(id string) string { return id[:min(len(id), 8)] }

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
