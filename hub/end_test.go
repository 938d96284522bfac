package hub

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/hub/eventlog"
)

// A goodbye comes last, with a retry before it, under the position reached.
func TestGoodbye(t *testing.T) {
	why := Reason{Code: "x", Text: "Because \"so\".\n", Reconnect: true, Retry: 1234567 * time.Microsecond}
	want := "retry: 1234\nid: e-7\nevent: goodbye\n" +
		`data: {"type":"goodbye","payload":"{\"code\":\"x\",\"reason\":\"Because \\\"so\\\".\\u000a\",\"reconnect\":true}"}` + "\n\n"
	if got := string(why.Goodbye([]byte("before"), eventlog.Position{Epoch: "e", Seq: 7})); got != "before"+want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for _, why := range []Reason{Draining, Overloaded, Slow, Expired, Kicked, Limited} {
		f := parse(t, false, why.Goodbye(nil, eventlog.Position{Epoch: "e"})).frames[0]
		text := fmt.Sprintf(`{"code":%q,"reason":%q,"reconnect":%t}`, why.Code, why.Text, why.Reconnect)
		if got := f.json(t).text(t); got != text || f.id != "e-0" || f.typ != "goodbye" {
			t.Errorf("%s: %+v", why.Code, f)
		}
	}
}

// The retry of ended streams is random, so they do not reconnect all at once.
func TestGoodbyeJitter(t *testing.T) {
	seen := make(map[int]bool)
	for range 200 {
		f := parse(t, false, Draining.Goodbye(nil, eventlog.Position{Epoch: "e"})).frames[0]
		if f.retry < 1000 || f.retry > 5000 {
			t.Fatalf("retry %d", f.retry)
		}
		seen[f.retry] = true
	}
	if len(seen) < 100 {
		t.Errorf("%d different times of 200", len(seen))
	}
}

// End says goodbye and closes the stream in order; what was due before is given.
func TestEnd(t *testing.T) {
	for _, chunked := range []bool{false, true} {
		inBubble(t, eventlog.Options{}, Options{}, func(h *harness) {
			p := h.newPeer(endless)
			p.framed, p.wire.chunked = chunked, chunked
			p.attach(Subscription{Channels: []string{"a"}})
			h.publish("a", "b")
			p.conn.End(Kicked)
			h.rest()
			p.want("registered@0", "lastEvent a {}@0", "a 1@1", "goodbye kicked@2")
			p.wantEnd("kicked")
			if p.look().cut || chunked && p.wire.stage != atEnd {
				t.Error("the stream is cut, not ended")
			}
			p.conn.End(Draining)
			p.conn.Lost()
			p.conn.Ready()
			p.conn.StartNotices(nil, nil)
			h.publish("a")
			p.want()
			p.wantEnd("kicked")
			if got := h.hub.Streams(); got != 0 {
				t.Errorf("%d streams", got)
			}
		})
	}
}

// A blocked stream is cut: a goodbye would be in the middle of a frame. So is one
// whose transport takes a part of the goodbye only.
func TestEndOfBlocked(t *testing.T) {
	inBubble(t, eventlog.Options{}, Options{}, func(h *harness) {
		p, q := h.join("", "a"), h.join("", "b")
		p.give(50)
		q.give(50)
		h.publish("a")
		p.conn.End(Kicked)
		q.conn.End(Kicked)
		h.rest()
		p.wantEnd("kicked")
		q.wantEnd("kicked")
		if !p.look().cut || !q.look().cut {
			t.Error("not cut")
		}
		p.want("registered@0", "lastEvent a {}@0")
		q.want("registered@0", "lastEvent b {}@0")
	})
}

// A peer that is gone gets no goodbye, and the others notice nothing.
func TestGone(t *testing.T) {
	inBubble(t, eventlog.Options{}, Options{Shards: 1}, func(h *harness) {
		lost, broken, fine := h.join("", "a"), h.join("", "a"), h.join("", "a")
		lost.conn.Lost()
		broken.breakDown()
		h.rest()
		h.publish("a", "a")
		lost.wantEnd("gone")
		broken.wantEnd("gone")
		lost.want("registered@0", "lastEvent a {}@0")
		fine.want("registered@0", "lastEvent a {}@0", "a 1@1", "a 2@2")
		fine.wantOpen()
		if !lost.look().cut || !broken.look().cut {
			t.Error("not cut")
		}
	})
}

