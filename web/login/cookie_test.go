package login

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestCookie(t *testing.T) {
	s := newSessions(t, newAccounts(t, ann), SessionOptions{})
	for name, secure := range map[string]*tls.ConnectionState{"clear": nil, "TLS": {}} {
		t.Run(name, func(t *testing.T) {
			want := http.Cookie{Name: "rollcall_admin", HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: secure != nil}
			ignore := cmp.FilterPath(func(p cmp.Path) bool {
				return p.String() == "Raw" || p.String() == "Value" || p.String() == "RawExpires"
			}, cmp.Ignore())
			b := &browser{t: t, s: s}
			r := b.request()
			r.TLS = secure
			w := httptest.NewRecorder()
			if _, err := s.Start(w, r, ann, ""); err != nil {
				t.Fatal(err)
			}
			b.keep(w)
			if diff := cmp.Diff(want, *b.last, ignore); diff != "" {
				t.Errorf("login: %s", diff)
			}
			w = httptest.NewRecorder()
			s.End(w, r)
			b.keep(w)
			want.MaxAge, want.Expires = -1, time.Unix(1, 0).UTC()
			if diff := cmp.Diff(want, *b.last, ignore); diff != "" || b.cookie != "" {
				t.Errorf("logout: %s, value %q", diff, b.cookie)
			}
		})
	}
}

// What the cookie carries is not what the server keeps.
func TestCookieHoldsNothingButTheID(t *testing.T) {
	s := newSessions(t, newAccounts(t, ann), SessionOptions{})
	b := &browser{t: t, s: s}
	session := b.login(ann)
	inside, err := s.cookie.store.New(b.request(), cookieName)
	if err != nil {
		t.Fatal(err)
	}
	id, _ := inside.Values["id"].(string)
	if len(inside.Values) != 1 || len(id) < 26 || keyOf(id) != session.key {
		t.Errorf("it holds %v", inside.Values)
	}
}

func TestForgedCookies(t *testing.T) {
	accounts := newAccounts(t, ann)
	s := newSessions(t, accounts, SessionOptions{})
	b := &browser{t: t, s: s}
	session := b.login(ann)
	right := b.cookie
	stranger := &browser{t: t, s: newSessions(t, accounts, SessionOptions{})}
	stranger.login(ann)
	forged := map[string]string{"another server's": stranger.cookie, "text": "ann", "long": strings.Repeat("A", 5000)}
	for i := range right {
		changed := []byte(right)
		if changed[i] = 'A'; right[i] == 'A' {
			changed[i] = 'Q'
		}
		if !bytes.Equal(decoded(string(changed)), decoded(right)) { // the last bits stand for nothing
			forged[fmt.Sprintf("byte %d", i)] = string(changed)
		}
	}
	for n := 1; n < len(right); n += 7 {
		forged[fmt.Sprintf("%d bytes", n)] = right[:n]
	}
	for name, cookie := range forged {
		b.cookie = cookie
		if got, err := s.Get(b.request()); got != nil || err != ErrExpired {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
	b.cookie = right
	b.sees(session, nil)
}

// decoded is what a cookie says, however it is written.
func decoded(cookie string) []byte {
	b, _ := base64.URLEncoding.DecodeString(cookie)
	return b
}

// An id planted before a login is useless after it.
func TestFixation(t *testing.T) {
	s := newSessions(t, newAccounts(t, ann, bob), SessionOptions{})
	attacker := &browser{t: t, s: s}
	planted := attacker.login(bob)
	victim := &browser{t: t, s: s, cookie: attacker.cookie}
	session := victim.login(ann)
	if victim.cookie == attacker.cookie || session == planted {
		t.Error("the login went on with the planted session")
	}
	attacker.sees(nil, ErrExpired)
	victim.sees(session, nil)
	if !ended(planted) || ended(session) {
		t.Error("the planted session has not ended, or the new one has")
	}

	// Nor one that the server would know only later.
	gone := &browser{t: t, s: s}
	gone.login(ann)
	unknown := gone.cookie
	gone.logout()
	victim = &browser{t: t, s: s, cookie: unknown}
	victim.login(ann)
	gone.cookie = unknown
	gone.sees(nil, ErrExpired)
}

func TestReplayAfterLogout(t *testing.T) {
	s := newSessions(t, newAccounts(t, ann), SessionOptions{})
	b := &browser{t: t, s: s}
	b.login(ann)
	thief := &browser{t: t, s: s, cookie: b.cookie}
	b.logout()
	b.sees(nil, ErrNone)
	thief.sees(nil, ErrExpired)
	thief.logout() // deletes the cookie all the same
	if thief.cookie != "" {
		t.Error("the cookie stays")
	}
}

// The state of a login at a provider is taken once, by the browser that has it.
func TestFlow(t *testing.T) {
	s := newSessions(t, newAccounts(t, ann), SessionOptions{})
	w := httptest.NewRecorder()
	if err := s.SetFlow(w, httptest.NewRequest("GET", "/admin/oidc", nil), "a secret"); err != nil {
		t.Fatal(err)
	}
	set := w.Result().Cookies()[0]
	if !set.HttpOnly || set.SameSite != http.SameSiteLaxMode || set.MaxAge != int(FlowAge.Seconds()) || strings.Contains(set.Value, "secret") {
		t.Errorf("set %v", set)
	}
	take := func(value string) (string, bool, *http.Cookie) {
		r, w := httptest.NewRequest("GET", "/admin/oidc-callback", nil), httptest.NewRecorder()
		r.AddCookie(&http.Cookie{Name: set.Name, Value: value})
		state, ok := s.TakeFlow(w, r)
		return state, ok, w.Result().Cookies()[0]
	}
	if state, ok, gone := take(set.Value); state != "a secret" || !ok || gone.MaxAge >= 0 {
		t.Errorf("took %q (%t), the cookie is %v", state, ok, gone)
	}
	for _, wrong := range []string{"", "x", set.Value[1:], set.Value + "A"} {
		if state, ok, _ := take(wrong); ok {
			t.Errorf("%q is %q", wrong, state)
		}
	}
	other := newSessions(t, newAccounts(t, ann), SessionOptions{})
	r := httptest.NewRequest("GET", "/", nil)
	r.AddCookie(set)
	if state, ok := other.TakeFlow(httptest.NewRecorder(), r); ok {
		t.Errorf("another server takes %q", state)
	}
	if _, ok := s.TakeFlow(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)); ok {
		t.Error("without a cookie there is a state")
	}
}
