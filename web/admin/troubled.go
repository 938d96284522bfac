package admin

import (
	"cmp"
	"slices"
	"time"

	"rollcall/hub"
	"rollcall/web/node"
)

// A stream is short if it ends by itself within shortStream. A client flaps if it opens flapLeast of them in flapSpan.
const (
	shortStream = 2 * time.Minute
	flapSpan    = 5 * time.Minute
	flapLeast   = 5
)

// troubled is a client whose connections had trouble, or were short.
type troubled struct {
	ClientID  string         `json:"clientId"`
	Counts    map[string]int `json:"counts"` // by kind of trouble
	Last      time.Time      `json:"last,omitzero"`
	Opened    int            `json:"opened,omitempty"` // streams
	Short     map[int64]int  `json:"short,omitempty"`  // short ones, by the minute in which they were opened
	LastShort time.Time      `json:"lastShort,omitzero"`
}

func (t *troubled) total() (n int) {
	for _, count := range t.Counts {
		n += count
	}
	return n
}

// short counts the short streams.
func (t *troubled) short() (n int) {
	for _, count := range t.Short {
		n += count
	}
	return n
}

// peak returns the largest number of short streams that were opened in flapSpan, to the minute.
func (t *troubled) peak() (most int) {
	for minute := range t.Short {
		n := 0
		for i := range int64(flapSpan / time.Minute) {
			n += t.Short[minute+i]
		}
		most = max(most, n)
	}
	return most
}

// trouble returns what kind of trouble an entry of the journal is of, "" for none.
func trouble(h *node.JournalEntry) string {
	switch {
	case h.Kind == "end" && h.Code == hub.Slow.Code:
		return "slow"
	case h.Kind == "end" && h.Code == hub.Kicked.Code:
		return "kicked"
	case h.Kind == "end" && h.Code == hub.Limited.Code:
		return "limited"
	case h.Gaps > 0:
		return "gap"
	case h.Kind == "behind":
		return "behind"
	}
	return ""
}

// troubles collects troubled clients from entries of the journal, newest first.
type troubles struct {
	clients map[string]*troubled
	ends    map[string]time.Time // of streams that ended by themselves, by connection
}

func newTroubles() *troubles {
	return &troubles{make(map[string]*troubled), make(map[string]time.Time)}
}

func (s *troubles) of(clientID string) *troubled {
	t := s.clients[clientID]
	if t == nil {
		t = &troubled{ClientID: clientID, Counts: make(map[string]int), Short: make(map[int64]int)}
		s.clients[clientID] = t
	}
	return t
}

func (s *troubles) add(h *node.JournalEntry) {
	if kind := trouble(h); kind != "" {
		t := s.of(h.ClientID)
		t.Counts[kind]++
		t.Last = later(t.Last, h.At)
	}
	switch h.Kind {
	case "end":
		if h.Code != hub.Kicked.Code && h.Code != hub.Draining.Code && h.Code != hub.Expired.Code {
			s.ends[h.ConnID] = h.At
		}
	case "open", "return":
		t := s.of(h.ClientID)
		t.Opened++
		if end, ok := s.ends[h.ConnID]; ok && end.Sub(h.At) < shortStream {
			t.Short[h.At.Unix()/60]++
			t.LastShort = later(t.LastShort, h.At)
		}
		delete(s.ends, h.ConnID)
	}
}

// merge adds what another server has collected.
func (s *troubles) merge(list []troubled) {
	for i := range list {
		x := &list[i]
		t := s.of(x.ClientID)
		for kind, n := range x.Counts {
			t.Counts[kind] += n
		}
		for minute, n := range x.Short {
			t.Short[minute] += n
		}
		t.Opened += x.Opened
		t.Last, t.LastShort = later(t.Last, x.Last), later(t.LastShort, x.LastShort)
	}
}

// list returns the clients with trouble or short streams, in any order.
func (s *troubles) list() (list []troubled) {
	for _, t := range s.clients {
		if t.total() > 0 || len(t.Short) > 0 {
			list = append(list, *t)
		}
	}
	return list
}

// mostTroubled is how many clients of each list a server tells the others, and the page shows.
const mostTroubled = 200

// slowest returns the clients with the most trouble, and flapping those that flap, the worst first. A client may be on
// both lists.
func slowest(list []troubled) []troubled {
	slow := slices.DeleteFunc(slices.Clone(list), func(t troubled) bool { return t.slow() == 0 })
	slices.SortFunc(slow, func(x, y troubled) int {
		return cmp.Or(y.slow()-x.slow(), y.Last.Compare(x.Last), cmp.Compare(x.ClientID, y.ClientID))
	})
	return slow[:min(len(slow), mostTroubled)]
}

func flapping(list []troubled, least int) []troubled {
	flap := slices.DeleteFunc(slices.Clone(list), func(t troubled) bool { return t.peak() < least })
	slices.SortFunc(flap, func(x, y troubled) int {
		return cmp.Or(y.peak()-x.peak(), y.short()-x.short(), cmp.Compare(x.ClientID, y.ClientID))
	})
	return flap[:min(len(flap), mostTroubled)]
}

// slow counts the trouble of a client that takes its events too slowly.
func (t *troubled) slow() int { return t.Counts["slow"] + t.Counts["gap"] + t.Counts["behind"] }

func later(x, y time.Time) time.Time {
	if y.After(x) {
		return y
	}
	return x
}