// Drain sees all streams off and takes in no new ones.
func TestDrain(t *testing.T) {
	inBubble(t, eventlog.Options{}, Options{Shards: 2}, func(h *harness) {
		var all []*peer
		for range 20 {
			all = append(all, h.join("", "a"))
		}
		h.publish("a")
		if err := h.hub.Drain(context.Background(), Draining); err != nil {
			t.Fatal(err)
		}
		if n := h.hub.Streams(); n != 0 {
			t.Errorf("%d streams", n)
		}
		retries := make(map[int]bool)
		for _, p := range all {
			p.want("registered@0", "lastEvent a {}@0", "a 1@1", "goodbye draining@1")
			p.wantEnd("draining")
			retries[p.wire.frames[3].retry] = true
		}
		if len(retries) < 10 {
			t.Errorf("20 streams come back at %d times", len(retries))
		}
		late := h.newPeer(endless)
		late.attach(Subscription{Channels: []string{"a"}, Resume: "e-0"})
		h.rest()
		late.want("registered resumed@0", "goodbye draining@0")
		late.wantEnd("draining")
	})
}

// A stream that is blocked when the hub drains may still take what it was given
// and its goodbye; what is behind, it resumes elsewhere.
func TestDrainOfBlocked(t *testing.T) {
	inBubble(t, eventlog.Options{}, Options{}, func(h *harness) {
		p, deaf := h.join("", "a"), h.join("", "a")
		p.give(20)
		deaf.give(20)
		h.publish("a", "a")
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		drained := make(chan error)
		go func() { drained <- h.hub.Drain(ctx, Draining) }()
		synctest.Wait()
		p.wantOpen()
		p.give(endless)
		h.rest()
		p.want("registered@0", "lastEvent a {}@0", "a 1@1", "goodbye draining@1")
		p.wantEnd("draining")
		if p.look().cut {
			t.Error("cut")
		}
		deaf.wantOpen()
		if err := <-drained; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Drain: %v", err)
		}
		h.rest()
		deaf.wantEnd("draining")
		if now := deaf.look(); !now.cut || now.wrong != "[]" {
			t.Errorf("%+v", now)
		}
	})
}

// The reason of a drain is the caller's; a stream that gets stuck meanwhile is
// ended by the clock, so that Drain needs no deadline.
func TestDrainReason(t *testing.T) {
	inBubble(t, eventlog.Options{}, Options{}, func(h *harness) {
		p, deaf := h.join(""), h.join("", "a")
		deaf.give(0)
		h.publish("a")
		if err := h.hub.Drain(context.Background(), Overloaded); err != nil {
			t.Fatal(err)
		}
		h.rest()
		p.wantEnd("overloaded")
		deaf.wantEnd("slow")
	})
}

// Any number of callers may drain and close at once.
func TestDrainTwice(t *testing.T) {
	inBubble(t, eventlog.Options{}, Options{}, func(h *harness) {
		p := h.join("", "a")
		p.give(0)
		h.publish("a")
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				if err := h.hub.Drain(context.Background(), Draining); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		p.give(endless)
		wg.Wait()
		p.wantEnd("draining")
		for range 3 {
			wg.Go(h.hub.Close)
		}
		wg.Wait()
		if err := h.hub.Drain(context.Background(), Draining); err != nil {
			t.Error(err)
		}
	})
}

