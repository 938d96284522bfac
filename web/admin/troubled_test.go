package admin

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/hub"
	"rollcall/web/node"
)

// lived is an opening and an end of a connection.
type lived struct {
	client, server string
	at             time.Duration
	lasted         time.Duration
	code           string
}

// journalOf returns the entries of a server's connections, newest first.
func journalOf(list []lived, server string) (entries []node.JournalEntry) {
	begin := time.Unix(1_800_000_000, 0)
	for i, l := range list {
		if l.server != server {
			continue
		}
		conn := fmt.Sprint("conn", i)
		entries = append(entries,
			node.JournalEntry{Kind: "open", ClientID: l.client, ConnID: conn, At: begin.Add(l.at)},
			node.JournalEntry{Kind: "end", ClientID: l.client, ConnID: conn, At: begin.Add(l.at + l.lasted), Code: l.code})
	}
	slices.SortStableFunc(entries, func(x, y node.JournalEntry) int { return y.At.Compare(x.At) })
	return entries
}

func troubledOf(entries []node.JournalEntry) []troubled {
	s := newTroubles()
	for i := range entries {
		s.add(&entries[i])
	}
	return s.list()
}

// A client flaps if it opened enough short streams within the span, whatever servers they were on. Streams that last, and
// those that an operator, a drain or the end of their credentials ended, are not short.
func TestFlapping(t *testing.T) {
	t.Parallel()
	each := func(n int, apart, lasted time.Duration, code string) (list []lived) {
		for i := range n {
			list = append(list, lived{"c", []string{"a", "b", "c"}[i%3], time.Duration(i) * apart, lasted, code})
		}
		return list
	}
	tests := map[string]struct {
		list []lived
		peak int
	}{
		"six tabs that stay":        {each(6, time.Second, time.Hour, hub.Gone.Code), 0},
		"four in a row":             {each(4, time.Second, time.Second, hub.Gone.Code), 4},
		"each three seconds":        {each(90, 3*time.Second, time.Second, hub.Gone.Code), 90},
		"each minute":               {each(20, time.Minute, 59*time.Second, hub.Gone.Code), 5},
		"each two minutes":          {each(20, 2*time.Minute, 110*time.Second, hub.Gone.Code), 3},
		"slow again and again":      {each(7, 12*time.Second, 11*time.Second, hub.Slow.Code), 7},
		"an operator":               {each(9, time.Second, time.Second, hub.Kicked.Code), 0},
		"a drain":                   {each(9, time.Second, time.Second, hub.Draining.Code), 0},
		"tokens of a few seconds":   {each(9, time.Second, time.Second, hub.Expired.Code), 0},
		"a burst long ago, and now": {append(each(5, time.Second, time.Second, hub.Gone.Code), lived{"c", "a", time.Hour, time.Second, hub.Gone.Code}), 5},
	}
	for name, test := range tests {
		all := newTroubles()
		for _, server := range []string{"a", "b", "c"} {
			all.merge(troubledOf(journalOf(test.list, server)))
		}
		flap, peak := flapping(all.list(), flapLeast), 0
		if merged := all.of("c"); merged.Opened > 0 {
			peak = merged.peak()
		}
		if peak != test.peak || (len(flap) == 1) != (test.peak >= flapLeast) {
			t.Errorf("%s: peak %d, want %d; flapping %+v", name, peak, test.peak, flap)
		}
	}
}

// What several servers tell, merged, is what one would tell that had all the connections.
func TestTroublesMerge(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		servers := []string{"a", "b", "c"}
		var list []lived
		for range rapid.IntRange(0, 30).Draw(rt, "streams") {
			list = append(list, lived{
				rapid.SampledFrom([]string{"ann", "bob"}).Draw(rt, "client"), rapid.SampledFrom(servers).Draw(rt, "server"),
				time.Duration(rapid.IntRange(0, 3600).Draw(rt, "at")) * time.Second, time.Duration(rapid.IntRange(0, 300).Draw(rt, "lasted")) * time.Second,
				rapid.SampledFrom([]string{hub.Gone.Code, hub.Slow.Code, hub.Limited.Code, hub.Kicked.Code}).Draw(rt, "code"),
			})
		}
		alone, merged := list, newTroubles()
		for _, server := range servers {
			merged.merge(troubledOf(journalOf(list, server)))
		}
		for i := range alone {
			alone[i].server = "a"
		}
		text := func(list []troubled) string {
			var lines []string
			for _, x := range list {
				if x.total() > 0 || len(x.Short) > 0 {
					lines = append(lines, fmt.Sprintf("%s %v %v %v %v", x.ClientID, x.Counts, x.Short, x.Last.Unix(), x.LastShort.Unix()))
				}
			}
			slices.Sort(lines)
			return strings.Join(lines, "\n")
		}
		if got, want := text(merged.list()), text(troubledOf(journalOf(alone, "a"))); got != want {
			rt.Fatalf("merged:\n%s\nwant\n%s", got, want)
		}
	})
}

// The worst are first, and the lists are bounded.
func TestTroubledAreBounded(t *testing.T) {
	t.Parallel()
	s := newTroubles()
	for i := range 3 * mostTroubled {
		x := s.of(fmt.Sprint("c", i))
		x.Counts["gap"], x.Short[int64(i)] = i, i
	}
	if slow := slowest(s.list()); len(slow) != mostTroubled || slow[0].ClientID != fmt.Sprint("c", 3*mostTroubled-1) {
		t.Errorf("%d are slow, the first %+v", len(slow), slow[0])
	}
	if flap := flapping(s.list(), flapLeast); len(flap) != mostTroubled || flap[0].peak() != 3*mostTroubled-1 {
		t.Errorf("%d flap, the first %+v", len(flap), flap[0])
	}
}
