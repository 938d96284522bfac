package hub

import (
	"fmt"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"

	"rollcall/hub/eventlog"
)

func online(version uint64) *Notice {
	return &Notice{Type: "online-presence", Payload: fmt.Appendf(nil, "[%d]", version), Version: version}
}

func came(channel string, version uint64) *Notice {
	return &Notice{Channel: channel, Type: "presence", Payload: fmt.Appendf(nil, "%d", version), Version: version}
}

func (h *harness) notify(notices ...*Notice) {
	h.Helper()
	for _, n := range notices {
		h.hub.Notify(n)
	}
	h.rest()
}

// wanting joins a stream with notices that has received its first ones.
func (h *harness) wanting(wants Wants, first []*Notice, channels ...string) *peer {
	h.Helper()
	p := h.newPeer(endless)
	p.attach(Subscription{Channels: channels, Wants: wants})
	p.conn.StartNotices(first, nil)
	h.rest()
	return p
}

// Notices go to those that asked, under the position that each has reached.
func TestNotices(t *testing.T) {
	inBubble(t, eventlog.Options{}, Options{Shards: 2}, func(h *harness) {
		h.publish("a", "b")
		plain := h.join("e-0", "a")
		some := h.wanting(WantOnline, nil, "a")
		both := h.wanting(WantOnline|WantMembers, []*Notice{came("a", 1), came("b", 1), online(1)}, "a", "b")
		begun := h.newPeer(endless) // has yet to be given its first
		begun.attach(Subscription{Channels: []string{"a"}, Wants: WantMembers, Resume: "e-2"})
		h.notify(came("a", 2), came("b", 3), came("c", 4), online(5))
		h.publish("b")
		h.notify(online(6), came("a", 7))
		plain.want("registered resumed@0", "a 1@1")
		some.want("registered@2", `lastEvent a {"type":"m","payload":1}@2`, "online-presence [5]@2", "online-presence [6]@3")
		both.want("registered@2", `lastEvent a {"type":"m","payload":1}@2`, `lastEvent b {"type":"m","payload":2}@2`,
			"presence a 1@2", "presence b 1@2", "online-presence [1]@2",
			"presence a 2@2", "presence b 3@2", "online-presence [5]@2", "b 3@3", "online-presence [6]@3", "presence a 7@3")
		begun.want("registered resumed@2")
	})
}

// What a stream was given already it isn't given again: its first notices may
// be newer than some that are still on their way.
func TestNoticesNewer(t *testing.T) {
	inBubble(t, eventlog.Options{}, Options{}, func(h *harness) {
		p := h.wanting(WantOnline|WantMembers, []*Notice{came("a", 5), online(5)}, "a")
		h.notify(came("a", 4), came("a", 5), online(4), online(5), came("a", 6), online(6))
		p.want("registered@0", "lastEvent a {}@0", "presence a 5@0", "online-presence [5]@0", "presence a 6@0", "online-presence [6]@0")
	})
}

// A stream that missed notices is refreshed, once, when it is live again; one that
// missed none isn't.
func TestRefresh(t *testing.T) {
	inBubble(t, eventlog.Options{}, Options{}, func(h *harness) {
		p := h.wanting(WantOnline|WantMembers, []*Notice{came("a", 1), online(1)}, "a")
		p.want("registered@0", "lastEvent a {}@0", "presence a 1@0", "online-presence [1]@0")
		refreshed := 0
		p.owner.refresh = func(*Conn, []string, bool) { refreshed++ }
		p.give(0)
		h.publish("a")
		p.give(endless)
		h.rest()
		p.want("a 1@1")
		if refreshed != 0 {
			t.Errorf("refreshed %d times, and missed nothing", refreshed)
		}
		p.give(0)
		h.publish("a")
		h.notify(came("a", 2), online(3))
		p.give(endless)
		h.rest()
		h.notify(came("a", 4)) // covered by the snapshot to come
		p.want("a 2@2")
		if refreshed != 1 {
			t.Errorf("refreshed %d times", refreshed)
		}
		p.conn.StartNotices([]*Notice{came("a", 4), online(4)}, nil)
		h.notify(came("a", 5))
		p.want("presence a 4@2", "online-presence [4]@2", "presence a 5@2")
		p.give(0)
		h.publish("a")
		p.give(endless)
		h.rest()
		if refreshed != 1 {
			t.Errorf("refreshed %d times", refreshed)
		}
	})
}

// First notices that meet a stream which can't take them come again; those that
// it takes in part do not.
func TestBeginBlocked(t *testing.T) {
	inBubble(t, eventlog.Options{}, Options{}, func(h *harness) {
		p := h.newPeer(0)
		refreshed := 0
		p.owner.refresh = func(*Conn, []string, bool) { refreshed++ }
		p.attach(Subscription{Channels: []string{"a"}, Wants: WantMembers})
		p.conn.StartNotices([]*Notice{came("a", 1)}, nil)
		h.notify(came("a", 2))
		p.give(endless)
		h.rest()
		p.want("registered@0", "lastEvent a {}@0")
		if refreshed != 1 {
			t.Fatalf("refreshed %d times", refreshed)
		}
		p.give(30)
		p.conn.StartNotices([]*Notice{came("a", 2)}, nil)
		h.rest()
		p.give(endless)
		h.rest()
		h.notify(came("a", 3))
		p.want("presence a 2@0", "presence a 3@0")
		if refreshed != 1 {
			t.Errorf("refreshed %d times", refreshed)
		}
	})
}

