package admin

import (
	"slices"
	"sync"
	"time"

	"rollcall/web/node"
)

// tapKind is the kind of question for a client's events.
const tapKind = "client-tap"

// How often a page asks the other servers for a client's events, how long a server keeps a tap that is not asked for,
// and how many such taps it has.
const (
	tapEvery  = 500 * time.Millisecond
	tapLasts  = 10 * time.Second
	mostTaps  = 32
	sweepTaps = time.Second
)

// tapQuestion asks for the newest events of a client's connections.
type tapQuestion struct {
	ClientID string `json:"clientId"`
	Page     string `json:"page"` // the page that asks
}

// tapAnswer has the newest events, oldest first: also those of earlier answers, since an answer may get lost.
type tapAnswer struct {
	Events []tapEvent `json:"events"`
}

// remoteTaps are the taps of other servers' pages. Its methods are safe for concurrent use.
type remoteTaps struct {
	node *node.Node

	mu   sync.Mutex
	open map[string]*remoteTap // by page
}

type remoteTap struct {
	tap    *tap
	asked  time.Time
	events []tapEvent // the newest, oldest first
}

// answer answers tapQuestions. The first one opens the tap; it is closed when it is not asked for any more.
func (x *remoteTaps) answer(q tapQuestion) (any, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	t := x.open[q.Page]
	if t == nil {
		if len(x.open) == mostTaps {
			return nil, false
		}
		if x.open == nil {
			x.open = make(map[string]*remoteTap)
		}
		t = &remoteTap{tap: newTap(x.node, q.ClientID)}
		x.open[q.Page] = t
		time.AfterFunc(sweepTaps, x.sweep)
	}
	t.asked = time.Now()
	_, conns, _ := x.node.Registry.Client(q.ClientID)
	t.tap.follow(conns)
	for _, e := range t.tap.take() {
		e.SSE = withoutSecrets(e.SSE)
		t.events = append(t.events, e)
	}
	t.events = t.events[max(0, len(t.events)-mostTapped):]
	size := 0
	first := len(t.events)
	for first > 0 && size+len(t.events[first-1].SSE) < answerBytes {
		first--
		size += len(t.events[first].SSE) + 128
	}
	return tapAnswer{slices.Clone(t.events[first:])}, true
}

// sweep closes the taps that no page asks for any more, until none are open.
func (x *remoteTaps) sweep() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for page, t := range x.open {
		if time.Since(t.asked) > tapLasts {
			t.tap.close()
			delete(x.open, page)
		}
	}
	if len(x.open) > 0 {
		time.AfterFunc(sweepTaps, x.sweep)
	}
}
