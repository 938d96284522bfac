package web_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// insiders has ada on room.a and secret.a, bob on secret.a and secret.b alone, carl
// on room.b.
func insiders(t *testing.T) *guarded {
	t.Helper()
	g := guard(t)
	for sub, channels := range map[string]string{"ada": "room.a,secret.a", "bob": "secret.a,secret.b", "carl": "room.b"} {
		g.Subscribe("channels="+channels, bearer(token(t, sub, channels, ""))).WantRegistered()
	}
	// ada's other tab is on a foreign channel alone.
	g.Subscribe("channels=secret.c", bearer(token(t, "ada", "secret.c", ""))).WantRegistered()
	return g
}

// presence=online is everybody: a token is never enough for it.
func TestSecurityOnlineWithoutFullPresence(t *testing.T) {
	t.Parallel()
	g := insiders(t)
	for show, status := range map[string]int{"X: y": 401, bearer(token(t, "eve", ">", ">")): 403, g.billing: 403} {
		channel := "public.a"
		if show == g.billing {
			channel = "orders.a"
		}
		for _, want := range []string{"online", "channels,online", "online&presence=channels"} {
			wantDenied(t, g.Get("/subscribe?channels="+channel+"&presence="+want, show), status)
		}
		wantDenied(t, g.Post("/subscribe", `{"channels":["`+channel+`"],"presence":["online"]}`, show), status)
		wantDenied(t, g.Get("/presence/clients", show), status)
		wantDenied(t, g.Get("/presence/clients?q=a", show), status)
		wantDenied(t, g.Get("/presence/stream", show), status)
		wantDenied(t, g.Get("/presence/stream?channels=", show), status)
		wantDenied(t, g.Get("/presence/stream?channels=,,&lastEventId=x-1", show), status)
	}
	if ids := g.online(); !slices.Equal(ids, []string{"ada", "bob", "carl"}) || g.Streams() != 4 {
		t.Errorf("online are %q on %d streams", ids, g.Streams())
	}
	g.Open("GET", "/presence/stream", "", g.reader).Next()
}

// A channel's members are visible to callers with the right to presence: not to a key that may only subscribe.
func TestSecurityMembersOfAForeignChannel(t *testing.T) {
	t.Parallel()
	g := insiders(t)
	show := bearer(token(t, "eve", "room.*", "secret.>"))
	for _, channels := range []string{"secret.a", "room.a,secret.a", "secret.b,room.a"} {
		wantDenied(t, g.Get("/subscribe?presence=channels&channels="+channels, show), 403)
		wantDenied(t, g.Get("/presence/stream?channels="+channels, show), 403)
		wantDenied(t, g.Post("/subscribe", `{"channels":`+list(strings.Split(channels, ","))+`,"presence":"channels"}`, show), 403)
	}
	for _, name := range []string{"$online", "$", "$everyone"} {
		g.Get("/presence/stream?channels="+name, show).WantFault(400, "invalid_channel", "channels")
		wantDenied(t, g.Get("/presence/clients?channel="+name, show), 403)
	}
	if ids := g.online(); slices.Contains(ids, "eve") {
		t.Errorf("online are %q", ids)
	}
}

// A client's entry has the channels that the credential may see, and no others.
func TestSecurityForeignChannelsOfAMember(t *testing.T) {
	t.Parallel()
	g := insiders(t)
	show := bearer(token(t, "eve", "room.*", ""))
	var p clientPage
	a := g.Get("/presence/clients?channel=room.a", show).WantStatus(200)
	a.Into(&p)
	if len(p.Clients) != 1 || p.Total != 1 || !slices.Equal(p.Clients[0].Channels, []string{"room.a"}) || strings.Contains(a.Body, "secret") {
		t.Errorf("%s", a.Body)
	}
	a = g.Get("/presence/clients/ada", show).WantStatus(200)
	var one struct {
		Channels    []string
		Connections []connEntry
	}
	a.Into(&one)
	if !slices.Equal(one.Channels, []string{"room.a"}) || len(one.Connections) != 1 || !slices.Equal(one.Connections[0].Channels, []string{"room.a"}) || strings.Contains(a.Body, "secret") {
		t.Errorf("%s", a.Body)
	}
}

