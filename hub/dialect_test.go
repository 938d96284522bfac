package hub

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/hub/eventlog"
)

// spoken is a dialect whose events differ visibly from the log's own: the payload is within a list. It ignores
// payloads that three divides.
func spoken() *Dialect {
	return &Dialect{Render: func(dst []byte, at eventlog.Position, r *eventlog.Record) []byte {
		if passedOver(r.Payload()) {
			return dst
		}
		return eventlog.AppendBare(dst, at, r.Type(), fmt.Appendf(nil, `{"channelName":%q,"type":%q,"payload":[%s]}`, r.Channel(), r.Type(), r.Payload()))
	}}
}

func passedOver(payload []byte) bool {
	n, _ := strconv.Atoi(strings.TrimSpace(string(payload)))
	return n%3 == 0
}

// joinSpeaking is join in a dialect.
func (h *harness) joinSpeaking(from From, resume string, channels ...string) *peer {
	h.Helper()
	p := h.newPeer(endless)
	p.attach(Subscription{Resume: resume, Channels: channels, From: from, Dialect: spoken()})
	h.rest()
	return p
}

// A fresh start in a dialect has no lastEvent: it begins at the head or, with a history, with all kept events, without
// a gap.
func TestDialectFreshStart(t *testing.T) {
	inBubble(t, eventlog.Options{Events: 3}, Options{}, func(h *harness) {
		h.publish("a", "b", "a", "a", "a", "b") // a keeps 3, 4 and 5
		head, all := h.joinSpeaking(FromNow, "", "a"), h.joinSpeaking(FromOldest, "", "a")
		empty, both := h.joinSpeaking(FromOldest, "", "c"), h.joinSpeaking(FromOldest, "", "b", "a")
		frames := h.join("", "a")
		h.publish("a", "b", "c", "a") // 9 is passed over
		head.want("registered@6", "a [7]@7", "a [10]@10")
		all.want("registered@2", "a [4]@4", "a [5]@5", "a [7]@7", "a [10]@10")
		empty.want("registered@6")
		both.want("registered@1", "b [2]@2", "a [4]@4", "a [5]@5", "a [7]@7", "b [8]@8", "a [10]@10")
		frames.want("registered@6", `lastEvent a {"type":"m","payload":5}@6`, "a 7@7", "a 10@10")
		if got := head.conn.Position().Seq; got != 10 {
			t.Errorf("position %d, want 10", got)
		}
	})
}

// A position resumes as in the log's own frames, with the same gaps, and a useless one is a fresh start that says so.
func TestDialectResume(t *testing.T) {
	inBubble(t, eventlog.Options{Events: 3}, Options{}, func(h *harness) {
		h.publish("a", "a", "a", "a", "a") // keeps 3, 4 and 5
		gap := func(after, reason string, at int) string {
			return fmt.Sprintf(`gap a {"after":%q,"reason":%q}@%d`, after, reason, at)
		}
		for _, from := range []From{FromHead, FromNow, FromLast, FromOldest} {
			h.joinSpeaking(from, "e-4", "a").want("registered resumed@4", "a [5]@5")
			h.joinSpeaking(from, "e-1", "a").want("registered resumed@1", gap("e-1", "evicted", 1), "a [4]@4", "a [5]@5")
		}
		h.joinSpeaking(FromNow, "f-7", "a").want("registered@f-7", gap("f-7", "epoch", 5))
		h.joinSpeaking(FromOldest, "f-7", "a").want("registered@f-7", gap("f-7", "epoch", 2), "a [4]@4", "a [5]@5")
		h.joinSpeaking(FromOldest, "e-9", "a").want("registered@9", gap("e-9", "unknown", 2), "a [4]@4", "a [5]@5")
		h.joinSpeaking(FromOldest, Fresh+"-0", "a").want("registered@2", "a [4]@4", "a [5]@5")
	})
}

