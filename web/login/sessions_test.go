package login

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAccountChanges(t *testing.T) {
	rehashed := ann
	rehashed.Hash = cheap("another")
	tests := map[string]struct {
		accounts []Account
		alive    bool
	}{
		"the same":      {[]Account{bob, ann}, true},
		"gone":          {[]Account{bob}, false},
		"all gone":      {nil, false},
		"demoted":       {[]Account{account("ann", Viewer)}, false},
		"new password":  {[]Account{rehashed}, false},
		"other account": {[]Account{{"eve", ann.Role, ann.Hash}}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			accounts := newAccounts(t, ann, bob)
			s := newSessions(t, accounts, SessionOptions{})
			b := &browser{t: t, s: s}
			session := b.login(ann)
			if err := accounts.Replace(test.accounts); err != nil {
				t.Fatal(err)
			}
			if ended(session) == test.alive || session.Alive() != test.alive {
				t.Errorf("ended: %v, alive: %v", ended(session), session.Alive())
			}
			if test.alive {
				b.sees(session, nil)
				return
			}
			b.sees(nil, ErrExpired)
			// It does not come back with its account, nor can a check from before begin one.
			w := httptest.NewRecorder()
			if _, err := s.Start(w, b.request(), ann, ""); err != ErrWrong || len(w.Result().Cookies()) != 0 {
				t.Errorf("a login of the account as it was: %v, %v", err, w.Result().Cookies())
			}
			if err := accounts.Replace([]Account{ann}); err != nil {
				t.Fatal(err)
			}
			b.sees(nil, ErrExpired)
		})
	}
}

func TestEndAll(t *testing.T) {
	s := newSessions(t, newAccounts(t, ann, bob), SessionOptions{})
	var anns []*Session
	for range 3 {
		anns = append(anns, (&browser{t: t, s: s}).login(ann))
	}
	b := &browser{t: t, s: s}
	bobs := b.login(bob)
	if n := s.EndAll("ann"); n != 3 {
		t.Errorf("%d have ended", n)
	}
	for _, session := range anns {
		if session.Alive() || !ended(session) {
			t.Error("one of them is alive")
		}
	}
	b.sees(bobs, nil)
	if s.EndAll("ann") != 0 || s.EndAll("eve") != 0 {
		t.Error("some more have ended")
	}
}

func TestList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSessions(t, newAccounts(t, ann, bob), SessionOptions{})
		start := now()
		first, second := &browser{t: t, s: s}, &browser{t: t, s: s}
		first.login(ann)
		time.Sleep(time.Minute)
		current := second.login(ann)
		(&browser{t: t, s: s}).login(bob)
		time.Sleep(time.Minute)
		if _, err := s.Get(first.request()); err != nil {
			t.Fatal(err)
		}
		want := []Info{
			{start, start.Add(2 * time.Minute), "192.0.2.1", "Lynx/2.9", false},
			{start.Add(time.Minute), start.Add(time.Minute), "192.0.2.1", "Lynx/2.9", true},
		}
		if diff := cmp.Diff(want, s.List("ann", current)); diff != "" {
			t.Error(diff)
		}
		time.Sleep(59 * time.Minute)
		if got := s.List("ann", nil); len(got) != 1 || got[0].Current {
			t.Errorf("when one has expired, got %v", got)
		}
		if got := s.List("eve", nil); got != nil {
			t.Errorf("of nobody, got %v", got)
		}
	})
}

func TestSessionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all []Account
		for i := range 25 {
			all = append(all, Account{fmt.Sprintf("user%d", i), Viewer, someHash})
		}
		s := newSessions(t, newAccounts(t, all...), SessionOptions{})
		busy := &browser{t: t, s: s}
		kept := busy.login(all[0])
		var dropped *Session
		for i := range maxOfUser {
			time.Sleep(time.Second)
			session := (&browser{t: t, s: s}).login(all[0])
			if i == 0 {
				dropped = session
			}
			busy.sees(kept, nil)
		}
		if len(s.List("user0", nil)) != maxOfUser || !ended(dropped) {
			t.Errorf("one user has %d sessions", len(s.List("user0", nil)))
		}
		for _, account := range all[1:] {
			time.Sleep(time.Second)
			for range maxOfUser {
				(&browser{t: t, s: s}).login(account)
			}
		}
		if len(s.byKey) != maxSessions || len(s.List("user24", nil)) != maxOfUser || len(s.List("user0", nil)) != 0 {
			t.Errorf("there are %d sessions", len(s.byKey))
		}
	})
}

// Everything at once, for the race detector.
func TestSessionsConcurrently(t *testing.T) {
	accounts := newAccounts(t, ann, bob)
	s := newSessions(t, accounts, SessionOptions{File: t.TempDir() + "/sessions"})
	var calls sync.WaitGroup
	for i := range 4 {
		calls.Go(func() {
			b := &browser{t: t, s: s}
			for n := range 10 {
				w := httptest.NewRecorder()
				session, err := s.Start(w, b.request(), ann, "192.0.2.1")
				if err != nil {
					if !errors.Is(err, ErrWrong) {
						t.Error(err)
					}
					continue
				}
				b.keep(w)
				session.SetFlash("good", "Hello.")
				if got, err := s.Get(b.request()); err == nil {
					got.TakeFlash()
				}
				session.Alive()
				s.List("ann", session)
				switch (i + n) % 4 {
				case 0:
					s.End(httptest.NewRecorder(), b.request())
				case 1:
					s.EndAll("ann")
				case 2:
					if err := errors.Join(accounts.Replace([]Account{bob}), accounts.Replace([]Account{ann, bob})); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	calls.Wait()
	s.EndAll("ann")
	if len(s.byKey) != 0 {
		t.Errorf("%d sessions are left", len(s.byKey))
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
