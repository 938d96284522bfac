package web_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/web"
	"rollcall/web/webtest"
)

// A connectionId gives no rights: neither a viewer of the admin UI nor a key for presence, which see it, can end the
// stream with it. Its own secret can.
func TestLeaveTakesTheStreamsSecret(t *testing.T) {
	t.Parallel()
	g := guard(t)
	bob := g.Subscribe("channels=public.a")
	bob.WantRegistered()
	bob.Close()
	eventually(t, "bob is gone", func() bool { return g.Streams() == 0 })
	ada := g.witness()
	path := "/presence/connections/" + ada.stream.Hello.ConnectionID + "/leave"
	for _, show := range []string{"X-Nothing: 1", g.root, g.reader, bearer(token(t, "ada", "room.*", ""))} {
		g.Post(path, "", show).WantFault(403, "missing_secret", "secret")
		g.Post(path+"?now=1&secret=", "", show).WantFault(403, "missing_secret", "secret")
		for _, wrong := range []string{
			"x", ada.stream.Hello.ConnectionID, bob.Hello.Secret, strings.ToLower(ada.stream.Hello.Secret), ada.stream.Hello.Secret[1:],
			ada.stream.Hello.Secret + "=",
		} {
			g.Post(path+"?now=1&secret="+wrong, "", show).WantFault(403, "wrong_secret", "secret")
			g.Post(path+"?now=1", "", show, "Stream-Secret: "+wrong).WantFault(403, "wrong_secret", "secret")
		}
	}
	// The header wins, as it is not by chance.
	g.Post(leavePath(ada.stream), "", "Stream-Secret: x").WantFault(403, "wrong_secret", "secret")
	ada.wantPeace()
	g.Post(path+"?now=1", "", "Stream-Secret: "+ada.stream.Hello.Secret).WantStatus(204)
	eventually(t, "ada is gone", func() bool { return !strings.Contains(fmt.Sprint(g.online()), "ada") })
}

// The secret of a connection whose client may yet come back is checked too.
func TestLeaveTakesTheSecretWithinTheGrace(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, web.Options{PresenceGrace: time.Hour})
	everybody := srv.Watch("")
	st := subscribed(t, srv, "clientId=ada", "a")
	everybody.Want("join", "", "ada")
	st.Close()
	eventually(t, "no connection is left", func() bool { return len(connections(t, srv, "ada")) == 0 })
	srv.Post("/presence/connections/"+st.Hello.ConnectionID+"/leave?now=1&secret=x", "").WantFault(403, "wrong_secret", "secret")
	srv.Post(leavePath(st)+"&now=1", "").WantStatus(204)
	everybody.Want("leave", "", "ada")
}

// logged is a log that may be read while it is written.
type logged struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// The secret is in the stream's own registered and nowhere else: no answer, no page,
// no tap, no log and no other stream has it.
func TestStreamSecretIsShownToNobodyElse(t *testing.T) {
	t.Parallel()
	var log logged
	opts := withAdmins(web.Options{Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	srv := webtest.Start(t, opts)
	alice := operator(t, srv)
	first := subscribed(t, srv, "clientId=ada&presence=channels", "a")
	roster := srv.Watch("channels=a")
	tap := alice.watch("/admin/clients/ada/tap")
	tap.patch()
	st := srv.Subscribe("channels=a&clientId=ada&info={}")
	st.WantRegistered()
	if other := subscribed(t, srv, "", "a"); other.Hello.Secret == st.Hello.Secret || first.Hello.Secret == st.Hello.Secret {
		t.Error("two streams have one secret")
	}
	row := tap.wantFeed("registered")
	if !strings.Contains(row, st.Hello.ConnectionID) {
		t.Errorf("the tap shows %s", row)
	}
	seen := []string{row, fmt.Sprint(roster.Members)}
	for _, path := range []string{"/presence/clients", "/presence/clients/ada", "/presence/channels", "/metrics"} {
		seen = append(seen, srv.Get(path).Body)
	}
	for _, path := range []string{"/admin", "/admin/clients", "/admin/clients/ada", "/admin/clients/ada/tap", "/admin/audit", "/admin/tail", "/admin/channels/a"} {
		seen = append(seen, alice.get(path).text)
	}
	srv.Post("/presence/connections/"+st.Hello.ConnectionID+"/leave?secret=x"+st.Hello.Secret, "").WantFault(403, "wrong_secret", "secret")
	srv.Post(leavePath(st), "").WantStatus(204)
	eventually(t, "the stream has ended", func() bool { return strings.Contains(log.String(), "stream ended") })
	for i, text := range append(seen, log.String()) {
		if strings.Contains(text, st.Hello.Secret) || strings.Contains(text, first.Hello.Secret) {
			t.Errorf("%d: %.2000s", i, text)
		}
	}
}