// A stream that asked for no notices can't be made to get any.
func TestBeginUnasked(t *testing.T) {
	inBubble(t, eventlog.Options{}, Options{}, func(h *harness) {
		p := h.join("", "a")
		p.give(0)
		h.publish("a")
		p.conn.StartNotices([]*Notice{came("a", 1)}, nil)
		h.notify(came("a", 2), online(3))
		p.give(endless)
		h.rest()
		p.want("registered@0", "lastEvent a {}@0", "a 1@1")
	})
}

// teller is an Owner with snapshots: its state at version n is n itself. The
// version may be ahead of the log, as a registry is of the log of its edges.
type teller struct {
	owner
	version *uint64
}

func (s *teller) Snapshot() ([]byte, uint64, bool) {
	v := *s.version
	return eventlog.AppendBare(nil, eventlog.Position{Epoch: "e", Seq: v}, "snapshot", fmt.Append(nil, v)), v, true
}

// A stream with snapshots gets a snapshot and the events after it, without a hole: in place of a hole there is another
// snapshot. The two always add up to the state, wherever it resumed and however slow it was.
func TestSnapshots(t *testing.T) {
	mended := 0
	rapid.Check(t, func(rt *rapid.T) {
		rapid.SyncTest(rt, func(rt *rapid.T) {
			keep := eventlog.Options{Events: rapid.SampledFrom([]int{1, 5, 1000}).Draw(rt, "events kept")}
			h := start(rt, keep, Options{Shards: 1})
			defer h.close()
			m := &snapMachine{harness: h}
			rt.Repeat(rapid.StateMachineActions(m))
			for _, s := range m.streams {
				s.give(endless)
			}
			m.Append(rt)
			m.Check(rt)
			mended += m.mended
		})
	})
	t.Logf("%d holes were mended", mended)
	if mended == 0 {
		t.Error("no hole was there to mend")
	}
}

type snapMachine struct {
	*harness
	version  uint64
	appended uint64
	streams  []*snapStream
	mended   int
}

type snapStream struct {
	*peer
	resumed bool
	state   uint64
}

// Change changes the state; the log hears of it later.
func (m *snapMachine) Change(rt *rapid.T) { m.version += rapid.Uint64Range(1, 8).Draw(rt, "by") }

// Append has the log hear of all changes.
func (m *snapMachine) Append(*rapid.T) {
	var events []eventlog.Event
	for m.appended < m.version {
		m.appended++
		events = append(events, eventlog.Event{Channel: "$all", Type: "change", Payload: fmt.Append(nil, m.appended), Bare: true})
	}
	if len(events) > 0 {
		m.append(events...)
	}
}

// Join begins a stream, afresh or at any position.
func (m *snapMachine) Join(rt *rapid.T) {
	if len(m.streams) == 6 {
		rt.Skip("enough streams")
	}
	at := rapid.Uint64Range(0, m.version+1).Draw(rt, "at")
	resume := rapid.SampledFrom([]string{"", "f-1", fmt.Sprint("e-", at)}).Draw(rt, "resume")
	p := m.newPeer(rapid.SampledFrom([]int{endless, 0, 10, 200}).Draw(rt, "room"))
	s := &snapStream{peer: p, resumed: resume != "" && resume != "f-1" && at <= m.appended}
	if s.resumed {
		s.state = at
	}
	p.attach(Subscription{
		Channels: []string{"$all"}, Resume: resume, Owner: &teller{version: &m.version},
		Greet: func(_, _ eventlog.Position, _ bool) []byte { return []byte("retry: 1\n\n") },
	})
	m.streams = append(m.streams, s)
}

// Room has a stream take only some more bytes, or everything.
func (m *snapMachine) Room(rt *rapid.T) {
	if len(m.streams) == 0 {
		rt.Skip("no stream")
	}
	rapid.SampledFrom(m.streams).Draw(rt, "stream").give(rapid.SampledFrom([]int{endless, 0, 1, 60, 300}).Draw(rt, "room"))
}

// Check holds after every step.
func (m *snapMachine) Check(rt *rapid.T) {
	synctest.Wait()
	check(rt, m.hub)
	for i, s := range m.streams {
		frames := s.frames()
		for _, f := range frames[s.shown:] {
			at, err := eventlog.ParsePosition(f.id)
			hole := f.typ == "snapshot" && (s.resumed || s.shown > 0)
			switch {
			case f.typ == "" && s.shown == 0 && s.resumed: // the greeting
			case err != nil || f.data != fmt.Sprint(at.Seq) || at.Seq > m.version:
				rt.Fatalf("stream %d: frame %+v", i, f)
			case f.typ == "change" && at.Seq != s.state+1, f.typ == "snapshot" && at.Seq < s.state:
				rt.Fatalf("stream %d: %s %d, its state is %d", i, f.typ, at.Seq, s.state)
			case hole:
				m.mended++
				fallthrough
			default:
				s.state = at.Seq
			}
			s.shown++
		}
		if !s.look().owed && s.state < m.appended {
			rt.Fatalf("stream %d: at rest at %d, the log is at %d", i, s.state, m.appended)
		}
	}
}