// A client that is only on hidden channels looks like one that is offline.
func TestSecurityClientOnForeignChannels(t *testing.T) {
	t.Parallel()
	g := insiders(t)
	for _, show := range []string{bearer(token(t, "eve", "room.*", "")), bearer(token(t, "eve", "", ">")), "X: y", g.billing} {
		there, nowhere := g.Get("/presence/clients/bob", show), g.Get("/presence/clients/nobody", show)
		there.WantFault(404, "not_online", "")
		if there.Body != nowhere.Body {
			t.Errorf("%s and %s can be told apart", there.Body, nowhere.Body)
		}
	}
	g.Get("/presence/clients/bob", g.reader).WantStatus(200)
}

// The list of channels is of those that the credential may see, and so is the total.
func TestSecurityListOfForeignChannels(t *testing.T) {
	t.Parallel()
	g := insiders(t)
	g.say("secret.a", `1`)
	for show, want := range map[string][]string{
		bearer(token(t, "eve", "room.*", "")): {"room.a", "room.b"}, bearer(token(t, "eve", "room.b,secret.b", "secret.>")): {"room.b", "secret.b"},
		bearer(token(t, "eve", "", ">")): nil, "X: y": nil, g.billing: nil, g.reader: {"room.a", "room.b", "secret.a", "secret.b", "secret.c"},
	} {
		var got []string
		for cursor := ""; ; {
			var p channelPage
			a := g.Get("/presence/channels?limit=1&cursor="+cursor, show).WantStatus(200)
			a.Into(&p)
			if p.Total != len(want) {
				t.Errorf("total %d, want %d", p.Total, len(want))
			}
			for _, c := range p.Channels {
				got = append(got, c.ChannelName)
			}
			if cursor = p.Next; cursor == "" {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("channels %q, want %q", got, want)
		}
		var p channelPage
		g.Get("/presence/channels?q=SECRET", show).Into(&p)
		if n := len(p.Channels); n != p.Total || n > 0 && !slices.Contains(want, p.Channels[0].ChannelName) {
			t.Errorf("searching finds %+v, allowed are %q", p, want)
		}
	}
	// A cursor from behind a foreign channel opens nothing.
	var p channelPage
	g.Get("/presence/channels?limit=3", g.reader).Into(&p)
	if a := g.Get("/presence/channels?cursor="+p.Next, bearer(token(t, "eve", "room.*", ""))); strings.Contains(a.Body, "secret") {
		t.Error(a.Body)
	}
}

// The presence stream of a channel reports only that channel: neither joins and leaves elsewhere, nor their number.
func TestSecurityPresenceStreamTellsOfItsChannels(t *testing.T) {
	t.Parallel()
	g := insiders(t)
	all, _ := g.Open("GET", "/presence/stream", "", g.reader).Next()
	st := g.Open("GET", "/presence/stream?channels=room.a", "", bearer(token(t, "eve", "room.a", "")))
	ev, _ := st.Next()
	var got struct {
		Clients []client
		Online  int
	}
	if err := json.Unmarshal([]byte(ev.Data), &got); err != nil || len(got.Clients) != 1 || got.Clients[0].ClientID != "ada" || got.Online != 1 || strings.Contains(ev.Data, "secret") {
		t.Errorf("snapshot %s", ev.Data)
	}
	g.Subscribe("channels=secret.a", bearer(token(t, "dave", "secret.a", ""))).WantRegistered()
	g.Subscribe("channels=room.b", bearer(token(t, "dave", "room.b", ""))).WantRegistered()
	g.Subscribe("channels=room.a,secret.z", bearer(token(t, "dave", "room.a,secret.z", ""))).WantRegistered()
	ev, _ = st.Next()
	if !strings.HasPrefix(ev.Data, `{"clientId":"dave","info":null,"channelName":"room.a","online":2,`) || ev.Type != "join" {
		t.Errorf("%s %s", ev.Type, ev.Data)
	}
	// Nor does a position that was got elsewhere open more.
	again := g.Open("GET", "/presence/stream?channels=room.a", "", bearer(token(t, "eve", "room.a", "")), "Last-Event-ID: "+all.ID)
	if got, _ := again.Next(); got.Data != ev.Data || got.Type != ev.Type {
		t.Errorf("%s %s", got.Type, got.Data)
	}
	g.Subscribe("channels=secret.b,room.a", bearer(token(t, "fay", "secret.b,room.a", ""))).WantRegistered()
	if got, _ := again.Next(); !strings.HasPrefix(got.Data, `{"clientId":"fay","info":null,"channelName":"room.a"`) {
		t.Errorf("%s %s", got.Type, got.Data)
	}
}
