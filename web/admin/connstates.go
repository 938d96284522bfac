package admin

import (
	"cmp"
	"slices"
	"time"

	"rollcall/presence"
	"rollcall/web/node"
)

// Questions about connections to the servers that hold them.
const (
	statesKind = "connection-states"
	topKind    = "connection-top"
)

// The most that one answer about connections has.
const (
	mostStates = 500
	mostTop    = 2000
)

// stateQuestion asks for the states of some clients' connections.
type stateQuestion struct {
	Clients []string `json:"clients"`
}

type stateAnswer struct {
	States map[string]node.ConnState `json:"states"` // by connection
}

// answerStates answers stateQuestions.
func (a *Admin) answerStates(q stateQuestion) (any, bool) {
	answer := stateAnswer{States: make(map[string]node.ConnState)}
	for _, id := range q.Clients {
		_, conns, _ := a.node.Registry.Client(id)
		for _, c := range conns {
			if s, ok := a.node.StateOf(c); ok && len(answer.States) < mostStates {
				answer.States[c.ID] = s
			}
		}
	}
	return answer, true
}

// states has the states of connections, wherever they are.
type states struct {
	admin *Admin
	other *lookup[stateAnswer]
	told  []node.Answer[stateAnswer]
}

func (a *Admin) newStates() *states {
	return &states{admin: a, other: &lookup[stateAnswer]{node: a.node, kind: statesKind, every: time.Second}}
}

// ask asks the other servers for the states of some clients' connections, if they have any.
func (s *states) ask(clients ...string) {
	var away []string
	for _, id := range clients {
		_, conns, _ := s.admin.node.Registry.Client(id)
		if slices.ContainsFunc(conns, func(c *presence.Connection) bool { return c.Handle == nil }) {
			away = append(away, id)
		}
	}
	if s.told = nil; len(away) > 0 {
		s.told = s.other.ask(stateQuestion{away})
	}
}

// of returns a connection's state, if it is known.
func (s *states) of(c *presence.Connection) (node.ConnState, bool) {
	if c.Handle != nil {
		return s.admin.node.StateOf(c)
	}
	for i := range s.told {
		if st, ok := s.told[i].Value.States[c.ID]; ok {
			return st, true
		}
	}
	return node.ConnState{}, false
}

// topQuestion asks for the connections with the largest values.
type topQuestion struct {
	By string `json:"by"` // "events", "bytes" or "behind"
}

type topAnswer struct {
	Values map[string]float64 `json:"values"` // by connection
}

// answerTop answers topQuestions.
func (a *Admin) answerTop(q topQuestion) (any, bool) {
	type one struct {
		id    string
		value float64
	}
	var all []one
	a.node.Registry.Each(func(r presence.Ref) {
		for _, c := range r.Connections() {
			if at := node.ConnOf(c); at != nil && (q.By != "behind" || !at.Live()) {
				all = append(all, one{id: c.ID})
			}
		}
	})
	for i := range all {
		if c := a.node.Registry.Connection(all[i].id); c != nil {
			all[i].value = a.valueOf(c, q.By)
		}
	}
	n := min(mostTop, len(all))
	toFront(all, n, func(x, y one) int { return -cmp.Compare(x.value, y.value) })
	answer := topAnswer{Values: make(map[string]float64, n)}
	for _, x := range all[:n] {
		answer.Values[x.id] = x.value
	}
	return answer, true
}

// valueOf returns a figure of a connection of this server.
func (a *Admin) valueOf(c *presence.Connection, by string) float64 {
	at := node.ConnOf(c)
	if at == nil {
		return 0
	}
	events, bytes := at.Sent()
	switch {
	case by == "events":
		return float64(events)
	case by == "bytes":
		return float64(bytes)
	case by == "behind" && !at.Live():
		return float64(a.node.Behind(c))
	}
	return 0
}
