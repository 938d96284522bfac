package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"rollcall/web"
	"rollcall/web/webtest"
)

// A program is told of each change once and in order: of a client's coming and going as such, and on each channel.
func TestPresenceInGo(t *testing.T) {
	t.Parallel()
	changes := make(chan web.PresenceChange, 100)
	srv := webtest.Start(t, web.Options{Presence: func(c web.PresenceChange) { changes <- c }})
	want := func(list ...string) {
		t.Helper()
		for _, want := range list {
			c := <-changes
			if got := fmt.Sprintf("%s %s %s %s %d", c.Kind, c.ClientID, c.Channel, c.Info, c.Online); got != want || c.At.IsZero() {
				t.Fatalf("got %s, want %s", got, want)
			}
		}
	}
	ada := subscribed(t, srv, `clientId=ada&info={"n":1}`, "a", "b")
	want(`online ada  {"n":1} 1`, `joined ada a {"n":1} 1`, `joined ada b {"n":1} 1`)
	bob := subscribed(t, srv, "clientId=bob", "b")
	want("online bob   2", "joined bob b  2")
	srv.Do("PUT", infoPath(ada), `{"n":2}`).WantStatus(204)
	want(`updated ada  {"n":2} 2`)
	again := subscribed(t, srv, "clientId=bob", "b") // another tab
	bob.Close()
	srv.Do("PUT", infoPath(again), `{}`).WantStatus(204)
	want(`updated bob  {} 2`)
	ada.Close()
	want(`left ada a {"n":2} 0`, `left ada b {"n":2} 1`, `offline ada  {"n":2} 1`)
}

// A function that does not return delays nothing, and is told how much it has missed.
func TestPresenceInGoNeverDelays(t *testing.T) {
	t.Parallel()
	entered, leave, missed := make(chan struct{}, 100_000), make(chan struct{}), make(chan int, 1)
	srv := webtest.Start(t, web.Options{Presence: func(c web.PresenceChange) {
		entered <- struct{}{}
		<-leave
		if c.Kind == web.Missed {
			missed <- c.Missed
		}
	}})
	watch := srv.Watch("")
	subscribed(t, srv, "clientId=first", "a")
	watch.Want("join", "", "first")
	<-entered
	channels := "channel=c0"
	for i := range 1000 {
		channels += fmt.Sprintf("&channel=c%d", i)
	}
	for i := range 12 { // of 1 001 changes each
		st := srv.Subscribe(fmt.Sprintf("clientId=%d&from=now&%s", i, channels))
		st.WantRegistered()
		watch.Want("join", "", fmt.Sprint(i))
		srv.Publish("c7", fmt.Sprint(i))
		st.WantEvent("c7", "message", fmt.Sprint(i))
	}
	if len(entered) > 0 {
		t.Error("two calls at once")
	}
	close(leave)
	if n := <-missed; n < 1000 || n > 12*1001-10_000+1 {
		t.Errorf("%d changes were missed", n)
	}
}

// An open server that is mounted elsewhere answers as localhost only, unless it is told otherwise; one with credentials
// answers under every name.
func TestHostsOfMountedServers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		opts           web.Options
		foreign, local int
	}{
		"open": {web.Options{}, 403, 200}, "open to all": {web.Options{AnyHost: true}, 200, 200},
		"with credentials": {withCookie(t), 401, 401},
	} {
		srv, err := web.New(c.opts)
		if err != nil {
			t.Fatal(err)
		}
		front := httptest.NewServer(srv.Handler())
		for host, want := range map[string]int{"rollcall.example": c.foreign, "127.0.0.1:80": c.local} {
			req, err := http.NewRequestWithContext(t.Context(), "GET", front.URL+"/presence/clients", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Host = host
			answer, err := front.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
			if answer.StatusCode != want {
				t.Errorf("%s, as %s: %d, want %d", name, host, answer.StatusCode, want)
			}
		}
		front.Close()
		srv.Close()
	}
}
