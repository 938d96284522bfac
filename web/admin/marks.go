package admin

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"rollcall/templates"
	"rollcall/web/node"
)

// markKinds say which entries of the audit log are marked on the charts, how they are called there, and their tone. The
// server's start is not in the audit log.
var markKinds = map[string]struct{ text, tone string }{
	startAction:             {"started", "accent"},
	"server.drain":          {"drained", "warn"},
	"server.drain.stop":     {"drain stopped", "warn"},
	"client.disconnect":     {"kicked", "bad"},
	"connection.disconnect": {"kicked one connection", "bad"},
	"clients.end":           {"kicked", "bad"},
	"client.block":          {"blocked", "bad"},
	"clients.block":         {"blocked", "bad"},
	"client.unblock":        {"unblocked", "ok"},
	"clients.unblock":       {"unblocked", "ok"},
	"network.block":         {"blocked", "bad"},
	"network.unblock":       {"unblocked", "ok"},
	"channel.purge":         {"purged", "violet"},
	"key.revoke":            {"revoked a key", "violet"},
}

// startAction is the mark of a server's start, such as that of a new version.
const startAction = "server.start"

// mostMarked is how many marks a server tells the others.
const mostMarked = 200

// mark remembers an action for the charts, if they show its kind.
func (a *Admin) mark(d AuditEntry) {
	if _, shown := markKinds[d.Action]; !shown || d.Result != "ok" {
		return
	}
	d.cut()
	a.node.Meter.Marks.Note(node.Mark{Server: a.node.Name(), User: d.User, Action: d.Action, Target: d.Target, Detail: d.Detail})
}

// newestMarks returns this server's newest marks since a time, oldest first.
func (a *Admin) newestMarks(since time.Time) []node.Mark {
	list := a.node.Meter.Marks.Between(since, time.Now())
	return list[max(0, len(list)-mostMarked):]
}

// marks returns the marks of all servers from one time to another, oldest first.
func (a *Admin) marks(p node.Pace, from, to time.Time) []node.Mark {
	list := a.node.Meter.Marks.Between(from, to)
	if len(a.node.Others()) > 0 {
		for _, other := range a.histories[p].ask(historyQuestion{p}) {
			for _, m := range other.Value.Marks {
				if !m.At.Before(from) && m.At.Before(to) {
					list = append(list, m)
				}
			}
		}
	}
	slices.SortStableFunc(list, func(x, y node.Mark) int { return x.At.Compare(y.At) })
	return list
}

// mostDrawn is how many marks a chart has.
const mostDrawn = 60

// chartMarks returns the newest marks as charts show them.
func chartMarks(list []node.Mark) []templates.ChartMark {
	list = list[max(0, len(list)-mostDrawn):]
	marks := make([]templates.ChartMark, 0, len(list))
	for i := range list {
		m := &list[i]
		marks = append(marks, templates.ChartMark{At: m.At, Tone: markKinds[m.Action].tone, Text: markText(m)})
	}
	return marks
}

// doneMoment returns a mark as an entry of a list, with a link to whom it is about.
func doneMoment(m *node.Mark, i int) templates.Moment {
	kind := markKinds[m.Action]
	entry := templates.Moment{Key: fmt.Sprint(i), At: m.At, Clock: true, Tone: kind.tone, ClientID: m.Target, Text: kind.text, Detail: m.Detail}
	if m.User != "" {
		entry.Text += " by " + m.User
	}
	entry.Href = targetHref(m.Action, m.Target)
	if m.Target != "" && entry.Href == "" {
		entry.Text, entry.ClientID = m.Target+" "+entry.Text, ""
	}
	return entry
}

// markText says in a line what was done.
func markText(m *node.Mark) string {
	parts := []string{markKinds[m.Action].text}
	if m.Target != "" {
		parts = append([]string{m.Target}, parts...)
	}
	if m.User != "" {
		parts = append(parts, "by", m.User)
	}
	return strings.Join(parts, " ")
}
