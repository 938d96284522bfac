package login

import (
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestSession(t *testing.T) {
	s := newSessions(t, newAccounts(t, ann, bob), SessionOptions{})
	b := &browser{t: t, s: s}
	b.sees(nil, ErrNone)
	session := b.login(ann)
	b.sees(session, nil)
	b.sees(session, nil)
	got := []string{session.User, session.Rights(), session.Addr, session.Agent, session.Hash}
	want := []string{"ann", "operator", "192.0.2.1", "Lynx/2.9", ""}
	if !slices.Equal(got, want) || !session.Alive() || ended(session) || time.Since(session.Created) > time.Minute {
		t.Errorf("got %+v, alive: %v", got, session.Alive())
	}
	other := &browser{t: t, s: s}
	other.sees(nil, ErrNone)
	if two := other.login(ann); two == session || other.cookie == b.cookie {
		t.Error("two logins share a session")
	}
	b.logout()
	b.sees(nil, ErrNone)
	if session.Alive() || !ended(session) {
		t.Error("it is alive after the logout")
	}
	if len(s.byKey) != 1 {
		t.Errorf("%d sessions are kept", len(s.byKey))
	}
}

func TestSessionExpires(t *testing.T) {
	tests := map[string]struct {
		opts  SessionOptions
		every time.Duration // between requests
		ends  time.Duration // after the login
	}{
		"idle":              {SessionOptions{}, 0, time.Hour},
		"absolute":          {SessionOptions{}, time.Minute, 12 * time.Hour},
		"other idle":        {SessionOptions{Idle: time.Minute}, 0, time.Minute},
		"other absolute":    {SessionOptions{Absolute: time.Hour}, time.Minute, time.Hour},
		"idle not reached":  {SessionOptions{Idle: time.Minute}, time.Minute - 1, 12 * time.Hour},
		"absolute is less":  {SessionOptions{Idle: time.Hour, Absolute: time.Minute}, 0, time.Minute},
		"only part seconds": {SessionOptions{Absolute: 500 * time.Millisecond}, 0, 500 * time.Millisecond},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSessions(t, newAccounts(t, ann), test.opts)
				b := &browser{t: t, s: s}
				session := b.login(ann)
				end := session.Created.Add(test.ends)
				for test.every > 0 && time.Until(end) > test.every {
					time.Sleep(test.every)
					b.sees(session, nil)
				}
				time.Sleep(time.Until(end) - 1)
				if !session.Alive() || ended(session) {
					t.Fatal("it has ended too early")
				}
				time.Sleep(time.Nanosecond)
				b.sees(nil, ErrExpired)
				if session.Alive() || !ended(session) || len(s.byKey) != 0 {
					t.Error("it is still there")
				}
			})
		})
	}
	for _, opts := range []SessionOptions{{Idle: -1}, {Absolute: -1}} {
		if _, err := NewSessions(newAccounts(t), opts); err == nil {
			t.Errorf("%+v is taken", opts)
		}
	}
}

// A stream that asks whether its session is alive does not keep it so.
func TestAliveIsNoRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSessions(t, newAccounts(t, ann), SessionOptions{})
		session := (&browser{t: t, s: s}).login(ann)
		for range 59 {
			time.Sleep(time.Minute)
			if !session.Alive() {
				t.Fatal("it has ended too early")
			}
		}
		time.Sleep(time.Minute)
		if session.Alive() || !ended(session) {
			t.Error("it is alive")
		}
	})
}

func TestFlash(t *testing.T) {
	s := newSessions(t, newAccounts(t, ann), SessionOptions{})
	session := (&browser{t: t, s: s}).login(ann)
	take := func() [2]string {
		tone, text := session.TakeFlash()
		return [2]string{tone, text}
	}
	if got := take(); got != [2]string{} {
		t.Errorf("got %q", got)
	}
	session.SetFlash("good", "Saved.")
	session.SetFlash("bad", "Not saved.")
	if got := take(); got != [2]string{"bad", "Not saved."} {
		t.Errorf("got %q", got)
	}
	if got := take(); got != [2]string{} {
		t.Errorf("a second time, got %q", got)
	}
	session.SetFlash("good", "Saved.")
	var got int
	var mu sync.Mutex
	var calls sync.WaitGroup
	for range 10 {
		calls.Go(func() {
			if _, text := session.TakeFlash(); text != "" {
				mu.Lock()
				got++
				mu.Unlock()
			}
		})
	}
	calls.Wait()
	if got != 1 {
		t.Errorf("%d requests got it", got)
	}
}

func TestWhatIsKeptOfARequestIsBounded(t *testing.T) {
	s := newSessions(t, newAccounts(t, ann), SessionOptions{})
	r := (&browser{t: t, s: s}).request()
	r.Header.Set("User-Agent", "\xff"+strings.Repeat("é", 1000))
	session, err := s.Start(httptest.NewRecorder(), r, ann, strings.Repeat("1", 1000))
	if err != nil {
		t.Fatal(err)
	}
	if session.Agent != "?"+strings.Repeat("é", 127) || session.Addr != strings.Repeat("1", 64) {
		t.Errorf("kept are %q and %q", session.Agent, session.Addr)
	}
}
