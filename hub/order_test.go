package hub

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"rollcall/hub/eventlog"
)

// A fresh start is greeted, gets the newest event of each channel in the requested order, and then the events
// published from then on.
func TestFreshStart(t *testing.T) {
	inBubble(t, eventlog.Options{}, Options{}, func(h *harness) {
		h.publish("a", "b", "a")
		p := h.join("", "c", "a", "b")
		p.want("registered@3",
			`lastEvent c {}@3`,
			`lastEvent a {"type":"m","payload":3}@3`,
			`lastEvent b {"type":"m","payload":2}@3`)
		h.publish("b", "x", "c")
		h.publish("a")
		p.want("b 4@4", "c 6@6", "a 7@7")
		if got := p.conn.Position().String(); got != "e-7" {
			t.Errorf("position %s", got)
		}
		if events, bytes := p.conn.Sent(); events != 3 || bytes != uint64(len(p.look().taken)) {
			t.Errorf("sent %d events, %d bytes; the transport took %d", events, bytes, len(p.look().taken))
		}
	})
}

// On the wire, to the byte, with and without chunks.
func TestBytes(t *testing.T) {
	body := []string{
		"retry: 3000\nid: e-1\nevent: registered\ndata: {\"type\":\"registered\",\"payload\":\"{\\\"resumed\\\":false}\"}\n\n",
		"id: e-1\nevent: lastEvent\ndata: {\"channelName\":\"a\",\"type\":\"lastEvent\",\"payload\":\"{\\\"type\\\":\\\"m\\\",\\\"payload\\\":1}\"}\n\n",
		"id: e-2\nevent: m\ndata: {\"channelName\":\"a\",\"type\":\"m\",\"payload\":2,\"timestamp\":\"2000-01-01T00:00:00.000Z\"}\n\n",
	}
	for _, chunked := range []bool{false, true} {
		inBubble(t, eventlog.Options{}, Options{}, func(h *harness) {
			h.publish("a")
			p := h.newPeer(endless)
			p.framed, p.wire.chunked = chunked, chunked
			p.attach(Subscription{Channels: []string{"a"}})
			h.publish("a")
			want := strings.Join(body, "")
			if chunked { // frames of one write may share a chunk
				first := body[0]
				want = fmt.Sprintf("%x\r\n%s\r\n%x\r\n%s\r\n%x\r\n%s\r\n", len(first), first, len(body[1]), body[1], len(body[2]), body[2])
			}
			if got := string(p.look().taken); got != want {
				t.Errorf("got\n%q\nwant\n%q", got, want)
			}
		})
	}
}

// A resume at any position gives every event after it, once, and nothing else.
func TestResume(t *testing.T) {
	inBubble(t, eventlog.Options{}, Options{}, func(h *harness) {
		h.publish("a", "b", "x", "a", "b")
		h.join("e-0", "b", "a").want("registered resumed@0", "a 1@1", "b 2@2", "a 4@4", "b 5@5")
		h.join("e-2", "b", "a").want("registered resumed@2", "a 4@4", "b 5@5")
		h.join("e-4", "a", "b").want("registered resumed@4", "b 5@5")
		h.join("e-5", "a", "b").want("registered resumed@5")
		p := h.join("e-1", "nothing")
		p.want("registered resumed@1")
		h.publish("nothing")
		p.want("nothing 6@6")
	})
}

// A position that names no place of this log is a fresh start that says so.
func TestUselessPosition(t *testing.T) {
	for _, c := range []struct{ name, resume, after, reason string }{
		{"epoch", "f-1", "f-1", "epoch"},
		{"future", "e-3", "e-3", "unknown"},
		{"far future", "e-18446744073709551615", "e-18446744073709551615", "unknown"},
		{"told again", "unknown-0", "unknown-0", "unknown"},
		{"beyond numbers", "e-18446744073709551616", "e-18446744073709551616", "unknown"},
		{"negative", "e--1", "e--1", "unknown"},
		{"leading zero", "e-01", "e-01", "unknown"},
		{"bare number", "1", "1", "unknown"},
		{"garbage", `"}` + "\n\ndata: x", `"}` + "\n\ndata: x", "unknown"},
		{"NUL", "e-\x00", "e-\x00", "unknown"},
		{"not UTF-8", "e-\xff", "e-\uFFFD", "unknown"},
		{"line separator", "e-\u2028", "e-\u2028", "unknown"},
		{"long", strings.Repeat("x", 10<<10), strings.Repeat("x", 256), "unknown"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, eventlog.Options{}, Options{}, func(h *harness) {
				h.publish("a", "a")
				p := h.join(c.resume, "b", "a")
				gap := `{"after":` + string(eventlog.AppendString(nil, c.after)) + `,"reason":"` + c.reason + `"}`
				id := "@unknown-0"
				if _, err := eventlog.ParsePosition(c.resume); err == nil {
					id = "@" + strings.TrimPrefix(c.resume, "e-")
				}
				p.want("registered"+id,
					"gap b "+gap+id, "lastEvent b {}"+id,
					"gap a "+gap+id, `lastEvent a {"type":"m","payload":2}@2`)
				h.publish("a", "b")
				p.want("a 3@3", "b 4@4")
			})
		})
	}
}

