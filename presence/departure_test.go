package presence

import (
	"fmt"
	"maps"
	"slices"
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

// A registry that was told of another one's departures has the same clients, channels and infos at each time, and lets
// them go when the other does.
func TestDeparturesAreHandedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const grace = 10 * time.Second
		old := NewRegistry(grace)
		var conns []*Connection
		for i := range 30 {
			client := fmt.Sprint("c", i%20) // some have two connections
			conns = append(conns, come(old, fmt.Sprint("x", i), client, fmt.Sprintf(`{"n":%d}`, i), "a", fmt.Sprint("b", i%7)))
		}
		for _, conn := range conns[:25] { // five stay
			time.Sleep(300 * time.Millisecond)
			old.Leave(conn)
		}
		old.EndGrace("x3")

		fresh := NewRegistry(grace)
		for _, conn := range conns[25:] { // they are in the first state that a new server gets
			channels := []string{conn.on[1].ch.name, conn.on[2].ch.name}
			fresh.JoinRemote(&Connection{ID: conn.ID, ClientID: conn.ClientID, ConnectedAt: conn.ConnectedAt}, channels, conn.Info)
		}
		after := ""
		for pages := 1; ; pages++ {
			list, more := old.Departures(after, 5*departureSize)
			fresh.Departed(list)
			fresh.Departed(list) // twice is once
			if !more {
				if pages < 5 {
					t.Errorf("%d pages", pages)
				}
				break
			}
			after = list[len(list)-1].ConnID
		}
		for range 120 {
			old.Expire()
			fresh.Expire()
			check(t, fresh)
			if want, got := state(old), state(fresh); got != want {
				t.Fatalf("after %v the new registry has\n%swant\n%s", time.Since(old.born), got, want)
			}
			time.Sleep(100 * time.Millisecond)
		}
		if n := fresh.Online(); n != 5 {
			t.Errorf("%d clients are online, want 5", n)
		}
	})
}

// state is a registry's clients with their infos and channels.
func state(r *Registry) (text string) {
	for _, name := range slices.Sorted(maps.Keys(r.clients)) {
		who := r.clients[name]
		var on []string
		for _, m := range who.on {
			on = append(on, m.ch.name)
		}
		slices.Sort(on)
		text += fmt.Sprintf("%s %s %v\n", name, who.info.json(), on)
	}
	return text
}