// Close cuts what is there; what comes later does no harm.
func TestClose(t *testing.T) {
	inBubble(t, eventlog.Options{}, Options{Shards: 2}, func(h *harness) {
		p, q := h.join("", "a"), h.join("", "a")
		h.hub.Close()
		p.wantEnd("draining")
		q.wantEnd("draining")
		if !p.look().cut || !q.look().cut {
			t.Error("not cut")
		}
		for range 2 {
			h.publish("a")
			p.conn.Ready()
			p.conn.Lost()
			p.conn.End(Kicked)
			p.conn.StartNotices([]*Notice{{Channel: "a", Type: "presence", Payload: []byte("{}"), Version: 1}}, nil)
			h.hub.Notify(&Notice{Channel: "a", Type: "presence", Payload: []byte("{}"), Version: 2})
			h.hub.Notify(&Notice{Type: "online-presence", Payload: []byte("{}"), Version: 2})
			_ = p.conn.Position()
			h.hub.Pending(p.conn, []string{"a"})
			late := h.newPeer(endless)
			late.owner.onEnd = func(c *Conn, _ Reason) { c.End(Kicked) } // which returns at once, always
			late.attach(Subscription{Channels: []string{"a"}, Wants: WantOnline | WantMembers})
			h.rest()
			late.wantEnd("draining")
			if got := h.hub.Streams(); got != 0 {
				t.Errorf("%d streams", got)
			}
			h.hub.Close()
		}
		// A tail without a reader would hold up appends.
		big := []byte(`"` + strings.Repeat("x", 60<<10) + `"`)
		for range 70 << 20 / len(big) {
			h.append(eventlog.Event{Channel: "b", Type: "m", Payload: big})
		}
	})
}

// Whatever ends a stream, even several causes at once: its owner is notified once, its transport is closed once before
// that and not written to any more, and Drain returns.
func TestEndedOnce(t *testing.T) {
	for round := range 40 {
		synctest.Test(t, func(t *testing.T) {
			h := start(t, eventlog.Options{}, Options{Shards: 1 + round%3})
			defer h.close()
			rng := rand.New(rand.NewPCG(uint64(round), 3))
			var mu sync.Mutex
			var all []*peer
			one := func(i int) *peer {
				mu.Lock()
				defer mu.Unlock()
				if len(all) == 0 {
					return nil
				}
				return all[i%len(all)]
			}
			var ended atomic.Int64
			var wg sync.WaitGroup
			acts := make([]int, 400)
			for i := range acts {
				acts[i] = rng.IntN(1 << 20)
			}
			for part := range slices.Chunk(acts, 100) {
				wg.Go(func() {
					for _, n := range part {
						p := one(n >> 4)
						switch kind := n % 16; {
						case p == nil || kind < 6:
							p = h.newPeer([]int{endless, endless, 0, 300}[n>>4%4])
							p.owner.onEnd = func(*Conn, Reason) {
								ended.Add(1)
								if !p.look().closed {
									t.Error("ended before its transport was closed")
								}
							}
							p.attach(Subscription{Channels: []string{"a", "b"}[:n>>6%3], Wants: Wants(n >> 8 % 4)})
							mu.Lock()
							all = append(all, p)
							mu.Unlock()
						case kind == 6:
							p.conn.End(Kicked)
						case kind == 7:
							p.conn.Lost()
						case kind == 8:
							p.breakDown()
						case kind < 11:
							p.give(endless)
						case kind == 11:
							p.give(n >> 4 % 99)
						case kind == 12:
							p.conn.StartNotices([]*Notice{{Channel: "a", Type: "presence", Version: 1}}[:p.conn.wants/2%2], nil)
						case kind == 13:
							h.hub.Notify(&Notice{Type: "online-presence", Payload: []byte("[]"), Version: uint64(n)})
						default:
							events := []eventlog.Event{{Channel: "a", Type: "m", Payload: []byte("1")}}
							if _, err := h.hub.Publish(context.Background(), events); err != nil {
								t.Error(err)
							}
						}
					}
				})
			}
			if round%2 == 0 {
				wg.Go(func() {
					if err := h.hub.Drain(context.Background(), Draining); err != nil {
						t.Error(err)
					}
				})
			} else {
				wg.Go(h.hub.Close)
			}
			wg.Wait()
			if err := h.hub.Drain(context.Background(), Draining); err != nil {
				t.Error(err)
			}
			h.rest()
			if int(ended.Load()) != len(all) || h.hub.Streams() != 0 {
				t.Errorf("round %d: %d ends of %d streams, %d are left", round, ended.Load(), len(all), h.hub.Streams())
			}
			for _, p := range all {
				p.frames()
				if n := len(p.ended()); n != 1 {
					t.Errorf("round %d: a stream ended %d times", round, n)
				}
			}
		})
	}
}
