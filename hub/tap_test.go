package hub

import (
	"bytes"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"rollcall/hub/eventlog"
)

// bodyOf returns the text in a stream's bytes, as far as they go.
func bodyOf(chunked bool, b []byte) []byte {
	if !chunked {
		return b
	}
	var text []byte
	for {
		line, rest, ok := bytes.Cut(b, []byte("\r\n"))
		if !ok {
			return text
		}
		size := 0
		for _, c := range line {
			size = size*16 + strings.IndexByte("0123456789abcdef", c)
		}
		text = append(text, rest[:min(size, len(rest))]...)
		b = rest[min(size+2, len(rest)):]
	}
}

// TestTapModel taps streams in random lives. What must be true:
//
//   - What was due when the tap began and what it saw since is what the client has
//     got and has still to take of what it was given.
//   - Of a stream that ended the client got that, or the beginning of it where it
//     was cut; the tap was told so once, and nothing after.
//   - A tap that was stopped sees nothing more.
func TestTapModel(t *testing.T) {
	var seen coverage
	taps, ended := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		rapid.SyncTest(rt, func(rt *rapid.T) {
			m := &tapMachine{machine: newMachine(rt, &seen)}
			defer m.close()
			rt.Repeat(rapid.StateMachineActions(m))
			m.settle(rt)
			m.judgeTaps(rt)
			taps += len(m.taps)
			for _, x := range m.taps {
				if x.ends > 0 {
					ended++
				}
			}
		})
	})
	if seen.lives >= 100 && (taps == 0 || ended == 0 || ended == taps || seen.partial == 0) {
		t.Errorf("%d taps, %d to the end; the machine didn't come to all the places it is for", taps, ended)
	}
}

type tapMachine struct {
	*machine
	taps []*tapping
}

// tapping is one tap and what it saw.
type tapping struct {
	of     *life
	before []byte // what its client had got or was due when it began
	saw    []byte
	ends   int
	late   int // calls after the end
	stop   func()
	most   int // bytes that it may have seen once stopped; -1 while it isn't
}

func (x *tapping) hear(sse []byte) {
	if x.ends > 0 {
		x.late++
	}
	if sse == nil {
		x.ends++
	}
	x.saw = append(x.saw, sse...)
}

// given returns the text that a stream at rest has got, and with what it was given
// and has not taken.
func given(l *life) (got, due []byte) {
	taken := l.look().taken
	whole := slices.Clone(taken)
	parked(l.conn.shard, func() { whole = append(whole, l.conn.rest...) })
	return bodyOf(l.framed, taken), bodyOf(l.framed, whole)
}

// Tap begins a tap.
func (m *tapMachine) Tap(rt *rapid.T) {
	x := &tapping{of: m.one(rt, anyLife), most: -1}
	_, x.before = given(x.of)
	x.stop = x.of.conn.Tap(x.hear)
	m.taps = append(m.taps, x)
}

// Untap stops a tap, once or again.
func (m *tapMachine) Untap(rt *rapid.T) {
	if len(m.taps) == 0 {
		rt.Skip("no tap")
	}
	x := rapid.SampledFrom(m.taps).Draw(rt, "tap")
	x.stop()
	synctest.Wait()
	if x.most < 0 {
		x.most = len(x.saw)
	}
}

// TapLate taps an ended stream, which is reported at once.
func (m *tapMachine) TapLate(rt *rapid.T) {
	l := m.one(rt, anyLife)
	l.kicked = true
	l.conn.End(Kicked)
	x := new(tapping)
	stop := l.conn.Tap(x.hear)
	synctest.Wait()
	stop()
	if synctest.Wait(); x.ends != 1 || len(x.saw) > 0 {
		rt.Fatalf("a tap behind the end was told %d times, %q", x.ends, x.saw)
	}
}

// Check holds after every step.
func (m *tapMachine) Check(rt *rapid.T) {
	m.machine.Check(rt)
	m.judgeTaps(rt)
}

