package hub

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"rollcall/hub/eventlog"
)

// TestStatsModel holds the counts of a hub in random lives against what came to
// each stream. What must be true at rest:
//
//   - Every stream that began is there or ended once, for the reason it was told.
//   - Events and bytes are the sums of the streams' own, which are what the
//     transports took; an event taken in part counts.
//   - Behind and blocked are the streams whose transports take nothing.
func TestStatsModel(t *testing.T) {
	var seen coverage
	rapid.Check(t, func(rt *rapid.T) {
		rapid.SyncTest(rt, func(rt *rapid.T) {
			m := &countMachine{machine: newMachine(rt, &seen), resumed: seen.resumed}
			defer m.close()
			rt.Repeat(rapid.StateMachineActions(m))
			m.note()
			m.settle(rt)
			m.count(rt)
		})
	})
	if seen.lives >= 100 && (seen.events == 0 || seen.partial == 0 || seen.resumed == 0 || seen.slow == 0 || seen.gone == 0) {
		t.Errorf("the machine didn't come to all the places it is for: %+v", seen)
	}
}

type countMachine struct {
	*machine
	all     []*life
	resumed int // streams, before this life of the machine
}

// note remembers the streams that are new, before those that ended are forgotten.
func (m *countMachine) note() {
	for _, l := range m.streams {
		known := false
		for _, other := range m.all {
			known = known || other == l
		}
		if !known {
			m.all = append(m.all, l)
		}
	}
}

// Check holds after every step.
func (m *countMachine) Check(rt *rapid.T) {
	m.note()
	m.machine.Check(rt)
	m.count(rt)
}

func (m *countMachine) count(rt *rapid.T) {
	want := Stats{Accepted: uint64(len(m.all)), Resumed: uint64(m.seen.resumed - m.resumed), Ends: make(map[string]uint64)}
	gaps := 0
	for i, l := range m.all {
		now := l.look()
		events, bytes := l.conn.Sent()
		if int(bytes) != len(now.taken) {
			rt.Fatalf("stream %d says it was given %d bytes, %d were taken", i, bytes, len(now.taken))
		}
		if missing := int(events) - l.account.events; missing < 0 || missing > 1 || missing == 1 && !l.wire.partial() {
			rt.Fatalf("stream %d says it was given %d events, it got %d", i, events, l.account.events)
		}
		want.Events += events
		want.Bytes += bytes
		gaps += l.account.gaps
		for _, why := range l.ended() {
			want.Ends[why.Code]++
		}
		if len(l.ended()) == 0 {
			want.Streams++
			if now.owed {
				want.Blocked++
				want.Behind++
			}
		}
	}
	got := m.hub.Stats()
	if int(got.Gaps) < gaps {
		rt.Fatalf("%d gaps are counted, %d were told", got.Gaps, gaps)
	}
	if !maps.Equal(got.Ends, want.Ends) {
		rt.Fatalf("ends are %v, want %v", got.Ends, want.Ends)
	}
	got.Gaps, got.Lag, got.Shards = 0, Histogram{}, nil
	if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); g != w {
		rt.Fatalf("stats are\n%s, want\n%s", g, w)
	}
}

// Gaps are counted by channel and stream, those of a useless position too.
func TestStatsGaps(t *testing.T) {
	inBubble(t, eventlog.Options{Events: 2}, Options{}, func(h *harness) {
		h.publish("a", "b", "a", "a", "b", "c")
		h.join("e-0", "a", "b", "c") // b and c have lost nothing
		h.join("e-1", "a")           // nothing is missing behind its first
		h.join("f-1", "a", "b")
		h.join("", "a", "b")
		if got := h.hub.Stats(); got.Gaps != 3 || got.Accepted != 4 || got.Resumed != 2 {
			h.Fatalf("%+v", got)
		}
	})
}

// snapshots is an owner that begins with a snapshot.
type snapshots struct{ owner }

func (*snapshots) Snapshot() ([]byte, uint64, bool) {
	at := eventlog.Position{Epoch: "e", Seq: 1}
	return greet(at, at, false), 1, true
}

// A fresh start with a snapshot is not counted as one that goes on.
func TestStatsSnapshot(t *testing.T) {
	inBubble(t, eventlog.Options{}, Options{}, func(h *harness) {
		h.publish("a")
		for _, resume := range []string{"", "f-1", "e-1"} {
			h.newPeer(endless).attach(Subscription{Resume: resume, Channels: []string{"a"}, Owner: new(snapshots)})
		}
		h.rest()
		if got := h.hub.Stats(); got.Accepted != 3 || got.Resumed != 1 || got.Gaps != 0 {
			h.Fatalf("%+v", got)
		}
	})
}

