package presence

import (
	"fmt"
	"slices"
)

// replay is a state of members and infos, to which edges are applied.
type replay struct {
	version uint64
	on      map[string]map[string]string // by channel and client
}

func newReplay() *replay { return &replay{on: make(map[string]map[string]string)} }

// replayOf is the state that a snapshot of the channels shows.
func replayOf(channels []string, lists [][]Member, version uint64) *replay {
	s := newReplay()
	s.version = version
	for i, name := range channels {
		for _, m := range lists[i] {
			s.put(name, m.ClientID, string(m.Info))
		}
	}
	return s
}

func (s *replay) put(channel, client, info string) {
	if s.on[channel] == nil {
		s.on[channel] = make(map[string]string)
	}
	s.on[channel][client] = info
}

// apply applies the next edge, which must be consistent: a join of an absent client, a leave or an update of a present
// one. After it the channel has as many members as the edge says.
func (s *replay) apply(t failer, e *Edge) {
	t.Helper()
	if e.Version != s.version+1 {
		t.Fatalf("edge %d follows edge %d", e.Version, s.version)
	}
	s.version = e.Version
	info, there := s.on[e.Channel][e.ClientID]
	switch {
	case e.Kind == Join && !there, e.Kind == Update && there && info != string(e.Info):
		s.put(e.Channel, e.ClientID, string(e.Info))
	case e.Kind == Leave && there && info == string(e.Info):
		if delete(s.on[e.Channel], e.ClientID); len(s.on[e.Channel]) == 0 {
			delete(s.on, e.Channel)
		}
	default:
		t.Fatalf("edge %s of %q with %q on %q, who is there: %v, with %q", e.Kind, e.ClientID, e.Info, e.Channel, there, info)
	}
	if e.Online != len(s.on[e.Channel]) {
		t.Fatalf("edge %d says that %d are on %q, there are %d", e.Version, e.Online, e.Channel, len(s.on[e.Channel]))
	}
}

// want fails the test unless s is what other is.
func (s *replay) want(t failer, other *replay) {
	t.Helper()
	if got, want := fmt.Sprint(s.on), fmt.Sprint(other.on); got != want {
		t.Fatalf("version %d is\n%s, want\n%s of version %d", s.version, got, want, other.version)
	}
}

// told is an edge without its times.
type told struct {
	kind                  Kind
	channel, client, info string
}

// sorted returns edges as text, in an order that is independent of theirs.
func sorted(edges []told) []string {
	var out []string
	for _, e := range edges {
		out = append(out, fmt.Sprint(e))
	}
	slices.Sort(out)
	return out
}