func (m *tapMachine) judgeTaps(rt *rapid.T) {
	open := make(map[*shard]map[*Conn]int)
	for _, s := range m.hub.shards {
		open[s] = make(map[*Conn]int)
	}
	for i, x := range m.taps {
		over := len(x.of.ended()) > 0
		if x.late > 0 || x.ends > 1 || x.ends == 1 && !over || over && x.ends == 0 && x.most < 0 {
			rt.Fatalf("tap %d was told of %d ends, and then %d times; the stream has ended: %v", i, x.ends, x.late, over)
		}
		if x.most >= 0 {
			if len(x.saw) > x.most {
				rt.Fatalf("tap %d saw %q after it was stopped", i, x.saw[x.most:])
			}
			continue
		}
		if !over {
			open[x.of.conn.shard][x.of.conn]++
		}
		want := append(slices.Clone(x.before), x.saw...)
		got, due := given(x.of)
		cut := over && x.of.look().cut
		if !cut && !bytes.Equal(due, want) || !bytes.HasPrefix(want, got) {
			rt.Fatalf("tap %d saw %q behind %q, the client has %q of %q", i, x.saw, x.before, got, due)
		}
		if len(x.saw) > 0 && !bytes.HasSuffix(x.saw, []byte("\n\n")) {
			rt.Fatalf("tap %d saw a part of an event: %q", i, x.saw)
		}
	}
	for s, conns := range open {
		parked(s, func() {
			if len(s.taps) != len(conns) {
				rt.Fatalf("%d streams are tapped, the shard says %d", len(conns), len(s.taps))
			}
			for _, c := range s.conns {
				if len(s.taps[c]) != conns[c] || c.state&tapped != 0 != (conns[c] > 0) {
					rt.Fatalf("a stream has %d taps, the shard says %d", conns[c], len(s.taps[c]))
				}
			}
		})
	}
}

// Taps come and go while streams are written to, end, and the hub closes: no tap is
// called twice at once (its own state has no lock), nor after the end, and one that
// stays sees the last that its client got.
func TestTapUnderLoad(t *testing.T) {
	h := start(t, eventlog.Options{}, Options{Shards: 2})
	const streams = 40
	var work sync.WaitGroup
	kept := make([]*tapping, streams)
	peers := make([]*peer, streams)
	for i := range streams {
		p := h.newPeer(endless)
		p.attach(Subscription{Channels: []string{"a"}})
		peers[i], kept[i] = p, new(tapping)
		p.conn.Tap(kept[i].hear)
		for range 2 {
			work.Go(func() {
				for range 30 {
					x := new(tapping)
					stop := p.conn.Tap(x.hear)
					p.conn.SendEvent(direct, func(bool) {})
					stop()
				}
				if i%4 == 0 {
					p.conn.End(Kicked)
				}
			})
		}
	}
	work.Go(func() {
		for range 200 {
			h.publishRaw("a", "a")
		}
	})
	work.Go(func() {

		h.hub.Stats()
		h.hub.Shed(streams/2, Draining)
	})
	work.Wait()
	h.hub.Close()
	for i, p := range peers {
		if n := len(p.ended()); n != 1 || kept[i].ends != 1 || kept[i].late != 0 {
			t.Fatalf("stream %d ended %d times, its tap was told %d times", i, n, kept[i].ends)
		}
		if text := bodyOf(true, p.look().taken); !bytes.HasSuffix(text, kept[i].saw) || len(kept[i].saw) == 0 {
			t.Fatalf("stream %d: a tap saw %q, its client got %q", i, kept[i].saw, text)
		}
		x := new(tapping)
		if p.conn.Tap(x.hear)(); x.ends != 1 {
			t.Fatalf("stream %d: a tap behind the end was told %d times", i, x.ends)
		}
	}
	h.close()
}

func direct(at eventlog.Position, d *Dialect) []byte {
	return d.AppendDirect(nil, at, "direct", []byte("1"), time.Now())
}