// A stream that ends before all gaps of its start were announced gets all of them when it resumes: wherever it is cut,
// its last id is the requested position until it has the last gap.
func TestCutBeforeTheLastGap(t *testing.T) {
	inBubble(t, eventlog.Options{}, Options{}, func(h *harness) {
		h.publish("a", "b", "a")
		whole := h.join("f-7", "a", "b", "c")
		gap := ` {"after":"f-7","reason":"epoch"}@f-7`
		want := []string{
			"registered@f-7", "gap a" + gap, `lastEvent a {"type":"m","payload":3}@f-7`,
			"gap b" + gap, `lastEvent b {"type":"m","payload":2}@f-7`, "gap c" + gap, "lastEvent c {}@3",
		}
		size := len(whole.look().taken)
		whole.want(want...)
		for room := range size {
			p := h.newPeer(room)
			p.attach(Subscription{Resume: "f-7", Channels: []string{"a", "b", "c"}})
			h.rest()
			told := p.frames()
			p.breakDown()
			p.conn.Lost()
			h.rest()
			if len(told) == 0 || len(told) == len(want) {
				continue
			}
			if id := told[len(told)-1].id; id != "f-7" {
				t.Fatalf("after %d bytes, and %d frames of %d, the stream is at %s", room, len(told), len(want), id)
			}
		}
	})
}

// A goodbye, too, leads to the gaps that were not announced yet.
func TestGoodbyeBeforeTheLastGap(t *testing.T) {
	inBubble(t, eventlog.Options{}, Options{Shards: 1}, func(h *harness) {
		var names []string
		for i := range 2000 {
			names = append(names, fmt.Sprintf("channel.%04d", i))
		}
		p := h.newPeer(endless)
		p.ambush(func() { p.fake.conn.End(Kicked) })
		p.attach(Subscription{Resume: "f-7", Channels: names})
		h.rest()
		told := p.frames()
		last := told[len(told)-1]
		if last.typ != "goodbye" || len(told) >= 2*len(names) {
			t.Fatalf("after %d frames there is %q; want a goodbye in the middle", len(told), last.typ)
		}
		if last.id != "f-7" {
			t.Errorf("the goodbye is at %s", last.id)
		}
		if !p.conn.Owing() {
			t.Error("the stream does not say that it owes gaps")
		}
	})
}

// The position of a stream that was refused before it began is a fresh start.
func TestFreshPosition(t *testing.T) {
	inBubble(t, eventlog.Options{}, Options{}, func(h *harness) {
		h.publish("a")
		h.join(Fresh+"-0", "a").want("registered@1", `lastEvent a {"type":"m","payload":1}@1`)
	})
}

// What is no longer kept is announced, per channel, before what is; at the edge
// nothing is missing.
func TestEvicted(t *testing.T) {
	inBubble(t, eventlog.Options{Events: 2}, Options{}, func(h *harness) {
		h.publish("a", "b", "a", "a", "a") // a keeps 4 and 5
		gap := func(at string) string { return `gap a {"after":"e-` + at + `","reason":"evicted"}@` + at }
		h.join("e-0", "b", "a").want("registered resumed@0", gap("0"), "b 2@2", "a 4@4", "a 5@5")
		h.join("e-2", "b", "a").want("registered resumed@2", gap("2"), "a 4@4", "a 5@5")
		h.join("e-3", "b", "a").want("registered resumed@3", "a 4@4", "a 5@5")
		h.join("e-0", "b").want("registered resumed@0", "b 2@2")
	})
}

// A channel that keeps nothing has its lastEvent behind the gap.
func TestEvictedAll(t *testing.T) {
	inBubble(t, eventlog.Options{Age: time.Minute}, Options{}, func(h *harness) {
		h.publish("a", "b")
		time.Sleep(2 * time.Minute)
		h.publish("b")
		p := h.join("e-0", "a", "b", "c")
		p.want("registered resumed@0",
			`gap a {"after":"e-0","reason":"evicted"}@0`, "lastEvent a {}@0",
			`gap b {"after":"e-0","reason":"evicted"}@0`, "b 3@3")
		h.publish("a")
		p.want("a 4@4")
		h.join("e-2", "a", "b").want("registered resumed@2", "b 3@3", "a 4@4")
	})
}

// A stream that fell behind catches up in order; what it missed for good is
// announced before the next event.
func TestSlowCatchesUp(t *testing.T) {
	inBubble(t, eventlog.Options{Events: 3}, Options{}, func(h *harness) {
		p := h.join("", "a", "b")
		p.want("registered@0", "lastEvent a {}@0", "lastEvent b {}@0")
		p.give(0)
		h.publish("a", "b")
		h.publish("a")
		if got := h.hub.Pending(p.conn, []string{"a", "b"}); got != 3 {
			t.Errorf("%d events pending, want 3", got)
		}
		p.give(endless)
		h.rest()
		p.want("a 1@1", "b 2@2", "a 3@3")
		p.give(10)
		h.publish("a")
		for range 4 {
			h.publish("a")
		}
		p.give(endless)
		h.rest()
		p.want("a 4@4", `gap a {"after":"e-4","reason":"evicted"}@4`, "a 6@6", "a 7@7", "a 8@8")
		if got := h.hub.Pending(p.conn, []string{"a", "b"}); got != 0 {
			t.Errorf("%d events pending, want none", got)
		}
	})
}

