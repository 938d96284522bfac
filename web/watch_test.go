package web_test

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/web"
	"rollcall/web/webtest"
)

func TestPresenceStream(t *testing.T) {
	srv := start(t)
	subscribed(t, srv, "clientId=ada&info="+url.QueryEscape(`{"name":"Ada"}`), "a")
	for _, path := range []string{"/presence/stream", "/presence/stream/"} {
		st := srv.Open("GET", path, "")
		for name, want := range map[string]string{"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"} {
			if got := st.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
		ev, _ := st.Next()
		if want := `{"clients":[{"clientId":"ada","info":{"name":"Ada"},`; ev.Type != "snapshot" || !strings.HasPrefix(ev.Data, want) || !strings.HasSuffix(ev.Data, `],"online":1}`) {
			t.Errorf("%q, want %s", ev, want)
		}
		if st.Retry != 3*time.Second {
			t.Errorf("retry %v", st.Retry)
		}
	}

	roster := srv.Watch("")
	bob := subscribed(t, srv, "clientId=bob&info="+url.QueryEscape(`{"n":1}`), "b")
	if e := roster.Want("join", "", "bob"); string(e.Info) != `{"n":1}` || e.Online != 2 {
		t.Errorf("join %+v", e)
	} else if _, err := time.Parse("2006-01-02T15:04:05.000Z", e.Timestamp); err != nil {
		t.Error(err)
	}
	// A second tab is no change; new information is; coming without any is not. It holds for as long as its connection.
	tab := subscribed(t, srv, "clientId=bob", "a")
	subscribed(t, srv, "clientId=bob&info="+url.QueryEscape(`{"n": 1}`), "b").Close()
	subscribed(t, srv, "clientId=bob&info="+url.QueryEscape(`{"n":2}`), "b").Close()
	if e := roster.Want("update", "", "bob"); string(e.Info) != `{"n":2}` || e.Online != 2 {
		t.Errorf("update %+v", e)
	}
	if e := roster.Want("update", "", "bob"); string(e.Info) != `{"n":1}` {
		t.Errorf("update %+v", e)
	}
	bob.Close()
	tab.Cut()
	if e := roster.Want("leave", "", "bob"); string(e.Info) != `{"n":1}` || e.Online != 1 {
		t.Errorf("leave %+v", e)
	}
}

func TestPresenceStreamOfChannels(t *testing.T) {
	srv := start(t)
	subscribed(t, srv, "clientId=ada", "a", "b")
	subscribed(t, srv, "clientId=bob", "c")
	for _, query := range []string{"channels=a,b", "channels=a&channel=b", "channels=b,a,b", "channel=a&channel=b"} {
		roster := srv.Watch(query)
		for _, channel := range []string{"a", "b"} {
			if got := roster.Members[channel]; len(got) != 1 || got["ada"] != "null" {
				t.Errorf("%s: members of %s are %v", query, channel, got)
			}
		}
		if len(roster.Members) != 2 {
			t.Errorf("%s: %v", query, roster.Members)
		}
		roster.Close()
	}
	roster := srv.Watch("channels=a,b")
	bob := subscribed(t, srv, "clientId=bob", "b", "c", "a")
	roster.Want("join", "b", "bob")
	roster.Want("join", "a", "bob")
	subscribed(t, srv, "clientId=eve", "c")
	bob.Close()
	roster.Want("leave", "b", "bob")
	roster.Want("leave", "a", "bob")

	none := srv.Watch("channels=nobody")
	subscribed(t, srv, "clientId=eve", "nobody")
	none.Want("join", "nobody", "eve")
	srv.Get("/presence/stream?channels=$online").WantFault(400, "invalid_channel", "channels")
}

func TestPresenceStreamResumes(t *testing.T) {
	srv := start(t)
	for _, query := range []string{"", "channels=a"} {
		channel := ""
		if query != "" {
			channel = "a"
		}
		roster := srv.Watch(query)
		ada := subscribed(t, srv, "clientId=ada", "a")
		roster.Want("join", channel, "ada")
		roster.Cut()
		ada.Close()
		subscribed(t, srv, "clientId=bob", "a")

		// What happened meanwhile comes, and no snapshot. Ada's end and Bob's
		// beginning are on two connections: either may be first.
		roster = srv.Rewatch(roster, query)
		roster.WantThere(channel, "bob")
		roster.WantGone(channel, "ada")
		again := &webtest.Roster{Stream: srv.Open("GET", "/presence/stream?"+query+"&lastEventId="+roster.LastID, ""), Members: roster.Members}
		subscribed(t, srv, "clientId=eve", "a")
		again.Want("join", channel, "eve")
		srv.Delete("/presence/clients/bob")
		srv.Delete("/presence/clients/eve")
		again.WantGone(channel, "bob")
		again.WantGone(channel, "eve")

		// From a position that means nothing there is a new snapshot.
		subscribed(t, srv, "clientId=zoe", "a")
		for _, id := range []string{"former-7", "garbled", epochOf(again.LastID) + "-18446744073709551615", "%00", "new-0", ""} {
			fresh := srv.Watch(query + "&last_event_id=" + id)
			if members := fresh.Members[channel]; len(members) != 1 || members["zoe"] == "" {
				t.Errorf("from %q: %v", id, fresh.Members)
			}
		}
		srv.Delete("/presence/clients/zoe")
		again.WantThere(channel, "zoe")
		again.WantGone(channel, "zoe")
	}
}

// The presence log keeps nothing until somebody watches. The first watcher comes while clients join: none of them is missing, none
// joins twice, and it resumes exactly.
func TestPresenceLogBeginsWithAWatcher(t *testing.T) {
	for range 20 {
		srv := webtest.Start(t, web.Options{})
		const clients = 12
		var joins sync.WaitGroup
		for i := range clients {
			subscribed(t, srv, fmt.Sprint("clientId=early", i), "a")
			joins.Go(func() { subscribed(t, srv, fmt.Sprint("clientId=late", i), "a") })
		}
		roster := srv.Watch("")
		joins.Wait()
		for i := range clients {
			roster.WantThere("", fmt.Sprint("late", i))
		}
		if len(roster.Members[""]) != 2*clients {
			t.Errorf("members %v", roster.Members[""])
		}
		subscribed(t, srv, "clientId=last", "a")
		roster.Want("join", "", "last")
		roster.Cut()
		subscribed(t, srv, "clientId=meanwhile", "a")
		roster = srv.Rewatch(roster, "")
		roster.Want("join", "", "meanwhile")
		roster.Close()
		srv.Close()
	}
	srv := start(t)
	subscribed(t, srv, "clientId=ada", "a")
	const kept = `rollcall_held_bytes{kind="presence_events"} `
	if text := srv.Get("/metrics").Body; !strings.Contains(text, kept+"0\n") {
		t.Error("the presence log keeps events that nobody can read")
	}
	roster := srv.Watch("")
	subscribed(t, srv, "clientId=bob", "a")
	roster.Want("join", "", "bob")
	if text := srv.Get("/metrics").Body; strings.Contains(text, kept+"0\n") || !strings.Contains(text, kept) {
		t.Error("the presence log keeps nothing for watchers who come back")
	}
}

// Clients join and leave while watchers begin, end and resume: the events of each watcher always add up (see Roster),
// and in the end to the API's list.
func TestPresenceAddsUp(t *testing.T) {
	srv := webtest.Start(t, web.Options{Shards: 2})
	var churn sync.WaitGroup
	for p := range 3 {
		churn.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(p), 1))
			for range 25 {
				query := fmt.Sprintf("channels=a,%c&clientId=u%d", 'b'+rng.IntN(2), rng.IntN(4))
				if rng.IntN(3) == 0 {
					query += fmt.Sprintf("&info=%%7B%%22n%%22:%d%%7D", rng.IntN(3))
				}
				st := srv.Subscribe(query)
				st.WantRegistered()
				if rng.IntN(2) == 0 {
					st.Cut()
				} else {
					st.Close()
				}
			}
		})
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		churn.Wait()
		close(done)
		srv.Subscribe("channels=a,b&clientId=end") // so that there is one more edge to read
	}()
	watchers := map[string]*webtest.Roster{"": srv.Watch(""), "channels=a,b": srv.Watch("channels=a,b")}
	for churning := true; churning; {
		select {
		case <-done:
			churning = false
		default:
			for query, roster := range watchers {
				roster.Edge()
				roster.Close()
				watchers[query] = srv.Rewatch(roster, query)
			}
		}
	}
	<-ended
	for query, roster := range watchers {
		for _, name := range map[string][]string{"": {""}, "channels=a,b": {"a", "b"}}[query] {
			roster.WantThere(name, "end")
			for c := range 4 {
				roster.WantGone(name, fmt.Sprint("u", c))
			}
			if len(roster.Members[name]) != 1 {
				t.Errorf("%s: members of %q are %v", query, name, roster.Members[name])
			}
		}
	}
}
