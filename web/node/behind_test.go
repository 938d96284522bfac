package node

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/hub"
	"rollcall/presence"
)

// A stream that was behind for long is noted in the journal, once in a while if it is so again and again; a gap is noted
// each time.
func TestBehindIsNoted(t *testing.T) {
	synctest.Test(t, testBehindIsNoted)
}

func testBehindIsNoted(t *testing.T) {
	n := New(Options{Log: slog.New(slog.DiscardHandler)})
	defer n.Close()
	defer n.EndStreams()
	st := &Stream{At: n, Connection: presence.Connection{ID: "c1", ClientID: "ann", Node: "n1"}}
	late := hub.CatchUp{From: 7, Events: 40, Lasted: 12 * time.Second}
	for range 3 {
		st.CaughtUp(late)
	}
	for range 2 {
		st.CaughtUp(hub.CatchUp{From: 9, Gaps: 1, Lasted: time.Second})
	}
	time.Sleep(time.Minute) // the bubble's
	st.CaughtUp(late)
	list := n.Journal.Newest(10, func(*JournalEntry) bool { return true })
	var kinds []string
	for _, h := range list {
		kinds = append(kinds, h.Kind)
	}
	if len(list) != 4 || kinds[0] != "behind" || kinds[1] != "gap" || kinds[2] != "gap" || kinds[3] != "behind" {
		t.Fatalf("noted are %q", kinds)
	}
	if h := list[3]; h.ClientID != "ann" || h.ConnID != "c1" || h.From != 7 || h.Events != 40 || h.Lasted != 12*time.Second {
		t.Errorf("noted is %+v", h)
	}
}