// The position of a stream that is stuck before the first event of the log is
// not the one of the others.
func TestPositionBeforeFirst(t *testing.T) {
	inBubble(t, eventlog.Options{}, Options{}, func(h *harness) {
		p := h.join("", "a")
		p.give(0)
		h.publish("a", "a")
		if got := p.conn.Position().Seq; got != 0 {
			t.Errorf("position %d, nothing was given", got)
		}
		if got := h.hub.Pending(p.conn, []string{"a"}); got != 2 {
			t.Errorf("%d events pending, want 2", got)
		}
	})
}

// A stream is given what is published between its greeting and its first turn,
// however it joins.
func TestPublishedWhileJoining(t *testing.T) {
	for _, resume := range []string{"", "e-1", "garbled"} {
		inBubble(t, eventlog.Options{}, Options{Shards: 1}, func(h *harness) {
			h.publish("a", "a")
			p := h.newPeer(endless)
			p.ambush(func() { h.publishRaw("a", "b") })
			p.attach(Subscription{Resume: resume, Channels: []string{"a"}, Greet: func(at, id eventlog.Position, resumed bool) []byte {
				h.publishRaw("b", "a")
				return greet(at, id, resumed)
			}})
			h.rest()
			frames := p.frames()
			var got []string
			for _, f := range frames {
				if f.typ == "m" {
					got = append(got, brief(h, f))
				}
			}
			want := "a 4@4 a 5@5"
			if resume == "e-1" {
				want = "a 2@2 " + want
			}
			if strings.Join(got, " ") != want {
				t.Errorf("resume %q: %v, want %s", resume, got, want)
			}
		})
	}
}

// Long histories and long lists of channels are given in many steps.
func TestManySteps(t *testing.T) {
	inBubble(t, eventlog.Options{}, Options{Shards: 1}, func(h *harness) {
		big := `"` + strings.Repeat("x", 30<<10) + `"`
		var names, want []string
		for i := range 20 {
			names = append(names, fmt.Sprint("c", i))
			h.append(eventlog.Event{Channel: names[i], Type: "m", Payload: []byte(big)})
			want = append(want, fmt.Sprintf("lastEvent@20 c%d", i))
		}
		var history []string
		for i := range names {
			history = append(history, fmt.Sprintf("m@%d c%d", i+1, i))
		}
		for range 600 {
			h.publishRaw("c0")
		}
		h.rest()
		for i := range 600 {
			history = append(history, fmt.Sprintf("m@%d c0", i+21))
		}
		told := func(p *peer) (got []string) {
			for _, f := range p.frames()[1:] {
				got = append(got, f.typ+"@"+strings.TrimPrefix(f.id, "e-")+" "+f.json(h).ChannelName)
			}
			return got
		}
		p := h.join("e-0", names...)
		if got := told(p); strings.Join(got, "\n") != strings.Join(history, "\n") {
			t.Errorf("resumed: %d frames, want %d: %v", len(got), len(history), got)
		}
		// The same again, over a transport that takes little at a time and while more
		// is published.
		p = h.newPeer(50 << 10)
		p.attach(Subscription{Channels: names})
		for i := range 300 {
			h.publish("c1")
			want = append(want, fmt.Sprintf("m@%d c1", 621+i))
			p.give(5 << 10)
		}
		p.give(endless)
		h.rest()
		for i := range 20 {
			want[i] = fmt.Sprintf("lastEvent@620 c%d", i)
		}
		if got := told(p); strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("fresh: %d frames, want %d: %v", len(got), len(want), got)
		}
	})
}

// A crowd that comes back at once catches up side by side, while the flow goes on.
func TestManyLaggards(t *testing.T) {
	inBubble(t, eventlog.Options{}, Options{Shards: 1}, func(h *harness) {
		var want []string
		for i := range 700 {
			h.publishRaw("a")
			want = append(want, fmt.Sprintf("a %d@%d", i+1, i+1))
		}
		h.rest()
		all := make([]*peer, 50)
		for i := range all {
			all[i] = h.newPeer(endless)
			all[i].ambush(func() { h.publishRaw("a") })
			all[i].attach(Subscription{Channels: []string{"a"}, Resume: fmt.Sprint("e-", i)})
			want = append(want, fmt.Sprintf("a %d@%d", 701+i, 701+i))
		}
		h.rest()
		for i, p := range all {
			p.want(append([]string{fmt.Sprintf("registered resumed@%d", i)}, want[i:]...)...)
		}
	})
}
