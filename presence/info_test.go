package presence

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whatever clients say of themselves at three nodes with clocks of their own, however late each node hears of the
// others, and whichever connections end: when all have heard everything, all show the same info, a node that started
// last included. Connections of a node are heard of in order, those of two nodes are not.
func TestNodesAgreeAboutInfo(t *testing.T) {
	differed := false // somewhere on the way, or the test shows nothing
	rapid.Check(t, func(rt *rapid.T) {
		rapid.SyncTest(rt, func(rt *rapid.T) { agree(rt, &differed) })
	})
	if !differed {
		t.Error("the nodes never differed on the way")
	}
}

// news is a connection that joined or left a node, or set its info there.
type news struct {
	conn     *Connection // as its node has it
	channels []string
	left     bool
	info     *Info // as it was set; nil for joined and left
}

// infoNode is a node, its unsent messages to each other node, and its connections.
type infoNode struct {
	registry *Registry
	skew     time.Duration
	queue    [3][]news
	open     []news
	remote   map[string]*Connection
}

func agree(rt *rapid.T, differed *bool) {
	const grace = 10 * time.Second
	var nodes [3]*infoNode
	for i := range nodes {
		skew := time.Duration(rapid.IntRange(-5, 5).Draw(rt, "skew")) * time.Second
		nodes[i] = &infoNode{registry: NewRegistry(grace), skew: skew, remote: make(map[string]*Connection)}
	}
	hear := func(to, from int) {
		n := nodes[from].queue[to][0]
		nodes[from].queue[to] = nodes[from].queue[to][1:]
		at := nodes[to]
		if n.info != nil {
			info := *n.info
			at.registry.SetRemoteInfo(at.remote[n.conn.ID], &info)
			return
		}
		if n.left {
			at.registry.Leave(at.remote[n.conn.ID])
			return
		}
		at.remote[n.conn.ID] = remoteCopy(n.conn) // perhaps with what it set since
		at.registry.JoinRemote(at.remote[n.conn.ID], n.channels, at.remote[n.conn.ID].Info)
	}
	tell := func(from int, n news) {
		for to := range nodes {
			if to != from {
				nodes[from].queue[to] = append(nodes[from].queue[to], n)
			}
		}
	}
	pass := func(d time.Duration) {
		time.Sleep(d)
		for _, n := range nodes {
			n.registry.Expire()
		}
	}
	for i := range rapid.IntRange(1, 40).Draw(rt, "steps") {
		at := rapid.IntRange(0, 2).Draw(rt, "node")
		n := nodes[at]
		switch rapid.SampledFrom([]string{"join", "join", "set", "leave", "hear", "hear", "pass"}).Draw(rt, "step") {
		case "join":
			one := news{channels: []string{"room"}, conn: &Connection{
				ID: fmt.Sprint(i), ClientID: rapid.SampledFrom([]string{"ann", "bob"}).Draw(rt, "client"), ConnectedAt: time.Now().Add(n.skew),
			}}
			info := rapid.SampledFrom([][]byte{nil, []byte("1"), []byte("2"), []byte("3")}).Draw(rt, "info")
			n.registry.Join(one.conn, one.channels, info)
			n.open = append(n.open, one)
			tell(at, one)
		case "set":
			if len(n.open) > 0 {
				one := rapid.SampledFrom(n.open).Draw(rt, "which")
				n.registry.SetInfo(one.conn, rapid.SampledFrom([][]byte{[]byte("1"), []byte("2"), []byte("4")}).Draw(rt, "info"))
				info, _ := n.registry.InfoOf(one.conn)
				tell(at, news{conn: one.conn, info: info})
			}
		case "leave":
			if len(n.open) > 0 {
				i := rapid.IntRange(0, len(n.open)-1).Draw(rt, "which")
				n.registry.Leave(n.open[i].conn)
				tell(at, news{conn: n.open[i].conn, left: true})
				n.open = slices.Delete(n.open, i, i+1)
			}
		case "hear":
			if from := rapid.IntRange(0, 2).Draw(rt, "from"); from != at && len(nodes[from].queue[at]) > 0 {
				hear(at, from)
			}
		case "pass":
			pass(time.Duration(rapid.IntRange(0, 12).Draw(rt, "seconds")) * time.Second)
		}
		*differed = *differed || infos(nodes[0].registry) != infos(nodes[1].registry)
	}
	for to := range nodes {
		for from := range nodes {
			for len(nodes[from].queue[to]) > 0 {
				hear(to, from)
			}
		}
	}
	pass(grace)
	late := NewRegistry(grace)
	var open []news
	for _, n := range nodes {
		open = append(open, n.open...)
	}
	for _, one := range rapid.Permutation(open).Draw(rt, "late") {
		conn := remoteCopy(one.conn)
		late.JoinRemote(conn, one.channels, conn.Info)
	}
	want := infos(late)
	for i, n := range nodes {
		check(rt, n.registry)
		if got := infos(n.registry); got != want {
			rt.Fatalf("node %d shows\n%s\nand a node that started last\n%s", i, got, want)
		}
	}
}

