package web_test

import (
	"encoding/json"
	"net/url"
	"slices"
	"testing"
	"time"

	"rollcall/web"
	"rollcall/web/webtest"
)

func TestOnlinePresence(t *testing.T) {
	t.Parallel()
	srv := start(t)
	quiet := subscribed(t, srv, "clientId=quiet", "a")
	ada := subscribed(t, srv, "clientId=ada&presence=online", "a")
	ada.WantOnline("quiet", "ada")
	bob := subscribed(t, srv, "clientId=bob", "b")
	ada.WantOnline("quiet", "ada", "bob")
	posted := srv.Open("POST", "/subscribe", `{"channels":["b"],"clientId":"zoe","presence":["online"]}`)
	posted.WantRegistered()
	posted.WantLast("b", `{}`)
	posted.WantOnline("quiet", "ada", "bob", "zoe")
	ada.WantOnline("quiet", "ada", "bob", "zoe")
	bob.Close()
	ada.WantOnline("quiet", "ada", "zoe")

	// Streams without the parameter get nothing.
	srv.Publish("a", `1`)
	quiet.WantEvent("a", "message", `1`)
	// A resuming stream gets the list too, and a second one of the same client.
	ada.WantEvent("a", "message", `1`)
	again := srv.Subscribe("channels=a&clientId=ada&presence=online", "Last-Event-ID: "+ada.LastID)
	again.WantRegistered()
	again.WantOnline("quiet", "ada", "zoe")
}

func TestOnlinePresenceForAll(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, web.Options{OnlinePresence: true})
	ada := subscribed(t, srv, "clientId="+url.QueryEscape(`a"\d,a`), "a")
	ada.WantOnline(`a"\d,a`)
	nameless := subscribed(t, srv, "", "a")
	nameless.WantOnline(`a"\d,a`, nameless.Hello.ClientID)
	ada.WantOnline(`a"\d,a`, nameless.Hello.ClientID)
}

// A burst leads to few lists, and the last of them is right.
func TestOnlinePresenceIsCoalesced(t *testing.T) {
	t.Parallel()
	srv := start(t)
	ada := subscribed(t, srv, "clientId=ada&presence=online", "a")
	ada.WantOnline("ada")
	const burst = 60
	begun := time.Now()
	for range burst {
		subscribed(t, srv, "clientId=bob", "a").Close()
	}
	subscribed(t, srv, "clientId=eve", "a")
	lists := 0
	for {
		lists++
		var ids []string
		if err := json.Unmarshal([]byte(ada.WantOwn("online-presence", "")), &ids); err != nil {
			t.Fatal(err)
		}
		if slices.Equal(ids, []string{"ada", "eve"}) {
			break
		}
	}
	// One each second at most, and one at each end.
	if most := int(time.Since(begun)/time.Second) + 2; lists > most {
		t.Errorf("%d lists for %d changes, want at most %d", lists, 2*burst, most)
	}
}

// Each state is sent once: the list at a stream's start isn't repeated because of the stream's own join.
func TestOnlinePresenceIsToldOnce(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, web.Options{OnlinePresence: true})
	last := ""
	st := subscribed(t, srv, "clientId=ada", "a")
	for range 3 {
		list := st.WantOwn("online-presence", "")
		if list == last {
			t.Errorf("%s is told twice", list)
		}
		last = list
		subscribed(t, srv, "", "a")
	}
}

func TestPresenceOfChannels(t *testing.T) {
	srv := start(t)
	subscribed(t, srv, "clientId=bob&info="+url.QueryEscape(`{"n":1}`), "b")
	ada := subscribed(t, srv, "clientId=ada&presence=channels", "a", "b")
	if got := ada.WantOwn("presence", "a"); got != `{"action":"snapshot","members":[{"clientId":"ada","info":null}]}` {
		t.Error(got)
	}
	wantMembers(t, ada.WantOwn("presence", "b"), `{"clientId":"bob","info":{"n":1}}`, `{"clientId":"ada","info":null}`)

	bob := subscribed(t, srv, "clientId=bob", "a", "b", "c")
	if got := ada.WantOwn("presence", "a"); got != `{"action":"join","member":{"clientId":"bob","info":{"n":1}}}` {
		t.Error(got)
	}
	subscribed(t, srv, "clientId=bob&info="+url.QueryEscape(`{"n":2}`), "c")
	for _, channel := range []string{"b", "a"} {
		if got := ada.WantOwn("presence", channel); got != `{"action":"update","member":{"clientId":"bob","info":{"n":2}}}` {
			t.Error(got)
		}
	}
	subscribed(t, srv, "clientId=eve", "c")
	bob.Close()
	if got := ada.WantOwn("presence", "a"); got != `{"action":"leave","member":{"clientId":"bob","info":{"n":2}}}` {
		t.Error(got)
	}
	// Its events carry the stream's position and don't disturb the channels' own.
	id := srv.Publish("a", `1`)[0]
	ada.WantEvent("a", "message", `1`)
	srv.Subscribe("channels=a&clientId=zoe").WantRegistered()
	ada.WantOwn("presence", "a")
	if ada.LastID != id {
		t.Errorf("presence is at %s, want %s", ada.LastID, id)
	}
}

