package hub

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"rollcall/hub/eventlog"
)

// A stream gets the events sent to it and no others, in order; a stream that takes everything gets all, one that is
// behind none.
func TestTellModel(t *testing.T) {
	reached, missed := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		rapid.SyncTest(rt, func(rt *rapid.T) {
			h := start(rt, eventlog.Options{Events: 5}, Options{Shards: 2})
			defer h.close()
			p := h.newPeer(endless)
			p.framed = rapid.Bool().Draw(rt, "chunked")
			p.wire.chunked = p.framed
			p.attach(Subscription{Channels: []string{"a"}})
			h.rest()
			var due []string
			n := 0
			for range rapid.IntRange(1, 30).Draw(rt, "steps") {
				switch rapid.SampledFrom([]string{"publish", "other", "room", "open", "tell", "tell", "tell"}).Draw(rt, "step") {
				case "publish":
					h.publish("a")
				case "other":
					h.publish("b")
				case "room":
					p.give(rapid.IntRange(1, 300).Draw(rt, "room"))
				case "open":
					p.give(endless)
				case "tell":
					n++
					name := strings.Repeat("x", n)
					live := !p.look().owed
					answers, ok := 0, false
					p.conn.SendEvent(func(at eventlog.Position, _ *Dialect) []byte {
						if head := h.log.Head(); at != head {
							rt.Fatalf("told at %v, the head is %v", at, head)
						}
						return eventlog.AppendDirect(nil, at, name, []byte("1"), time.Now())
					}, func(told bool) { answers, ok = answers+1, told })
					synctest.Wait()
					if answers != 1 || ok != live {
						rt.Fatalf("%d answers, %v for a stream that is live: %v", answers, ok, live)
					}
					if ok {
						due = append(due, name)
						reached++
					} else {
						missed++
					}
				}
				h.rest()
			}
			p.give(endless)
			h.rest()
			var got []string
			last := uint64(0)
			for _, f := range p.frames() {
				at, err := eventlog.ParsePosition(f.id)
				if err != nil || at.Seq < last {
					rt.Fatalf("id %q after %d", f.id, last)
				}
				last = at.Seq
				if strings.HasPrefix(f.typ, "x") {
					got = append(got, f.typ)
				}
			}
			if strings.Join(got, " ") != strings.Join(due, " ") {
				rt.Fatalf("got %q, was told %q", got, due)
			}
		})
	})
	if reached == 0 || missed == 0 {
		t.Errorf("%d reached, %d missed", reached, missed)
	}
}

// Streams that are not live get nothing: catching up, broken, ended, or of a closed hub.
func TestTellNobody(t *testing.T) {
	inBubble(t, eventlog.Options{}, Options{Shards: 1}, func(h *harness) {
		tell := func(p *peer) *int {
			answer := new(int)
			p.conn.SendEvent(direct, func(ok bool) {
				if *answer--; ok {
					*answer += 2
				}
			})
			return answer
		}
		for range 2*liveBatch + 1 {
			h.publishRaw("a")
		}
		h.rest()
		behind := h.newPeer(endless)
		leave := make(chan struct{})
		h.hub.shards[0].post(func() { <-leave })
		behind.attach(Subscription{Resume: "e-0", Channels: []string{"a"}})
		during := tell(behind)
		close(leave)
		h.rest()
		broken := h.join("", "a")
		broken.breakDown()
		ended := h.join("", "a")
		ended.conn.End(Kicked)
		for what, answer := range map[string]*int{"behind": during, "broken": tell(broken), "ended": tell(ended), "live": tell(behind)} {
			synctest.Wait()
			want := -1
			if what == "live" {
				want = 1
			}
			if *answer != want {
				h.Fatalf("%s: %d", what, *answer)
			}
		}
		broken.wantEnd(Gone.Code)
		h.hub.Close()
		if answer := tell(behind); *answer != -1 {
			h.Fatalf("closed: %d", *answer)
		}
	})
}

// Shed ends streams on all shards alike, never more than it was asked to.
func TestShed(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rapid.SyncTest(rt, func(rt *rapid.T) {
			shards := rapid.IntRange(1, 4).Draw(rt, "shards")
			h := start(rt, eventlog.Options{}, Options{Shards: shards})
			defer h.close()
			var peers []*peer
			for range rapid.IntRange(0, 30).Draw(rt, "streams") {
				p := h.newPeer(rapid.SampledFrom([]int{endless, 0, 100}).Draw(rt, "room"))
				p.attach(Subscription{Channels: []string{"a"}})
				peers = append(peers, p)
			}
			for _, p := range peers {
				if rapid.IntRange(0, 4).Draw(rt, "leaves") == 0 {
					p.conn.Lost()
				}
			}
			h.rest()
			for range rapid.IntRange(1, 3).Draw(rt, "times") {
				n := rapid.IntRange(-1, 40).Draw(rt, "n")
				before, shed := loads(h.hub), h.hub.Stats().Ends[Draining.Code]
				h.hub.Shed(n, Draining)
				h.rest()
				most, all, roomy := (max(n, 0)+shards-1)/shards, 0, true
				for i, load := range loads(h.hub) {
					ended := before[i] - load
					if ended > most || ended < min(before[i], max(n, 0)/shards) {
						rt.Fatalf("shard %d of %d ended %d of %d for %d in all", i, shards, ended, before[i], n)
					}
					all += ended
					roomy = roomy && before[i] >= most
				}
				if all > max(n, 0) || roomy && all != max(n, 0) {
					rt.Fatalf("%d ended of %v, want %d", all, before, n)
				}
				if got := h.hub.Stats().Ends[Draining.Code] - shed; int(got) != all {
					rt.Fatalf("%d ended as draining, want %d", got, all)
				}
			}
		})
	})
}

// One at a time is taken from each shard in turn, even if new ones come each time.
func TestShedTurns(t *testing.T) {
	for _, come := range []int{0, 1, 2} {
		inBubble(t, eventlog.Options{}, Options{Shards: 3}, func(h *harness) {
			var first []*peer
			for range 3 {
				first = append(first, h.join("", "a"))
			}
			for range 3 {
				h.hub.Shed(1, Kicked)
				h.rest()
				for range come {
					h.join("", "a").conn.Lost()
					h.rest()
				}
			}
			for _, p := range first {
				p.wantEnd(Kicked.Code)
			}
		})
	}
}

func loads(h *Hub) []int {
	list := make([]int, len(h.shards))
	for i, s := range h.shards {
		parked(s, func() { list[i] = len(s.conns) })
	}
	return list
}
