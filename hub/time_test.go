package hub

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"rollcall/hub/eventlog"
)

// In the bubble time stands still but for Sleep, and events take none.

// A silent stream gets a comment line after 25 s, and after every 25 s more.
func TestHeartbeat(t *testing.T) {
	inBubble(t, eventlog.Options{}, Options{}, func(h *harness) {
		p := h.join("", "a")
		for range 5 {
			p.silentFor(25 * time.Second)
		}
		if got := string(p.look().taken); got[len(got)-8:] != "3\r\n:\n\n\r\n" {
			t.Errorf("the comment is %q", got[len(got)-8:])
		}
	})
}

// silentFor fails the test unless p now is silent for no longer than the given
// time, nor for less than a tick under it, and then has a comment.
func (p *peer) silentFor(most time.Duration) {
	p.h.Helper()
	n, began := len(p.look().taken), p.look().last
	tick := p.conn.shard.wheel.tick
	comments := p.comments()
	for len(p.look().taken) == n {
		if time.Since(began) > most {
			p.h.Fatalf("silent for %v", time.Since(began))
		}
		time.Sleep(tick / 10)
		synctest.Wait()
	}
	if silence := p.look().last.Sub(began); silence > most || silence < most-tick {
		p.h.Fatalf("a comment after %v, want it after %v", silence, most)
	}
	if p.comments() != comments+1 {
		p.h.Fatal("what ended the silence is no comment")
	}
}

func (p *peer) comments() int {
	p.h.Helper()
	p.frames()
	return p.wire.comments
}

// Whatever is written puts the next comment off.
func TestHeartbeatAfterEvents(t *testing.T) {
	inBubble(t, eventlog.Options{}, Options{Shards: 1}, func(h *harness) {
		p, other := h.join("", "a"), h.join("", "b")
		for range 40 {
			time.Sleep(3700 * time.Millisecond)
			h.publish("a")
		}
		if n := p.comments(); n != 0 {
			t.Errorf("%d comments on a busy stream", n)
		}
		if n := other.comments(); n != 5 { // within 148 s
			t.Errorf("%d comments on an idle stream", n)
		}
		p.silentFor(25 * time.Second)
	})
}

// Any times can be set; the wheel keeps them to within one of its ticks.
func TestOtherTimes(t *testing.T) {
	for _, o := range []Options{
		{Heartbeat: time.Second},
		{Heartbeat: time.Minute, Stall: time.Second},
		{Heartbeat: 10 * time.Millisecond, Stall: 10 * time.Millisecond},
		{Heartbeat: time.Microsecond, Stall: time.Microsecond},
		{Heartbeat: time.Hour, Stall: time.Minute},
	} {
		inBubble(t, eventlog.Options{}, o, func(h *harness) {
			p, slow := h.join("", "a"), h.join("", "b")
			slow.give(0)
			h.publish("b")
			began := time.Now()
			if o.Heartbeat < time.Hour {
				p.silentFor(max(o.Heartbeat, time.Millisecond))
			}
			stall, tick := slow.conn.shard.wheel.stall, slow.conn.shard.wheel.tick
			if o.Stall > 0 && time.Duration(stall)*tick > o.Stall+tick {
				t.Errorf("%+v: stalls after %d ticks of %v", o, stall, tick)
			}
			for len(slow.ended()) == 0 {
				time.Sleep(tick)
				h.rest()
				if over := time.Since(began) - (time.Duration(stall)+1)*tick; over > 0 && len(slow.ended()) == 0 {
					t.Fatalf("%+v: not ended after %v", o, time.Since(began))
				}
			}
			slow.wantEnd("slow")
			p.wantOpen()
		})
	}
}

// A transport that takes nothing for 10 s is cut. One that takes a byte now and
// then goes on, and so do all others.
func TestSlowIsCut(t *testing.T) {
	inBubble(t, eventlog.Options{}, Options{Shards: 1}, func(h *harness) {
		slow, trickle, fine, quiet := h.join("", "a"), h.join("", "a"), h.join("", "a"), h.join("", "b")
		slow.give(20)
		trickle.give(20)
		quiet.give(0) // nothing is due to it
		h.publish("a")
		taken := len(slow.look().taken)
		began := time.Now()
		for len(slow.ended()) == 0 {
			if time.Since(began) > 10*time.Second {
				t.Fatalf("not ended after %v", time.Since(began))
			}
			time.Sleep(500 * time.Millisecond)
			if trickle.look().owed {
				trickle.give(1)
			}
			h.publish("a")
		}
		if passed := time.Since(began); passed < 9*time.Second {
			t.Errorf("ended after %v", passed)
		}
		slow.wantEnd("slow")
		if now := slow.look(); !now.cut || len(now.taken) != taken {
			t.Errorf("cut is %v, %d bytes written behind the short write", now.cut, len(now.taken)-taken)
		}
		for range 60 {
			time.Sleep(time.Second)
			trickle.give(1)
		}
		h.rest()
		trickle.wantOpen()
		fine.wantOpen()
		trickle.give(endless)
		h.rest()
		if a, b := len(trickle.frames()), len(fine.frames()); a != b {
			t.Errorf("%d frames on the trickling stream, %d on the other", a, b)
		}
		if n := len(fine.frames()); n < 20 {
			t.Errorf("only %d frames", n)
		}
		quiet.wantEnd("slow") // it did not take its heartbeat either
	})
}

