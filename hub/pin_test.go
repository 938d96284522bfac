package hub

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"rollcall/hub/eventlog"
)

// large returns a notice of some bytes.
func large(channel string, size int) *Notice {
	return &Notice{Channel: channel, Type: "presence", Payload: bytes.Repeat([]byte("1"), size), Version: 1}
}

// A stream that lacks the first notices of many channels is given some of them at a time:
// what it has not taken, however many channels it has, is one step.
func TestFirstNoticesInSteps(t *testing.T) {
	inBubble(t, eventlog.Options{}, Options{}, func(h *harness) {
		const n, size = 2*askedAtOnce + 10, 1000
		var names []string
		for i := range n {
			names = append(names, fmt.Sprint("c", i))
		}
		p := h.newPeer(endless)
		var asked []string
		p.owner.refresh = func(c *Conn, channels []string, online bool) {
			if len(channels) > askedAtOnce || len(channels) == 0 || online {
				t.Errorf("asked for %d channels, for the list of everybody: %v", len(channels), online)
			}
			some := channels[:min(len(channels), 50)]
			asked = append(asked, some...)
			var notices []*Notice
			for _, name := range some {
				notices = append(notices, large(name, size))
			}
			c.StartNotices(notices, nil)
		}
		p.attach(Subscription{Channels: names, Wants: WantMembers, Resume: "e-0"})
		h.rest()
		for given := 0; given < n; {
			if held := h.hub.Held(); held > 3*size {
				t.Fatalf("%d bytes are held for one notice that was taken in part", held)
			}
			p.give(30 * size)
			h.rest()
			given = 0
			for _, f := range p.frames() {
				if f.typ == "presence" {
					given++
				}
			}
		}
		p.give(endless)
		h.rest()
		slices.Sort(names)
		slices.Sort(asked)
		if asked = slices.Compact(asked); !slices.Equal(asked, names) || h.hub.Held() != 0 {
			t.Errorf("was asked for %d of %d channels; %d bytes are held", len(asked), n, h.hub.Held())
		}
	})
}

// A list that many streams have taken in part is held once. Streams for which more than the limit would be held end;
// the others stay, and so do those that take all of it.
func TestHeldNotices(t *testing.T) {
	const size = 10_000
	inBubble(t, eventlog.Options{}, Options{Shards: 2, MaxHeld: 3 * size}, func(h *harness) {
		first, second := large("a", size), large("a", size)
		var slow []*peer
		for range 20 {
			p := h.newPeer(endless)
			p.attach(Subscription{Channels: []string{"a"}, Wants: WantMembers, Resume: "e-0"})
			h.rest()
			p.give(100)
			p.conn.StartNotices([]*Notice{first}, nil)
			slow = append(slow, p)
		}
		h.rest()
		one := h.hub.Held()
		if one < size || one > 3*size {
			t.Fatalf("%d bytes are held for a list of %d", one, size)
		}
		late := h.newPeer(endless)
		late.attach(Subscription{Channels: []string{"a"}, Wants: WantMembers, Resume: "e-0"})
		h.rest()
		late.give(100)
		late.conn.StartNotices([]*Notice{second}, nil)
		quick := h.newPeer(endless)
		quick.attach(Subscription{Channels: []string{"a"}, Wants: WantMembers, Resume: "e-0"})
		quick.conn.StartNotices([]*Notice{second}, nil)
		h.rest()
		if ends := late.ended(); len(ends) != 1 || ends[0].Code != "overloaded" {
			t.Errorf("what takes a second list in part: %v", ends)
		}
		quick.wantOpen()
		for _, p := range slow {
			p.wantOpen()
		}
		if held := h.hub.Held(); held != one {
			t.Errorf("%d bytes are held, want %d", held, one)
		}
		for _, p := range slow {
			p.give(endless)
		}
		h.rest()
		if held := h.hub.Held(); held != 0 {
			t.Errorf("%d bytes are held for nobody", held)
		}
	})
}

// bulky is an owner whose snapshot is large, or larger than it may be.
type bulky struct {
	owner
	size int
}

func (b *bulky) Snapshot() ([]byte, uint64, bool) {
	at := eventlog.Position{Epoch: "e"}
	return eventlog.AppendBare(nil, at, "snapshot", bytes.Repeat([]byte("1"), b.size)), 0, b.size > 0
}

// The snapshots of presence streams count as held, and one that would be too large ends with a goodbye.
func TestHeldSnapshots(t *testing.T) {
	const size = 10_000
	inBubble(t, eventlog.Options{}, Options{Shards: 1, MaxHeld: 3*size + 1000}, func(h *harness) {
		var owners []*bulky
		var peers []*peer
		for range 5 {
			o, p := &bulky{size: size}, h.newPeer(100)
			p.attach(Subscription{Channels: []string{"a"}, Owner: o})
			h.rest()
			owners, peers = append(owners, o), append(peers, p)
		}
		for i, o := range owners {
			if ends := o.ended(); len(ends) != max(0, i-2)/max(1, i-2) || len(ends) == 1 && ends[0].Code != "overloaded" {
				t.Errorf("stream %d ended: %v", i, ends)
			}
		}
		for _, p := range peers[:3] {
			p.give(endless)
		}
		h.rest()
		if held := h.hub.Held(); held != 0 {
			t.Errorf("%d bytes are held", held)
		}
		p := h.newPeer(endless)
		o := &bulky{}
		p.attach(Subscription{Channels: []string{"a"}, Owner: o})
		h.rest()
		if ends := o.ended(); len(ends) != 1 || ends[0].Code != "limit" {
			t.Errorf("a snapshot that is too large: %v", ends)
		}
		if f := p.frames(); len(f) != 1 || f[0].typ != "goodbye" {
			t.Errorf("%v", f)
		}
	})
}
