package presence_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/presence"
)

// A snapshot of channels that match names each once, the named ones first, and has a limit over all but Everyone.
func TestSnapshotMatching(t *testing.T) {
	r := presence.NewRegistry(0)
	for i := range 20 {
		c := &presence.Connection{ID: fmt.Sprint("c", i), ClientID: fmt.Sprint("u", i), ConnectedAt: time.Now()}
		r.Join(c, []string{fmt.Sprint("room.", i%4), "lobby"}, nil)
	}
	room := func(name string) bool { return strings.HasPrefix(name, "room.") }
	names, lists, _, ok := r.SnapshotMatching(1<<20, []string{presence.Everyone, "room.2", "nobody"}, room)
	want := []string{presence.Everyone, "room.2", "nobody", "room.0", "room.1", "room.3"}
	if !ok || !slices.Equal(names, want) {
		t.Fatalf("the channels are %q, want %q", names, want)
	}
	for i, n := range []int{20, 5, 0, 5, 5, 5} {
		if len(lists[i]) != n {
			t.Errorf("%q has %d members, want %d", names[i], len(lists[i]), n)
		}
	}
	if names, _, _, ok := r.SnapshotMatching(1<<20, []string{"lobby"}, nil); !ok || !slices.Equal(names, []string{"lobby"}) {
		t.Errorf("without patterns the channels are %q", names)
	}
	one := 5 * (80 + len("room.0") + len("u00"))
	if _, _, _, ok := r.SnapshotMatching(one, []string{presence.Everyone, "room.2"}, nil); !ok {
		t.Error("one room is too much, or Everyone counts")
	}
	if _, _, _, ok := r.SnapshotMatching(3*one, []string{presence.Everyone, "room.2"}, room); ok {
		t.Error("four rooms are within the limit of three")
	}
	if _, _, _, ok := r.SnapshotMatching(one, []string{"room.2", "lobby"}, nil); ok {
		t.Error("named channels have no limit")
	}
}