// Every stream that a turn writes to counts once in the lag, however many are
// timed, by the oldest of its events.
func TestLag(t *testing.T) {
	for _, streams := range []int{1, lagSample - 1, lagSample, lagSample + 1, 100} {
		inBubble(t, eventlog.Options{}, Options{Shards: 1}, func(h *harness) {
			var first *peer
			for range streams {
				if p := h.join("", "a", "b"); first == nil {
					first = p
				}
			}
			h.publish("a", "b", "a") // one turn
			if lag := h.hub.Stats().Lag; lag.Count() != uint64(streams) || lag.Quantile(1) > time.Microsecond {
				h.Fatalf("%d counted of %d, the longest %v", lag.Count(), streams, lag.Quantile(1))
			}
			h.publish("c") // without readers
			old := h.hub.Stats().Lag
			first.ambush(func() { time.Sleep(3 * time.Second) })
			h.publish("b")
			h.publish("a")
			all := h.hub.Stats().Lag
			lag := all.Since(&old)
			if lag.Count() != 2*uint64(streams) {
				h.Fatalf("%d counted of %d", lag.Count(), 2*streams)
			}
			if got := lag.Quantile(1); got < 3*time.Second || got > 4*time.Second {
				h.Fatalf("a stream waited for 3 s, the longest lag is %v", got)
			}
		})
	}
}

// What a burst needed is given back once a shard has nothing to do, and not
// before.
func TestSpare(t *testing.T) {
	inBubble(t, eventlog.Options{}, Options{Shards: 1}, func(h *harness) {
		s := h.hub.shards[0]
		spare := func() (n int) {
			parked(s, func() { n = len(s.spare) })
			return n
		}
		var peers []*peer
		for range 50 {
			peers = append(peers, h.join("", "a"))
		}
		for round := range 2 {
			h.publish("a", "a")
			if n := spare(); n != len(peers) {
				h.Fatalf("%d lists are spare behind a burst, want %d", n, len(peers))
			}
			time.Sleep(3 * s.wheel.tick)
			if n := spare(); n != 0 {
				h.Fatalf("%d lists are still spare", n)
			}
			for _, p := range peers {
				if events, _ := p.conn.Sent(); int(events) != 2*round+2 {
					h.Fatalf("%d events in round %d", events, round)
				}
			}
		}
	})
}

// Stats may be asked for whatever goes on, and after the end.
func TestStatsUnderLoad(t *testing.T) {
	for _, c := range []struct{ shards, streams int }{{1, 40}, {3, 200}} {
		h := start(t, eventlog.Options{Events: 5}, Options{Shards: c.shards})
		var askers, others sync.WaitGroup
		done := make(chan struct{})
		for range 2 {
			askers.Go(func() {
				var last Stats
				for more := true; more; {
					select {
					case <-done:
						more = false
					default:
					}
					now := h.hub.Stats()
					if now.Accepted < last.Accepted || now.Events < last.Events || now.Bytes < last.Bytes || ends(now) < ends(last) || ends(now) > now.Accepted {
						t.Errorf("%+v after %+v", now, last)
					}
					last = now
				}
			})
		}
		others.Go(func() {
			for range 100 {
				h.publishRaw("a", "b", "a")
			}
		})
		owners := make([]*owner, c.streams)
		for i := range owners {
			p := h.newPeer([]int{endless, 0, 2000}[i%3])
			owners[i] = p.owner
			p.attach(Subscription{Resume: "e-0", Channels: []string{"a", "b"}})
			if i%5 == 0 {
				p.conn.End(Kicked)
			}
			if i == c.streams/2 {
				others.Go(h.hub.Close)
			}
		}
		others.Wait()
		close(done)
		askers.Wait()
		got := h.hub.Stats()
		if got.Streams != 0 || got.Behind != 0 || got.Blocked != 0 || got.Accepted != uint64(c.streams) || ends(got) != got.Accepted {
			t.Errorf("%+v after the end of %d streams", got, c.streams)
		}
		for _, o := range owners {
			if n := len(o.ended()); n != 1 {
				t.Errorf("a stream ended %d times", n)
			}
		}
		h.close()
	}
}

