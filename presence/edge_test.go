package presence

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"
)

// Edges and members are JSON, whatever the names.
func TestJSON(t *testing.T) {
	at := time.Date(2026, 11, 20, 15, 4, 5, 123456789, time.FixedZone("", 3600))
	for _, c := range []struct {
		e    Edge
		want string
	}{
		{
			Edge{Kind: Join, Channel: Everyone, ClientID: "u1", Online: 3, Time: at},
			`{"clientId":"u1","info":null,"online":3,"timestamp":"2026-11-20T14:04:05.123Z"}`,
		}, {
			Edge{Kind: Leave, Channel: `a"b`, ClientID: "\\\x01\u2028", Info: []byte(`{"n":1}`), Time: at},
			`{"clientId":"\\\u0001` + "\u2028" + `","info":{"n":1},"channelName":"a\"b","online":0,"timestamp":"2026-11-20T14:04:05.123Z"}`,
		},
	} {
		got := string(c.e.AppendJSON([]byte("before"))[len("before"):])
		if got != c.want || !json.Valid([]byte(got)) {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
	m := Member{ClientID: `"`, Info: []byte("{}")}
	if got := string(m.AppendJSON([]byte("["))); got != `[{"clientId":"\"","info":{}}` {
		t.Error(got)
	}
}

// A reader that waits for Changed and for the time from Next misses nothing, and has nothing to do otherwise.
func TestChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, began := NewRegistry(10*time.Second), time.Now()
		changed := func() bool {
			select {
			case <-r.Changed():
				return true
			default:
				return false
			}
		}
		if _, ok := r.Next(); ok || changed() {
			t.Error("something happens in an empty registry")
		}
		a, b := come(r, "1", "ann", "", "x"), come(r, "2", "ann", "", "x")
		if !changed() || changed() || len(takeAll(r)) != 2 {
			t.Error("a join is one change of two edges")
		}
		r.Leave(a)
		if !changed() || len(takeAll(r)) != 0 {
			t.Error("there is a time to wait for now, and no edge")
		}
		time.Sleep(4 * time.Second)
		r.Leave(b)
		if changed() {
			t.Error("the time to wait for is the same")
		}
		for range 2 {
			at, ok := r.Next()
			if !ok {
				t.Fatal("nothing to wait for")
			}
			time.Sleep(time.Until(at))
			r.Expire()
		}
		if edges := takeAll(r); len(edges) != 2 || edges[0].Channel != "x" || edges[1].Channel != Everyone || !changed() {
			t.Errorf("%+v", edges)
		}
		if passed := time.Since(began); passed != 14*time.Second {
			t.Errorf("gone after %v", passed)
		}
		checkEmpty(t, r)
	})
}

// A reload, a second tab and a short drop are no edges.
func TestNoFlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRegistry(10 * time.Second)
		tab := come(r, "0", "ann", `{"a":1}`, "x", "y")
		takeAll(r)
		for i := range 20 {
			next := tab
			if i%2 == 0 { // the new one comes first
				next = come(r, "n", "ann", "", "x", "y")
				r.Leave(tab)
			} else {
				r.Leave(tab)
				time.Sleep(10*time.Second - 1)
				r.Expire()
				next = come(r, "m", "ann", `{"a":1}`, "x", "y")
			}
			tab = next
			r.Expire()
			check(t, r)
		}
		if edges := takeAll(r); len(edges) > 0 {
			t.Errorf("%d edges: %+v", len(edges), edges)
		}
		// Elsewhere only: off y, when its grace has passed.
		time.Sleep(time.Minute)
		come(r, "last", "ann", "", "x")
		r.Leave(tab)
		time.Sleep(10*time.Second - 1)
		r.Expire()
		if edges := takeAll(r); len(edges) > 0 {
			t.Errorf("%d edges too early: %+v", len(edges), edges)
		}
		time.Sleep(time.Nanosecond)
		r.Expire()
		if edges := takeAll(r); len(edges) != 1 || edges[0].Kind != Leave || edges[0].Channel != "y" || string(edges[0].Info) != `{"a":1}` {
			t.Errorf("%+v", edges)
		}
	})
}

// The cost of joining is in the edges: as many as there are memberships, not as
// there are members or connections.
func TestLinear(t *testing.T) {
	const n = 10_000
	ids := make([]string, n)
	for i := range ids {
		ids[i] = time.Duration(i).String()
	}
	for _, c := range []struct {
		name   string
		client func(i int) string
		edges  int
	}{
		{"everybody once", func(i int) string { return ids[i] }, 2 * n},
		{"one client", func(int) string { return "ann" }, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := NewRegistry(0)
			conns := make([]*Connection, n)
			for i := range conns {
				conns[i] = come(r, ids[i], c.client(i), "", "x")
			}
			if edges := takeAll(r); len(edges) != c.edges || edges[c.edges-1].Online != c.edges/2 {
				t.Errorf("%d edges, want %d", len(edges), c.edges)
			}
			for _, conn := range conns {
				r.Leave(conn)
			}
			if edges := takeAll(r); len(edges) != c.edges || edges[c.edges-1].Online != 0 {
				t.Errorf("%d edges, want %d", len(edges), c.edges)
			}
			checkEmpty(t, r)
		})
	}
}
