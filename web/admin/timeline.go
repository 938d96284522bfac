package admin

import (
	"slices"
	"time"

	"rollcall/web/node"
)

// timelineKind is the kind of question for a client's timeline.
const timelineKind = "client-timeline"

// mostTimeline is how many entries one answer has.
const mostTimeline = 500

// timelineQuestion asks for what a server remembers of a client.
type timelineQuestion struct {
	ClientID string    `json:"clientId"`
	Most     int       `json:"most"`
	Before   time.Time `json:"before"` // of joins and leaves, which all servers note, only those before this time
}

type timelineAnswer struct {
	Entries []node.JournalEntry `json:"entries"`
}

// answerTimeline answers timelineQuestions.
func (a *Admin) answerTimeline(q timelineQuestion) (any, bool) {
	return timelineAnswer{a.node.Journal.Newest(min(q.Most, mostTimeline), func(h *node.JournalEntry) bool {
		return h.ClientID == q.ClientID && (h.Kind != "join" && h.Kind != "leave" || h.At.Before(q.Before))
	})}, true
}

// timeline has what the servers remember of a client.
type timeline struct {
	admin    *Admin
	clientID string
	other    *lookup[timelineAnswer]
}

func (a *Admin) newTimeline(clientID string) *timeline {
	return &timeline{a, clientID, &lookup[timelineAnswer]{node: a.node, kind: timelineKind, every: 2 * time.Second}}
}

// entries returns the newest entries of all servers, newest first.
func (t *timeline) entries(most int) []node.JournalEntry {
	list := t.admin.node.Journal.Newest(most, func(h *node.JournalEntry) bool { return h.ClientID == t.clientID })
	for _, answer := range t.other.ask(timelineQuestion{t.clientID, most, t.admin.node.Started}) {
		for _, h := range answer.Value.Entries {
			h.Node = answer.Node
			list = append(list, h)
		}
	}
	slices.SortStableFunc(list, func(x, y node.JournalEntry) int { return y.At.Compare(x.At) })
	return list[:min(len(list), most)]
}