func wantMembers(t *testing.T, got string, members ...string) {
	t.Helper()
	for _, m := range [][]string{members, {members[1], members[0]}} {
		if got == `{"action":"snapshot","members":[`+m[0]+`,`+m[1]+`]}` {
			return
		}
	}
	t.Errorf("got %s, want members %s", got, members)
}

func TestBothKindsOfPresence(t *testing.T) {
	srv := start(t)
	for _, st := range []*webtest.Stream{
		srv.Subscribe("channels=a&clientId=ada&presence=online,channels"),
		srv.Subscribe("channels=a&clientId=ada&presence=online&presence=channels"),
		srv.Open("POST", "/subscribe", `{"channels":["a"],"clientId":"ada","presence":"online,channels"}`),
		srv.Open("POST", "/subscribe", `{"channels":["a"],"clientId":"ada","presence":["channels","online"]}`),
	} {
		st.WantRegistered()
		st.WantLast("a", `{}`)
		seen := map[string]string{}
		for range 2 {
			ev, m := st.Next()
			seen[ev.Type] = string(m.Payload)
		}
		if seen["online-presence"] != `"[\"ada\"]"` || seen["presence"] != `"{\"action\":\"snapshot\",\"members\":[{\"clientId\":\"ada\",\"info\":null}]}"` {
			t.Errorf("got %q", seen)
		}
	}
}

// A reload or a drop inside the grace is neither a leave nor a join, to any stream.
func TestGrace(t *testing.T) {
	srv := webtest.Start(t, web.Options{PresenceGrace: time.Hour})
	roster, members := srv.Watch(""), srv.Watch("channels=a,b")
	eve := subscribed(t, srv, "clientId=eve&presence=channels", "a")
	eve.WantOwn("presence", "a")
	ada := subscribed(t, srv, "clientId=ada", "a")
	eve.WantOwn("presence", "a")
	for _, who := range []string{"eve", "ada"} {
		roster.Want("join", "", who)
		members.Want("join", "a", who)
	}
	ada.Close()
	eventually(t, "ada is there without a connection", func() bool { return len(connections(t, srv, "ada")) == 0 })
	if ids, p := clients(t, srv, "q=ada"); len(ids) != 1 || p.Clients[0].Connections != 0 || !slices.Equal(p.Clients[0].Channels, []string{"a"}) {
		t.Errorf("inside the grace: %+v", p)
	}
	ada = srv.Subscribe("channels=a&clientId=ada", "Last-Event-ID: "+ada.LastID)
	ada.WantRegistered()
	ada.Cut()
	subscribed(t, srv, "clientId=ada", "a")
	// Nothing was sent meanwhile: Bob is next.
	subscribed(t, srv, "clientId=bob", "b", "a")
	roster.Want("join", "", "bob")
	members.Want("join", "b", "bob")
	members.Want("join", "a", "bob")
	if got := eve.WantOwn("presence", "a"); got != `{"action":"join","member":{"clientId":"bob","info":null}}` {
		t.Error(got)
	}
}

func TestGraceEnds(t *testing.T) {
	srv := webtest.Start(t, web.Options{PresenceGrace: 20 * time.Millisecond})
	roster, members := srv.Watch(""), srv.Watch("channels=a,b")
	ada := subscribed(t, srv, "clientId=ada", "a", "b")
	tab := subscribed(t, srv, "clientId=ada", "b")
	roster.Want("join", "", "ada")
	members.Want("join", "a", "ada")
	members.Want("join", "b", "ada")
	ada.Close()
	members.Want("leave", "a", "ada")
	tab.Cut()
	members.Want("leave", "b", "ada")
	roster.Want("leave", "", "ada")
	srv.Get("/presence/clients/ada").WantFault(404, "not_online", "")
}
