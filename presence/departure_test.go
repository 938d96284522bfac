package presence

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// A connection that ended costs what it held: the other memberships of its client, which
// may be a million, are not looked at. The test takes them away.
func TestDepartureCost(t *testing.T) {
	for _, grace := range []time.Duration{0, time.Second} {
		synctest.Test(t, func(t *testing.T) {
			r := NewRegistry(grace)
			come(r, "stays", "guest", "", "a", "b", "c")
			goes := come(r, "goes", "guest", "", "c", "d")
			on := r.clients["guest"].on
			others := append([]*member(nil), on[:4]...)
			clear(on[:4]) // looking at one of them would panic
			r.Leave(goes)
			time.Sleep(grace)
			r.Expire()
			copy(on, others)
			check(t, r)
			if n := r.Channel("d").Clients; n != 0 {
				t.Errorf("%d clients are on the channel that was left", n)
			}
		})
	}
}

// If very many clients leave at once, the registry removes some at a time, so that the lock is never held long, and
// reports that more are due.
func TestExpireInSteps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRegistry(time.Second)
		const n = expireStep/10 + 1
		names := make([]string, 9) // and Everyone
		for i := range names {
			names[i] = fmt.Sprint(i)
		}
		var conns []*Connection
		for i := range n {
			conns = append(conns, come(r, fmt.Sprint(i), fmt.Sprint(i), "", names...))
		}
		for _, c := range conns {
			r.Leave(c)
		}
		time.Sleep(time.Second)
		r.Expire()
		if at, ok := r.Next(); !ok || at.After(time.Now()) || r.Online() != 1 {
			t.Fatalf("after a step %d clients are online, the next time is %v: %v", r.Online(), at, ok)
		}
		check(t, r)
		r.Expire()
		takeAll(r)
		checkEmpty(t, r)
	})
}

// A connection may join again under its id while the grace of the former one runs, as another server's may: each of
// them removes the client from its own channels.
func TestSameConnectionTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRegistry(10 * time.Second)
		r.Leave(come(r, "1", "ann", "", "a"))
		time.Sleep(5 * time.Second)
		r.Leave(come(r, "1", "ann", "", "b"))
		time.Sleep(5 * time.Second)
		r.Expire()
		check(t, r)
		if r.Channel("a").Clients != 0 || r.Channel("b").Clients != 1 {
			t.Errorf("a has %d clients, b %d", r.Channel("a").Clients, r.Channel("b").Clients)
		}
		if !r.EndGrace("1") {
			t.Error("the second one has no grace")
		}
		time.Sleep(5 * time.Second)
		r.Expire()
		takeAll(r)
		checkEmpty(t, r)
	})
}