// If nothing is left there is only the gap.
func TestDialectEvictedAll(t *testing.T) {
	inBubble(t, eventlog.Options{Age: time.Minute}, Options{}, func(h *harness) {
		h.publish("a")
		time.Sleep(2 * time.Minute)
		h.publish("b")
		h.joinSpeaking(FromNow, "e-0", "a").want("registered resumed@0", `gap a {"after":"e-0","reason":"evicted"}@0`)
		h.joinSpeaking(FromOldest, "", "a").want("registered@2")
	})
}

// What was read elsewhere comes before what the log keeps, and counts as kept.
func TestDialectOlder(t *testing.T) {
	for resume, want := range map[string][]string{
		"":    {"registered@0"},
		"f-1": {"registered@f-1", `gap a {"after":"f-1","reason":"epoch"}@0`},
	} {
		inBubble(t, eventlog.Options{Events: 2}, Options{}, func(h *harness) {
			h.publish("a", "a", "a", "a")
			older := &eventlog.Batch{Through: 2}
			for seq := range uint64(2) {
				ev := eventlog.Event{Channel: "a", Type: "m", Payload: strconv.AppendUint(nil, seq+1, 10)}
				older.Records = append(older.Records, eventlog.Restore(eventlog.Stored{Event: ev, Seq: seq + 1, Time: time.Now()}, "e"))
			}
			p := h.newPeer(endless)
			p.attach(Subscription{Channels: []string{"a"}, Resume: resume, From: FromOldest, Dialect: spoken(), Older: older})
			h.rest()
			h.publish("a")
			p.want(append(want, "a [1]@1", "a [2]@2", "a [4]@4", "a [5]@5")...)
		})
	}
}

// A tap sees what the stream received, without ignored events.
func TestDialectTap(t *testing.T) {
	inBubble(t, eventlog.Options{}, Options{}, func(h *harness) {
		var shown []byte
		over := 0
		p := h.newPeer(endless)
		p.framed, p.wire.chunked = false, false
		p.attach(Subscription{Channels: []string{"a"}, Dialect: spoken(), Tap: func(sse []byte) {
			shown = append(shown, sse...)
			if sse == nil {
				over++
			}
		}})
		h.publish("a", "a", "a")
		p.conn.End(Kicked)
		h.rest()
		if got := string(p.look().taken); got != string(shown) || !strings.Contains(got, "[2]") || strings.Contains(got, "3]") {
			t.Errorf("the tap saw\n%s\nthe stream was given\n%s", shown, got)
		}
		if over != 1 {
			t.Errorf("the tap was told of %d ends", over)
		}
	})
}

// The position of an ended stream stays at its end, and is never beyond what the connection took.
func TestPositionOfTheEnd(t *testing.T) {
	inBubble(t, eventlog.Options{}, Options{Shards: 1}, func(h *harness) {
		at := func(p *peer, want uint64) {
			t.Helper()
			p.onEnd = func(c *Conn, _ Reason) {
				if got := c.Position().Seq; got != want {
					t.Errorf("it ended at %d, want %d", got, want)
				}
			}
		}
		stays := h.join("", "a")
		left, broken, half := h.join("", "a"), h.join("", "a"), h.join("", "a")
		h.publish("a")
		at(left, 1)
		left.conn.Lost()
		h.rest()
		at(broken, 1)
		broken.breakDown()
		at(half, 1)
		half.give(100) // of more than that
		h.publish("a")
		half.conn.End(Kicked)
		h.rest()
		h.publish("a")
		for name, p := range map[string]*peer{"left": left, "broken": broken, "half": half} {
			if p.wantEndAny(); p.conn.Position().Seq != 1 {
				t.Errorf("%s is at %v", name, p.conn.Position())
			}
		}
		if got := stays.conn.Position().Seq; got != 3 {
			t.Errorf("the one that stays is at %d", got)
		}
	})
}

func (p *peer) wantEndAny() {
	p.h.Helper()
	if n := len(p.ended()); n != 1 {
		p.h.Fatalf("%d ends, want one", n)
	}
}

