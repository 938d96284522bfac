package presence

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// come adds a connection of the client.
func come(r *Registry, id, client string, info string, channels ...string) *Connection {
	c := &Connection{ID: id, ClientID: client, ConnectedAt: time.Unix(1, 0)}
	var raw []byte
	if info != "" {
		raw = []byte(info)
	}
	r.Join(c, channels, raw)
	return c
}

// The lists, as an operator sees them.
func TestLists(t *testing.T) {
	r := NewRegistry(time.Minute)
	come(r, "1", "bob", `{"name":"Robert"}`, "news", "chat")
	ann := come(r, "2", "ann", "", "chat")
	come(r, "3", "bob", "", "chat", "Sport")
	r.Leave(ann)

	page, total, more := r.Clients(Query{})
	want := []Client{
		{"ann", nil, 0, []string{"chat"}, time.Unix(1, 0), 0},
		{"bob", []byte(`{"name":"Robert"}`), 2, []string{"news", "chat", "Sport"}, time.Unix(1, 0), 0},
	}
	if fmt.Sprint(page) != fmt.Sprint(want) || total != 2 || more {
		t.Errorf("got\n%+v, %d, %v, want\n%+v", page, total, more, want)
	}
	channels, total, more := r.Channels(Query{})
	if want := []Channel{{"Sport", 1, 1}, {"chat", 2, 2}, {"news", 1, 1}}; !slices.Equal(channels, want) || total != 3 || more {
		t.Errorf("got %+v, %d, %v, want %+v", channels, total, more, want)
	}
	for _, c := range []struct {
		q    Query
		want string // names, total, more
	}{
		{Query{Channel: "chat"}, "ann bob 2 false"},
		{Query{Channel: "news"}, "bob 1 false"},
		{Query{Channel: "none"}, "0 false"},
		{Query{Channel: Everyone}, "ann bob 2 false"},
		{Query{Search: "BO"}, "bob 1 false"},
		{Query{Search: "ROBERT"}, "bob 1 false"},
		{Query{Search: "n", Channel: "chat"}, "ann bob 2 false"},
		{Query{Search: "nobody"}, "0 false"},
		{Query{Limit: 1}, "ann 2 true"},
		{Query{Limit: 2}, "ann bob 2 false"},
		{Query{After: "ann", Limit: 1}, "bob 2 false"},
		{Query{After: "annabel"}, "bob 2 false"},
		{Query{After: "bob"}, "2 false"},
	} {
		page, total, more := r.Clients(c.q)
		var names []string
		for _, p := range page {
			names = append(names, p.ClientID)
		}
		if got := strings.TrimSpace(fmt.Sprint(strings.Join(names, " "), " ", total, " ", more)); got != c.want {
			t.Errorf("clients %+v: %q, want %q", c.q, got, c.want)
		}
	}
	for _, c := range []struct {
		q    Query
		want string
	}{
		{Query{Search: "S"}, "Sport news 2 false"},
		{Query{Search: "sPORT"}, "Sport 1 false"},
		{Query{Search: "online"}, "0 false"},
		{Query{Limit: 2}, "Sport chat 3 true"},
		{Query{Limit: 2, After: "chat"}, "news 3 false"},
	} {
		page, total, more := r.Channels(c.q)
		var names []string
		for _, p := range page {
			names = append(names, p.Name)
		}
		if got := strings.TrimSpace(fmt.Sprint(strings.Join(names, " "), " ", total, " ", more)); got != c.want {
			t.Errorf("channels %+v: %q, want %q", c.q, got, c.want)
		}
	}
	if _, _, ok := r.Client("nobody"); ok {
		t.Error("nobody is online")
	}
	if r.Connection("2") != nil || r.Connection("9") != nil {
		t.Error("a connection that isn't there")
	}
}

// Whatever the page size, the pages put together are the whole list.
func TestPages(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := NewRegistry(0)
		names := rapid.SliceOfDistinct(rapid.StringMatching(`[a-cA-C]{1,3}`), rapid.ID).Draw(rt, "names")
		for i, name := range names {
			come(r, fmt.Sprint(i), name, "", "x"+name)
		}
		q := Query{Limit: rapid.IntRange(1, 5).Draw(rt, "limit"), Search: rapid.SampledFrom([]string{"", "a", "B"}).Draw(rt, "search")}
		var want []string
		for _, name := range names {
			if strings.Contains(strings.ToLower(name), strings.ToLower(q.Search)) {
				want = append(want, name)
			}
		}
		slices.Sort(want)
		var clients, channels []string
		for more := true; more; {
			page, total, again := r.Clients(q)
			if total != len(want) || len(page) > q.Limit {
				rt.Fatalf("%d clients on a page, %d in all, want %d", len(page), total, len(want))
			}
			for _, c := range page {
				clients = append(clients, c.ClientID)
				q.After = c.ClientID
			}
			more = again
		}
		if !slices.Equal(clients, want) {
			rt.Fatalf("clients %q, want %q", clients, want)
		}
		q.After = ""
		for more := true; more; {
			page, total, again := r.Channels(q)
			if total != len(want) || len(page) > q.Limit {
				rt.Fatalf("%d channels on a page, %d in all, want %d", len(page), total, len(want))
			}
			for _, c := range page {
				channels = append(channels, c.Name[1:])
				q.After = c.Name
			}
			more = again
		}
		if !slices.Equal(channels, want) {
			rt.Fatalf("channels %q, want %q", channels, want)
		}
	})
}

// What a list returns is the caller's.
func TestListsAreCopies(t *testing.T) {
	r := NewRegistry(0)
	a, b := come(r, "1", "ann", "", "x", "y"), come(r, "2", "ann", "", "y")
	c, conns, _ := r.Client("ann")
	on := r.On(a)
	lists, _ := r.Snapshot("x")
	r.Leave(a)
	r.Leave(b)
	come(r, "3", "bob", "", "z")
	if got := fmt.Sprintln(c.Channels, on, conns[0].ID, conns[1].ID, lists[0][0].ClientID); got != "[x y] [x y] 1 2 ann\n" {
		t.Errorf("%v %v %v %v", c, on, conns, lists)
	}
}

// Clients whose id the server gave are listed behind the others where that is asked for, and counted all the same.
func TestNamedClientsFirst(t *testing.T) {
	r := NewRegistry(time.Minute)
	for i, id := range []string{"QVX4H5", "ann", "ABC234", "zoe"} {
		r.Join(&Connection{ID: id, ClientID: id, Anonymous: i%2 == 0}, []string{"chat"}, nil)
	}
	for limit, want := range map[int]string{0: "ann zoe ABC234 QVX4H5", 3: "ann zoe ABC234", 1: "ann"} {
		page, total, more := r.Clients(Query{Channel: "chat", Limit: limit, NamedFirst: true})
		var names []string
		for _, c := range page {
			names = append(names, c.ClientID)
		}
		if got := strings.Join(names, " "); got != want || total != 4 || more != (limit > 0) {
			t.Errorf("at most %d: %s, %d, %v, want %s", limit, got, total, more, want)
		}
	}
}
