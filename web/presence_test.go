package web_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/web"
	"rollcall/web/webtest"
)

// client is one entry of /presence/clients.
type client struct {
	ClientID    string
	Info        json.RawMessage
	Connections int
	Channels    []string
	ConnectedAt string
}

type clientPage struct {
	Clients []client
	Total   int
	Next    *string
}

func clients(t *testing.T, srv *webtest.Server, query string) (ids []string, p clientPage) {
	t.Helper()
	srv.Get("/presence/clients?" + query).WantStatus(200).Into(&p)
	if p.Clients == nil || p.Next == nil {
		t.Fatalf("%s: %+v", query, p)
	}
	for _, c := range p.Clients {
		ids = append(ids, c.ClientID)
	}
	return ids, p
}

func TestListClients(t *testing.T) {
	srv := start(t)
	srv.Get("/presence/clients").WantJSON(`{"clients":[],"total":0,"next":""}`).WantHeader("Cache-Control", "no-store")
	srv.Get("/presence/clients/").WantJSON(`{"clients":[],"total":0,"next":""}`)

	subscribed(t, srv, "clientId=ada&info="+url.QueryEscape(`{"name":"Ada <3"}`), "news", "sport")
	subscribed(t, srv, "clientId=ada", "news", "chat")
	subscribed(t, srv, "clientId=bob", "chat")
	subscribed(t, srv, "clientId=Zoë", "sport")

	a := srv.Get("/presence/clients?limit=1")
	_, p := clients(t, srv, "limit=1")
	c := p.Clients[0]
	slices.Sort(c.Channels)
	if c.ClientID != "Zoë" || c.Connections != 1 || string(c.Info) != "null" || p.Total != 3 || *p.Next == "" {
		t.Errorf("first page %+v", p)
	}
	if at, err := time.Parse("2006-01-02T15:04:05.000Z", c.ConnectedAt); err != nil || at.IsZero() {
		t.Error(err)
	}
	a.WantJSON(fmt.Sprintf(`{"clients":[{"clientId":"Zoë","info":null,"connections":1,"channels":["sport"],"connectedAt":"%s"}],"total":3,"next":"%s"}`, c.ConnectedAt, *p.Next))
	_, p = clients(t, srv, "q=ADA")
	c = p.Clients[0]
	slices.Sort(c.Channels)
	if c.Connections != 2 || string(c.Info) != `{"name":"Ada <3"}` || !slices.Equal(c.Channels, []string{"chat", "news", "sport"}) {
		t.Errorf("ada is %+v", c)
	}
	for query, want := range map[string]string{
		"":                     "Zoë ada bob",
		"channel=news":         "ada",
		"channel=sport":        "Zoë ada",
		"channel=chat&q=b":     "bob",
		"channel=none":         "",
		"q=zoË":                "Zoë",
		"q=%3C3":               "ada",
		"q=nobody":             "",
		"limit=1000":           "Zoë ada bob",
		"limit=100000":         "Zoë ada bob",
		"channel=chat&limit=1": "ada",
	} {
		if ids, p := clients(t, srv, query); strings.Join(ids, " ") != want || p.Total < len(ids) {
			t.Errorf("%q: %q of %d, want %q", query, ids, p.Total, want)
		}
	}
	srv.Get("/presence/clients?limit=0").WantFault(400, "invalid_limit", "limit")
	srv.Get("/presence/clients?cursor=!").WantFault(400, "invalid_cursor", "cursor")
}

