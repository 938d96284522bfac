package hub

import (
	"slices"

	"rollcall/hub/eventlog"
)

// failer is what testing.TB and rapid.T have in common here.
type failer interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// check fails the test unless the invariants of a hub at rest hold: no shard is
// at work, and nothing waits in a mailbox.
//
//   - The streams counted are the streams the shards have. A shard with streams
//     is at the head of the log.
//   - Index, wheel, the list of streams and the streams point at each other, and
//     at nothing else. No topic is empty.
//   - A stream that waits for its transport is listed as stuck; one that doesn't
//     has nothing left to be written and is not behind.
//   - What is reused from turn to turn holds on to nothing.
func check(t failer, h *Hub) {
	t.Helper()
	n := 0
	for _, s := range h.shards {
		parked(s, func() {
			t.Helper()
			checkShard(t, s)
			n += len(s.conns)
		})
	}
	if h.Streams() != n {
		t.Fatalf("%d streams are counted, the shards have %d", h.Streams(), n)
	}
}

// parked calls f while the shard's goroutine waits.
func parked(s *shard, f func()) {
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	if !closed {
		entered, leave := make(chan struct{}), make(chan struct{})
		defer close(leave)
		s.post(func() { close(entered); <-leave })
		<-entered
	}
	f()
}

func checkShard(t failer, s *shard) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.box) > 0 {
		t.Fatal("the shard is not at rest")
	}
	if head := s.hub.log.Head().Seq; s.pos != s.publishedPos.Load() || s.tail != nil && s.pos != head {
		t.Fatalf("the shard is at %d and says %d, the head is %d", s.pos, s.publishedPos.Load(), head)
	}
	checkIndex(t, s.index, s.conns)
	checkWheel(t, &s.wheel, s.conns)
	for i, c := range s.conns {
		blocked := c.state&blocked != 0
		switch {
		case c.shard != s || int(c.at) != i:
			t.Fatalf("stream %d says it is stream %d", i, c.at)
		case c.state&ended != 0:
			t.Fatalf("stream %d has ended", i)
		case c.touched || c.out != nil:
			t.Fatalf("stream %d is in the middle of a turn", i)
		case blocked && (c.state&listed == 0 || !slices.Contains(s.stuck, c)):
			t.Fatalf("stream %d waits for its transport and is not listed", i)
		case !blocked && len(c.rest) > 0:
			t.Fatalf("stream %d has %d bytes and waits for nothing", i, len(c.rest))
		case !blocked && c.catch != nil:
			t.Fatalf("stream %d is behind and waits for nothing", i)
		}
	}
	if len(s.lagging) > 0 || len(s.touched) > 0 {
		t.Fatalf("%d streams wait for a turn, %d are in one", len(s.lagging), len(s.touched))
	}
	for i, c := range s.stuck {
		if c.state&listed == 0 || slices.Contains(s.stuck[:i], c) {
			t.Fatal("a stream is stuck twice, or unawares")
		}
	}
	held := func(what string, nothing bool) {
		if !nothing {
			t.Fatalf("the shard holds on to %s of its last turn", what)
		}
	}
	for _, c := range s.touched[:cap(s.touched)] {
		held("a stream", c == nil)
	}
	for _, c := range s.lagging[:cap(s.lagging)] {
		held("a stream", c == nil)
	}
	for _, r := range s.batch[:cap(s.batch)] {
		held("a record of the flow", r == nil)
	}
	for _, b := range s.bufs[:cap(s.bufs)] {
		held("bytes", b == nil)
	}
	for _, recs := range s.spare {
		for _, r := range recs[:cap(recs)] {
			held("a record", r == nil)
		}
	}
}

func checkIndex(t failer, x index, conns []*Conn) {
	t.Helper()
	refs, subs := 0, 0
	for name, topic := range x.topics {
		if topic.name != name || len(topic.refs) == 0 {
			t.Fatalf("topic %q, in the index as %q, has %d streams", topic.name, name, len(topic.refs))
		}
		for i, r := range topic.refs {
			if int(r.slot) >= len(r.c.subs) || r.c.subs[r.slot] != (sub{topic, int32(i)}) {
				t.Fatalf("topic %q: its stream %d does not know of it", name, i)
			}
		}
		for _, r := range topic.refs[len(topic.refs):cap(topic.refs)] {
			if r.c != nil {
				t.Fatalf("topic %q holds on to a stream", name)
			}
		}
		if c := cap(topic.refs); c > max(64, 4*len(topic.refs)+4) {
			t.Fatalf("topic %q has %d slots for %d streams", name, c, len(topic.refs))
		}
		refs += len(topic.refs)
	}
	for _, c := range conns {
		for slot, u := range c.subs {
			if int(u.at) >= len(u.t.refs) || u.t.refs[u.at] != (ref{c, int32(slot)}) || x.topics[u.t.name] != u.t {
				t.Fatalf("channel %q of a stream is not in the index", u.t.name)
			}
		}
		subs += len(c.subs)
	}
	patterns := 0
	for name := range x.topics {
		if eventlog.IsPattern(name) {
			patterns++
		}
	}
	if x.patterns.count != patterns || (x.patterns.root == nil) != (patterns == 0) {
		t.Fatalf("%d patterns are indexed, want %d", x.patterns.count, patterns)
	}
	if refs != subs {
		t.Fatalf("%d streams in the topics, %d channels of streams", refs, subs)
	}
}

func checkWheel(t failer, w *wheel, conns []*Conn) {
	t.Helper()
	n := 0
	for slot, list := range w.slots {
		for i, c := range list {
			if int(c.wheelSlot) != slot || int(c.wheelAt) != i {
				t.Fatalf("a stream in slot %d,%d of the wheel says %d,%d", slot, i, c.wheelSlot, c.wheelAt)
			}
			if !slices.Contains(conns, c) {
				t.Fatal("the wheel has a stream that the shard hasn't")
			}
		}
		for _, c := range list[len(list):cap(list)] {
			if c != nil {
				t.Fatal("the wheel holds on to a stream")
			}
		}
		n += len(list)
	}
	if n != len(conns) {
		t.Fatalf("the wheel has %d streams of %d", n, len(conns))
	}
}
