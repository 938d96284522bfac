package auth_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"rollcall/web/auth"
)

// known takes the header User for the user's name.
func known(t *testing.T, s auth.Session) auth.Sessions {
	t.Helper()
	return func(r *http.Request) (*auth.Session, error) {
		switch s.User = r.Header.Get("User"); s.User {
		case "":
			return nil, nil
		case "error":
			return nil, errors.New("secret: the database is away")
		}
		return &s, nil
	}
}

func TestSession(t *testing.T) {
	text, key := newKey(t, "backend", "publish", ">")
	a := authenticator(t, auth.Options{
		Keys: []auth.Key{key}, Anonymous: patterns(t, "public.>"),
		Session: known(t, auth.Session{Info: []byte("{ \"n\": 1 }"), Subscribe: patterns(t, "room.>"), Publish: patterns(t, "room.a")}),
	})
	g, err := a.Authenticate(request("", "User: ann", "Authorization: Bearer the-application-s-own"))
	if err != nil {
		t.Fatal(err)
	}
	if g.Kind != auth.InApp || g.Name != "ann" || g.ClientID != "ann" || g.Identity() != "session:ann" || string(g.Info) != `{"n":1}` || !g.Ambient || g.MayChooseClientID() {
		t.Errorf("%+v", g)
	}
	if !g.MaySubscribe("room.b") || !g.MayReadHistory("room.b") || !g.MaySeePresence("room.b") || !g.MayPublish("room.a") ||
		g.MayPublish("room.b") || g.MaySubscribe("public.a") || g.Admin() || g.FullPresence() {
		t.Errorf("the rights are wrong: %+v", g)
	}
	if g, err := a.Authenticate(request("", "X-API-Key: "+text)); err != nil || g.Kind != auth.APIKey {
		t.Errorf("a key beside sessions: %+v, %v", g, err)
	}
	if g, err := a.Authenticate(request("")); err != nil || g.Kind != auth.Anonymous || !g.MaySubscribe("public.a") {
		t.Errorf("nobody: %+v, %v", g, err)
	}
	if !a.Holds(g) {
		t.Error("the session does not hold")
	}
	if err := a.Replace(auth.Options{Keys: []auth.Key{key}}); err != nil || a.Holds(g) {
		t.Errorf("the session holds where there are none; %v", err)
	}
}

func TestSessionsThatAreRefused(t *testing.T) {
	for _, c := range []struct {
		user string
		s    auth.Session
		want error
	}{
		{"error", auth.Session{}, auth.ErrSession},
		{strings.Repeat("x", 256), auth.Session{}, auth.ErrSession},
		{"a\tb", auth.Session{}, auth.ErrSession},
		{"ann", auth.Session{Info: []byte("7")}, auth.ErrSession},
		{"ann", auth.Session{Expires: time.Now().Add(-time.Second)}, auth.ErrExpired},
	} {
		a := authenticator(t, auth.Options{Session: known(t, c.s)})
		if g, err := a.Authenticate(request("", "User: "+c.user)); !errors.Is(err, c.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q, %+v: %+v, %v", c.user, c.s, g, err)
		}
	}
	a := authenticator(t, auth.Options{Session: known(t, auth.Session{Expires: time.Now().Add(time.Hour)})})
	if g, err := a.Authenticate(request("", "User: ann")); err != nil || !a.Holds(g) || g.Expires.IsZero() {
		t.Errorf("%+v, %v", g, err)
	}
	if _, err := auth.New(auth.Options{Open: true, Session: known(t, auth.Session{})}); err == nil {
		t.Error("a server that is open asks for sessions")
	}
}