// remoteCopy is a connection as another node has it.
func remoteCopy(conn *Connection) *Connection {
	c := &Connection{ID: conn.ID, ClientID: conn.ClientID, ConnectedAt: conn.ConnectedAt}
	if conn.Info != nil {
		info := *conn.Info
		c.Info = &info
	}
	return c
}

func infos(r *Registry) string {
	page, _, _ := r.Clients(Query{})
	text := ""
	for _, c := range page {
		text += fmt.Sprintf("%s %s %v\n", c.ClientID, c.Info, c.Channels)
	}
	return text
}

// A connection of another node that was opened first does not take back what a newer one says, also when the newer one
// has ended within the grace; and when that is over, what the older one says holds again, with an update.
func TestInfoOfTheNewestConnection(t *testing.T) {
	r := NewRegistry(time.Hour)
	newer := &Connection{ID: "2", ClientID: "x", ConnectedAt: time.Unix(20, 0)}
	r.Join(newer, []string{"room"}, []byte("2"))
	older := &Connection{ID: "1", ClientID: "x", ConnectedAt: time.Unix(10, 0)}
	r.JoinRemote(older, []string{"room"}, &Info{JSON: []byte("1"), At: older.ConnectedAt, By: "1"})
	shows := func(want string) {
		t.Helper()
		if c, _, _ := r.Client("x"); string(c.Info) != want {
			t.Errorf("the info is %s, want %s", c.Info, want)
		}
	}
	shows("2")
	r.Leave(newer)
	shows("2")
	takeAll(r)
	r.grace = 0
	r.Expire()
	shows("1")
	var updates []string
	for _, e := range takeAll(r) {
		updates = append(updates, fmt.Sprintf("%s %s %s", e.Kind, e.Channel, e.Info))
	}
	if want := []string{"update $online 1", "update room 1"}; !slices.Equal(updates, want) {
		t.Errorf("edges %q, want %q", updates, want)
	}
}

// A connection's new info is its client's, reported once on each channel, and not at all if it is the same; a
// connection that has left has none.
func TestSetInfo(t *testing.T) {
	r := NewRegistry(time.Hour)
	edges := func() (list []string) {
		for _, e := range r.Take() {
			list = append(list, fmt.Sprintf("%s %s %s", e.Kind, e.Channel, e.Info))
		}
		return list
	}
	one := &Connection{ID: "1", ClientID: "x", ConnectedAt: time.Now().Add(time.Hour)} // whatever clocks say
	two := &Connection{ID: "2", ClientID: "x", ConnectedAt: time.Now()}
	r.Join(one, []string{"a"}, []byte("1"))
	r.Join(two, []string{"b"}, nil)
	edges()
	for _, text := range []string{"2", "2"} {
		if !r.SetInfo(two, []byte(text)) {
			t.Fatal("the connection is not there")
		}
	}
	want := []string{"update $online 2", "update a 2", "update b 2"}
	if got := edges(); !slices.Equal(got, want) {
		t.Errorf("edges %q, want %q", got, want)
	}
	r.Leave(two)
	if _, there := r.InfoOf(two); there || r.SetInfo(two, []byte("3")) || len(edges()) != 0 {
		t.Error("a connection that has left has an info")
	}
	r.SetRemoteInfo(two, &Info{JSON: []byte("4"), At: time.Now().Add(2 * time.Hour)})
	if c, _, _ := r.Client("x"); string(c.Info) != "2" {
		t.Errorf("the info is %s", c.Info)
	}
}