// Streams in dialects, over connections that take any count of bytes, get each event of their channel that is not
// ignored once and in order, from their greeting on; a gap announces missing ones.
func TestDialectModel(t *testing.T) {
	partial, gaps := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		rapid.SyncTest(rt, func(rt *rapid.T) {
			keep := rapid.SampledFrom([]int{2, 10, 100_000}).Draw(rt, "events kept")
			h := start(rt, eventlog.Options{Events: keep}, Options{Shards: rapid.IntRange(1, 2).Draw(rt, "shards")})
			defer h.close()
			var streams []*peer
			steps := rapid.IntRange(5, 60).Draw(rt, "steps")
			var on []string // the channel of each event
			publish := func(n int) {
				names := make([]string, n)
				for i := range names {
					names[i] = rapid.SampledFrom([]string{"a", "a", "b"}).Draw(rt, "channel")
				}
				on = append(on, names...)
				h.publishRaw(names...)
			}
			for range steps {
				switch rapid.IntRange(0, 3).Draw(rt, "step") {
				case 0:
					p := h.newPeer(rapid.SampledFrom([]int{endless, 0, 50, 300}).Draw(rt, "room"))
					p.framed = rapid.Bool().Draw(rt, "chunked")
					p.wire.chunked = p.framed
					from := rapid.SampledFrom([]From{FromHead, FromNow, FromOldest}).Draw(rt, "from")
					resume := ""
					if rapid.Bool().Draw(rt, "resumes") {
						resume = fmt.Sprintf("e-%d", rapid.IntRange(0, len(on)).Draw(rt, "at"))
					}
					p.attach(Subscription{Channels: []string{"a"}, Resume: resume, From: from, Dialect: spoken()})
					streams = append(streams, p)
				case 1:
					if len(streams) > 0 {
						p := rapid.SampledFrom(streams).Draw(rt, "stream")
						p.give(rapid.SampledFrom([]int{endless, 0, 1, 7, 60, 500}).Draw(rt, "gives"))
						if p.look().owed {
							partial++
						}
					}
				case 2:
					h.rest()
				}
				publish(rapid.IntRange(1, 8).Draw(rt, "events"))
			}
			for range 3 { // each may have been blocked again
				h.rest()
				for _, p := range streams {
					p.give(endless)
				}
			}
			h.rest()
			for _, p := range streams {
				gaps += wantSpoken(rt, p, on)
			}
		})
	})
	if partial == 0 || gaps == 0 {
		t.Errorf("%d partial writes, %d gaps: the model didn't come to all the places it is for", partial, gaps)
	}
}

// wantSpoken checks the events of a stream on a; on is the channel of each event. It returns the number of gaps.
func wantSpoken(t failer, p *peer, on []string) (gaps int) {
	t.Helper()
	frames := p.frames()
	seq := func(f frame) int {
		n, err := strconv.Atoi(strings.TrimPrefix(f.id, "e-"))
		if err != nil {
			t.Fatalf("id %q", f.id)
		}
		return n
	}
	at, gap := seq(frames[0]), false
	missing := func(from, to int) bool {
		return slices.ContainsFunc(make([]struct{}, to-from), func(struct{}) bool {
			from++
			return on[from-1] == "a" && from%3 != 0
		})
	}
	for _, f := range frames[1:] {
		if f.typ == "gap" {
			gap, gaps = true, gaps+1
			continue
		}
		n := seq(f)
		if n <= at || on[n-1] != "a" || string(f.json(t).Payload) != fmt.Sprintf("[%d]", n) {
			t.Fatalf("%q behind %d", f.raw, at)
		}
		if missing(at, n-1) && !gap {
			t.Fatalf("%d follows %d, and there was something between", n, at)
		}
		at, gap = n, false
	}
	if missing(at, len(on)) && !gap {
		t.Fatalf("the last is %d of %d", at, len(on))
	}
	return gaps
}