func ends(s Stats) uint64 {
	n := uint64(0)
	for _, of := range s.Ends {
		n += of
	}
	return n
}

// A stream that catches up is behind, and not blocked.
func TestStatsBehind(t *testing.T) {
	inBubble(t, eventlog.Options{}, Options{Shards: 1}, func(h *harness) {
		for range 2*liveBatch + 1 {
			h.publishRaw("a")
		}
		h.rest()
		p := h.newPeer(endless)
		var during Stats
		p.ambush(func() {
			s := h.hub.shards[0]
			s.post(func() { t := s.account(); during.Behind, during.Blocked = t.behind, t.blocked })
		})
		p.attach(Subscription{Resume: "e-0", Channels: []string{"a"}})
		synctest.Wait()
		if during.Behind != 1 || during.Blocked != 0 {
			h.Fatalf("%+v while it catches up", during)
		}
		if got := h.hub.Stats(); got.Behind != 0 || got.Events != 2*liveBatch+1 {
			h.Fatalf("%+v", got)
		}
	})
}

// The load of each shard is reported by shard.
func TestStatsShards(t *testing.T) {
	inBubble(t, eventlog.Options{}, Options{Shards: 2}, func(h *harness) {
		for range 3 {
			h.join("", "a")
		}
		if got := h.hub.Stats().Shards; len(got) != 2 || got[0].Streams+got[1].Streams != 3 || got[0].Behind+got[1].Behind != 0 {
			h.Fatalf("%+v at rest", got)
		}
		s := h.hub.shards[0]
		var during ShardStats
		parked(s, func() {
			h.publishRaw("a")
			s.post(func() {})
			during = s.account().shard
			during.Mail = s.mail()
		})
		if during.Mail != 1 {
			h.Fatalf("%+v while the shard is held up", during)
		}
		h.rest()
		if during.Behind == 0 {
			h.Fatalf("%+v before the shard has dealt with an event", during)
		}
		if got := h.hub.Stats().Shards; got[0].Behind+got[1].Behind != 0 {
			h.Fatalf("%+v at rest again", got)
		}
	})
}

// Behind reports, for the streams that are behind, how many events they still have to get; of many, only for some.
func TestBehind(t *testing.T) {
	inBubble(t, eventlog.Options{}, Options{Shards: 1}, func(h *harness) {
		h.join("", "a")
		stuck := make([]*peer, 10)
		for i := range stuck {
			stuck[i] = h.newPeer(0)
			stuck[i].attach(Subscription{Resume: "e-0", Channels: []string{"a", "b"}})
		}
		h.rest()
		if got := h.hub.Behind(100); !slices.Equal(got, make([]int, 10)) {
			h.Fatalf("%v before anything was published", got)
		}
		h.publish("a", "b", "other", "a")
		want := slices.Repeat([]int{3}, 10)
		if got := h.hub.Behind(100); !slices.Equal(got, want) {
			h.Fatalf("%v, want %v", got, want)
		}
		if got := h.hub.Behind(3); len(got) < 2 || len(got) > 3 || got[0] != 3 {
			h.Fatalf("%v of a sample of 3", got)
		}
		for i, p := range stuck {
			if i%2 == 0 {
				p.give(endless)
			} else {
				p.conn.End(Kicked)
			}
		}
		h.rest()
		if got := h.hub.Behind(100); len(got) != 0 {
			h.Fatalf("%v when nobody is behind", got)
		}
	})
}

// What it costs to be asked, with 20 000 streams of which one half is behind.
func BenchmarkStats20000(b *testing.B) {
	h, tally := benchHub(b, eventlog.Options{Epoch: "e"})
	for range 100 {
		h.benchPublish(b, benchEvent)
	}
	for i := range 20_000 {
		var t Transport = sink{tally}
		if i%2 == 0 {
			t = newFake(true, 0)
		}
		h.Attach(Subscription{Resume: "e-0", Channels: []string{"bench"}, Transport: t, Owner: tally})
	}
	for _, c := range []struct {
		name string
		ask  func() int
	}{
		{"Stats", func() int { return h.Stats().Behind - 10_000 }},
		{"Behind", func() int { return len(h.Behind(128)) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				if n := c.ask(); n < 0 || n > 2*128*len(h.shards) {
					b.Fatal(n)
				}
			}
		})
	}
}