// A stream that is behind for its own slowness but makes progress isn't ended,
// and has no comments in the middle of its frames.
func TestNoHeartbeatInAFrame(t *testing.T) {
	inBubble(t, eventlog.Options{}, Options{Heartbeat: 3 * time.Second}, func(h *harness) {
		p := h.join("", "a")
		p.give(10)
		h.publish("a", "a")
		for range 20 {
			time.Sleep(4 * time.Second)
			p.give(3)
		}
		h.rest()
		if n := p.comments(); n != 0 {
			t.Errorf("%d comments while there is more to give", n)
		}
		p.give(endless)
		h.rest()
		p.want("registered@0", "lastEvent a {}@0", "a 1@1", "a 2@2")
		p.silentFor(3 * time.Second)
	})
}

// The wheel visits each stream exactly when it is due.
func TestWheel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		beat := rapid.Uint32Range(0, 30).Draw(rt, "beat")
		w := newWheel(time.Duration(beat)*time.Second, time.Hour)
		w.beat = beat
		w.slots = make([][]*Conn, beat+1)
		due := make(map[*Conn]uint32)
		var all []*Conn
		rt.Repeat(map[string]func(*rapid.T){
			"put": func(rt *rapid.T) {
				c := new(Conn)
				due[c] = w.now + rapid.Uint32Range(min(1, beat), beat).Draw(rt, "in")
				w.schedule(c, due[c])
				all = append(all, c)
			},
			"remove": func(rt *rapid.T) {
				if len(all) == 0 {
					rt.Skip("nothing to remove")
				}
				i := rapid.IntRange(0, len(all)-1).Draw(rt, "which")
				w.remove(all[i])
				delete(due, all[i])
				all = append(all[:i:i], all[i+1:]...)
			},
			"turn": func(rt *rapid.T) {
				for _, c := range w.turn() {
					if due[c] != w.now && beat > 0 {
						rt.Fatalf("due at %d, visited at %d", due[c], w.now)
					}
					due[c] = w.now + rapid.Uint32Range(min(1, beat), beat).Draw(rt, "again in")
					w.schedule(c, due[c])
				}
			},
			"": func(rt *rapid.T) {
				for _, at := range due {
					if at < w.now || at > w.now+beat {
						rt.Fatalf("due at %d, now is %d", at, w.now)
					}
				}
				checkWheel(rt, &w, all)
			},
		})
	})
}

// The index finds every stream of a channel, whatever came and went.
func TestIndex(t *testing.T) {
	names := []string{"a", "b.c", "b.d", "b.c.e", "b.*", "b.>", "*.c", ">", "*.*.e"}
	rapid.Check(t, func(rt *rapid.T) {
		x := index{topics: make(map[string]*topic)}
		var all []*Conn
		rt.Repeat(map[string]func(*rapid.T){
			"add": func(rt *rapid.T) {
				for range rapid.SampledFrom([]int{1, 3, 100}).Draw(rt, "n") {
					c := new(Conn)
					x.add(c, rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, 5, rapid.ID).Draw(rt, "channels"))
					all = append(all, c)
				}
			},
			"remove": func(rt *rapid.T) {
				for range rapid.IntRange(0, len(all)).Draw(rt, "n") {
					i := rapid.IntRange(0, len(all)-1).Draw(rt, "which")
					x.remove(all[i])
					all[i] = all[len(all)-1]
					all = all[:len(all)-1]
				}
			},
			"": func(rt *rapid.T) {
				checkIndex(rt, x, all)
				for _, channel := range names[:4] { // as a naive matcher finds
					var got, want []string
					for _, topic := range x.patterns.of(channel) {
						got = append(got, topic.name)
					}
					for name := range x.topics {
						if p, err := eventlog.ParsePattern(name); err == nil && eventlog.IsPattern(name) && p.Matches(channel) {
							want = append(want, name)
						}
					}
					slices.Sort(got)
					slices.Sort(want)
					if !slices.Equal(got, want) {
						rt.Fatalf("%q is of the patterns %q, want %q", channel, got, want)
					}
				}
			},
		})
	})
}
