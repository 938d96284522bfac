package admin

import (
	"cmp"
	"slices"
	"time"

	"rollcall/hub"
	"rollcall/presence"
	"rollcall/templates"
	"rollcall/web/node"
)

// Of a client's connections, the page draws those of lanesSpan, at most mostLanes, and anew each lanesEvery.
const (
	lanesSpan = 15 * time.Minute
	mostLanes = 12

	lanesEvery = 5 * time.Second
)

// lanes draws a client's connections of the last minutes, the newest first.
func (a *Admin) lanes(conns []*presence.Connection, st *states, entries []node.JournalEntry) (list []templates.Lane) {
	now := time.Now().Truncate(lanesEvery) // a live page is not sent all lanes with each turn
	begin := now.Add(-lanesSpan)
	byID := make(map[string]*templates.Lane)
	lane := func(id, server string) *templates.Lane {
		l := byID[id]
		if l == nil {
			l = &templates.Lane{Key: "lane-" + id, ConnectionID: shortID(id), Node: server, Span: lanesSpan, End: now, From: begin, To: now}
			byID[id] = l
		}
		return l
	}
	for _, c := range conns {
		l := lane(c.ID, c.Node)
		l.Open, l.From, l.Level = true, c.ConnectedAt, "ok"
		switch s, known := st.of(c); {
		case !known:
			l.Level, l.State = "", "state unknown"
		case s.State == "not reading":
			l.Level, l.State = "bad", "not reading"
		case s.Behind > 0:
			l.Level, l.State = "warn", grouped(s.Behind)+" behind"
		default:
			l.State = "live"
		}
	}
	for i := range slices.Backward(entries) {
		h := &entries[i]
		if h.At.Before(begin) || h.ConnID == "" {
			continue
		}
		l := lane(h.ConnID, h.Node)
		mark := templates.LaneMark{At: h.At, Text: a.moment(h, false).Text, Level: "ok"}
		switch h.Kind {
		case "open", "return":
			l.From = h.At
			continue
		case "end":
			l.To, l.Open, l.State = h.At, false, "ended: "+h.Code
			mark.Level = "warn"
			if h.Code == hub.Gone.Code {
				mark.Level = ""
			}
		case "resume":
			if h.Gaps > 0 {
				mark.Level = "warn"
			}
		default:
			mark.Level = "warn"
		}
		l.Marks = append(l.Marks, mark)
	}
	for _, l := range byID {
		list = append(list, *l)
	}
	slices.SortFunc(list, func(x, y templates.Lane) int { return cmp.Or(y.From.Compare(x.From), cmp.Compare(x.Key, y.Key)) })
	return list[:min(len(list), mostLanes)]
}