func TestListsPageByPage(t *testing.T) {
	srv := start(t)
	var want []string
	for i := range 25 {
		id := fmt.Sprintf("client %02d,é", i)
		want = append(want, id)
		srv.Subscribe("channel=" + url.QueryEscape(fmt.Sprintf("channel %02d é", i)) + "&channel=all&clientId=" + url.QueryEscape(id)).WantRegistered()
	}
	var got []string
	for cursor := ""; ; {
		ids, p := clients(t, srv, "limit=10&cursor="+cursor)
		got = append(got, ids...)
		if p.Total != len(want) {
			t.Errorf("total %d", p.Total)
		}
		if cursor = *p.Next; cursor == "" {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("clients %q", got)
	}
	got = nil
	for cursor := ""; ; {
		p := channels(t, srv, "q=CHANNEL&limit=5&cursor="+cursor)
		for _, c := range p.Channels {
			got = append(got, c.ChannelName)
		}
		if p.Total != 25 {
			t.Errorf("total %d", p.Total)
		}
		if cursor = p.Next; cursor == "" {
			break
		}
	}
	if len(got) != 25 || !slices.IsSorted(got) {
		t.Errorf("channels %q", got)
	}
}

type channelPage struct {
	Channels []struct {
		ChannelName string
		Clients     int
		Connections int
		LastEventAt *string
	}
	Total int
	Next  string
}

func channels(t *testing.T, srv *webtest.Server, query string) (p channelPage) {
	t.Helper()
	srv.Get("/presence/channels?" + query).WantStatus(200).Into(&p)
	return p
}

func TestListChannels(t *testing.T) {
	srv := start(t)
	srv.Get("/presence/channels").WantJSON(`{"channels":[],"total":0,"next":""}`)
	srv.Publish("unwatched", `1`)
	srv.Publish("news", `1`)
	at := history(t, srv, "channel=news").Events[0].Timestamp
	ada := subscribed(t, srv, "clientId=ada", "sport")
	subscribed(t, srv, "clientId=ada", "sport")
	subscribed(t, srv, "clientId=bob", "sport")
	srv.Subscribe("channels=news&clientId=bob").WantRegistered()
	srv.Get("/presence/channels/").WantJSON(`{"channels":[{"channelName":"news","clients":1,"connections":1,"lastEventAt":"` + at + `"},` +
		`{"channelName":"sport","clients":2,"connections":3,"lastEventAt":null}],"total":2,"next":""}`)
	if p := channels(t, srv, "q=SP"); len(p.Channels) != 1 || p.Total != 1 || p.Channels[0].ChannelName != "sport" {
		t.Errorf("%+v", p)
	}
	roster := srv.Watch("channels=sport")
	ada.Close()
	srv.Delete("/presence/clients/ada")
	roster.WantGone("sport", "ada")
	if p := channels(t, srv, "q=sport"); p.Channels[0].Clients != 1 || p.Channels[0].Connections != 1 {
		t.Errorf("%+v", p)
	}
	// A channel without members is not listed.
	srv.Delete("/presence/clients/bob")
	roster.WantGone("sport", "bob")
	if p := channels(t, srv, ""); len(p.Channels) != 0 {
		t.Errorf("%+v", p)
	}
}

// connEntry is one entry of a client's connections.
type connEntry struct {
	ConnectionID, Node, RemoteAddr, UserAgent, Protocol string
	Channels                                            []string
	ConnectedAt, LastEventID                            string
	EventsSent, BytesSent, Behind                       *int
}

func connections(t *testing.T, srv *webtest.Server, clientID string) []connEntry {
	t.Helper()
	var got struct {
		ClientID    string
		Info        json.RawMessage
		Connections []connEntry
		Channels    []string
		ConnectedAt string
	}
	srv.Get("/presence/clients/"+url.PathEscape(clientID)).WantStatus(200).WantHeader("Cache-Control", "no-store").Into(&got)
	if got.ClientID != clientID || got.ConnectedAt == "" || got.Channels == nil {
		t.Fatalf("asked for %q, got %+v", clientID, got)
	}
	return got.Connections
}

func TestShowClient(t *testing.T) {
	srv := webtest.Start(t, web.Options{Node: "node-7"})
	srv.Publish("a", `0`)
	st := srv.Subscribe("channels=b,a&clientId=ada", "User-Agent: Test/1.0 (\"x\")")
	hello := st.WantRegistered()
	st.WantLast("b", `{}`)
	st.WantLast("a", `{"type":"message","payload":0}`)
	srv.Publish("a", `1`, `2`)
	srv.Publish("other", `3`)
	st.WantEvent("a", "message", `1`)
	last := st.WantEvent("a", "message", `2`)
	second := subscribed(t, srv, "clientId=ada", "c")

	var conns []connEntry
	until(t, "the events are counted, which is after the client has them", func() bool {
		conns = connections(t, srv, "ada")
		return len(conns) == 2 && conns[0].EventsSent != nil && *conns[0].EventsSent == 2
	})
	if conns[1].ConnectionID != second.Hello.ConnectionID || !slices.Equal(conns[1].Channels, []string{"c"}) {
		t.Fatalf("connections %+v", conns)
	}
	c := conns[0]
	if c.ConnectionID != hello.ConnectionID || c.Node != "node-7" || c.RemoteAddr != "127.0.0.1" || c.UserAgent != `Test/1.0 ("x")` ||
		c.Protocol != "HTTP/1.1" || !slices.Equal(c.Channels, []string{"b", "a"}) {
		t.Errorf("connection %+v", c)
	}
	if c.BytesSent == nil || *c.BytesSent < 200 || c.Behind == nil || *c.Behind != 0 {
		t.Errorf("connection %+v", c)
	}
	// The position is at least that of the newest event it was given.
	if p := history(t, srv, "channel=a&after="+c.LastEventID); len(p.Events) != 0 || *p.Gap || epochOf(c.LastEventID) != epochOf(last) {
		t.Errorf("lastEventId is %s, the newest event %s", c.LastEventID, last)
	}
	srv.Get("/presence/clients/nobody").WantFault(404, "not_online", "")
	srv.Get("/presence/clients/ADA").WantFault(404, "not_online", "")
}

func TestClientIDsInPaths(t *testing.T) {
	srv := start(t)
	roster := srv.Watch("")
	for _, id := range []string{
		"a/b", "a+b", "a b", "a+b/c d", "a%2Fb", "50%", "..", ".", "/", "//a//", "ada@example.org", "?x=1", "#x", "日本/é", `"\`, "a;b=c", "%", "+",
	} {
		subscribed(t, srv, "clientId="+url.QueryEscape(id), "c")
		roster.WantThere("", id)
		if conns := connections(t, srv, id); len(conns) != 1 {
			t.Errorf("%q: %+v", id, conns)
		}
		srv.Delete("/presence/clients/" + url.PathEscape(id))
		roster.WantGone("", id)
	}
	// A plus sign in a path is a plus sign, however else the path is spelt.
	subscribed(t, srv, "clientId=a%2Bb%2Fc", "c")
	for _, spelt := range []string{"a+b%2Fc", "a%2Bb%2Fc", "a%2bb%2fc"} {
		srv.Get("/presence/clients/" + spelt).WantStatus(200)
	}
}

func TestAnonymousClients(t *testing.T) {
	srv := start(t)
	first := subscribed(t, srv, "", "a")
	second := subscribed(t, srv, "", "a")
	if first.Hello.ClientID == second.Hello.ClientID {
		t.Error("two nameless streams are one client")
	}
	if _, p := clients(t, srv, ""); p.Total != 2 {
		t.Errorf("%+v", p)
	}
	connections(t, srv, first.Hello.ClientID)
}
