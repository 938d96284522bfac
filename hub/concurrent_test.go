package hub

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/hub/eventlog"
)

// Publishers and clients go about their business at the same time: clients join
// afresh, take bytes in pieces, drop, come back with the last id they saw, over
// and over, while batches are published. The account of every single connection
// must be right: what is in account, and that the hand-over from history to live
// flow is exact whatever goes on.
func TestConcurrent(t *testing.T) {
	for _, c := range []struct {
		name string
		keep eventlog.Options
	}{{"roomy", eventlog.Options{Events: 1 << 20, Bytes: 1 << 30, Budget: 1 << 32}}, {"tight", eventlog.Options{Events: 4}}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := start(t, c.keep, Options{Shards: 2})
				defer h.close()
				crowd := &crowd{h: h, names: []string{"a", "b", "c", "d", "e"}}
				crowd.run(t)
				h.rest()
			})
		})
	}
}

type crowd struct {
	h     *harness
	names []string

	mu    sync.Mutex
	lives []*visit
}

// visit is one connection of a client and what it got.
type visit struct {
	channels []string
	resume   string
	frames   []frame
}

func (c *crowd) run(t *testing.T) {
	const publishers, batches, clients = 3, 250, 10
	began := time.Now()
	all := c.h.log.Tail(nil)
	defer all.Close()
	var work, visits sync.WaitGroup
	for i := range clients {
		rng := rand.New(rand.NewPCG(uint64(i), 1))
		visits.Go(func() { c.client(t, rng) })
	}
	for i := range publishers {
		rng := rand.New(rand.NewPCG(uint64(i), 2))
		work.Go(func() {
			for range batches {
				if rng.IntN(8) == 0 {
					time.Sleep(time.Nanosecond) // in the bubble: until all other goroutines are idle
				}
				events := make([]eventlog.Event, 1+rng.IntN(5))
				for i := range events {
					events[i] = eventlog.Event{Channel: c.names[rng.IntN(len(c.names))], Type: "m", Payload: strconv.AppendInt(nil, rng.Int64(), 10)}
				}
				if _, err := c.h.hub.Publish(context.Background(), events); err != nil {
					t.Error(err)
				}
			}
		})
	}
	work.Wait()
	var last []eventlog.Event
	for _, name := range c.names {
		last = append(last, eventlog.Event{Channel: name, Type: "m", Payload: []byte(`"last"`)})
	}
	c.h.append(last...)
	visits.Wait()
	if passed := time.Since(began); passed > time.Second { // in the bubble: all were stuck
		t.Errorf("it took until the clock went on by %v", passed)
	}
	ledger := newLedger()
	ledger.add(all.Next(nil, 1<<20))
	ledger.audit(c.h.log, c.names)
	gaps, resumed := 0, 0
	for i, v := range c.lives {
		g := v.hold(named{t, fmt.Sprintf("visit %d of %q from %q: ", i, v.channels, v.resume)}, ledger)
		gaps += g
		if v.resume != "" {
			resumed++
		}
	}
	t.Logf("%d events, %d visits, %d of them resumed, %d gaps", len(ledger.records), len(c.lives), resumed, gaps)
	if len(ledger.lost) == 0 && gaps > 0 || resumed == 0 {
		t.Error("that is not what this test is for")
	}
}

// client lives until it has got the last event of each of its channels.
func (c *crowd) client(t *testing.T, rng *rand.Rand) {
	var channels []string
	for _, i := range rng.Perm(len(c.names))[:1+rng.IntN(len(c.names))] {
		channels = append(channels, c.names[i])
	}
	missing := slices.Clone(channels)
	resume := ""
	for len(missing) > 0 {
		f := newFake(rng.IntN(2) == 0, []int{endless, 0, 50, 3000}[rng.IntN(4)])
		o := new(owner)
		conn := c.h.hub.Attach(Subscription{Channels: channels, Resume: resume, Transport: f, Owner: o, Greet: greet})
		v := &visit{channels: channels, resume: resume}
		stay := 1 + rng.IntN(30) // frames
		w := wire{chunked: f.framed}
		fed := 0
		for len(missing) > 0 && len(w.frames) < stay {
			<-f.grown
			now := f.look()
			w.feed(now.taken[fed:])
			fed = len(now.taken)
			if w.err != nil || now.wrong != "[]" || now.closed {
				t.Errorf("%v, %s, closed %v", w.err, now.wrong, now.closed)
				return
			}
			for _, f := range w.frames[len(v.frames):] {
				v.frames = append(v.frames, f)
				if b := f.json(t); string(b.Payload) == `"last"` {
					missing = slices.DeleteFunc(missing, func(name string) bool { return name == b.ChannelName })
				}
			}
			if now.owed {
				f.give([]int{endless, 1, 20, 1000}[rng.IntN(4)])
			}
		}
		if n := len(v.frames); n > 0 {
			resume = v.frames[n-1].id
		}
		conn.Lost()
		c.mu.Lock()
		c.lives = append(c.lives, v)
		c.mu.Unlock()
	}
}

// hold checks the visit against the ledger and returns the number of its gaps.
func (v *visit) hold(t failer, l *ledger) int {
	t.Helper()
	if len(v.frames) == 0 {
		return 0
	}
	at, err := eventlog.ParsePosition(v.frames[0].id)
	if err != nil {
		t.Fatalf("begins with %+v", v.frames[0])
	}
	opening := []string{fmt.Sprintf("registered resumed@%d", at.Seq)}
	if v.resume == "" {
		opening[0] = fmt.Sprintf("registered@%d", at.Seq)
		for _, name := range v.channels {
			text := "{}"
			if before := l.between(0, at.Seq, []string{name}); len(before) > 0 {
				text = fmt.Sprintf(`{"type":"m","payload":%s}`, before[len(before)-1].Payload())
			}
			opening = append(opening, fmt.Sprintf("lastEvent %s %s@%d", name, text, at.Seq))
		}
	} else if at.String() != v.resume {
		t.Fatalf("resumes at %v", at)
	}
	a := newAccount(t, l, v.channels, opening, at.Seq)
	for _, f := range v.frames {
		a.read(f)
	}
	return a.gaps
}
