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
	"github.com/google/go-cmp/cmp/cmpopts"
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
		"other account": {[]Account{{Name: "eve", Role: ann.Role, Hash: ann.Hash}}, false},
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

// sessionsOf counts the sessions of a user.
func sessionsOf(s *Sessions, user string) (n int) {
	for _, info := range s.List(nil) {
		if info.User == user {
			n++
		}
	}
	return n
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
		info := func(user Account, created, seen time.Time, current bool) Info {
			return Info{User: user.Name, Owner: user.Name, Role: string(user.Role), Created: created, Seen: seen, Addr: "192.0.2.1", Agent: "Lynx/2.9", Current: current}
		}
		want := []Info{
			info(ann, start, start.Add(2*time.Minute), false), info(ann, start.Add(time.Minute), start.Add(time.Minute), true),
			info(bob, start.Add(time.Minute), start.Add(time.Minute), false),
		}
		got := s.List(current)
		ids := map[string]bool{}
		for i := range got {
			ids[got[i].ID], got[i].ID = true, ""
		}
		if diff := cmp.Diff(want, got, cmpopts.SortSlices(func(x, y Info) bool { return x.User < y.User })); diff != "" || len(ids) != 3 {
			t.Error(diff, ids)
		}
		time.Sleep(59 * time.Minute)
		if got := s.List(nil); len(got) != 1 || got[0].Current {
			t.Errorf("when two have expired, got %v", got)
		}
	})
}

// One session ends, and the user's others stay. Its public id opens nothing.
func TestEndOneSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSessions(t, newAccounts(t, ann, bob), SessionOptions{})
		first, second, other := &browser{t: t, s: s}, &browser{t: t, s: s}, &browser{t: t, s: s}
		lost, kept, his := first.login(ann), second.login(ann), other.login(bob)
		info, ok := s.EndOne(lost.publicID())
		if !ok || info.User != ann.Name || info.ID != lost.publicID() || !ended(lost) {
			t.Errorf("ended %v (%t)", info, ok)
		}
		first.sees(nil, ErrExpired)
		second.sees(kept, nil)
		other.sees(his, nil)
		for _, id := range []string{"", lost.publicID(), "0"} {
			if info, ok := s.EndOne(id); ok {
				t.Errorf("%q ended %v", id, info)
			}
		}
		if len(s.List(nil)) != 2 {
			t.Error("another session ended")
		}
	})
}

func TestSessionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all []Account
		for i := range 25 {
			all = append(all, Account{Name: fmt.Sprintf("user%d", i), Role: Viewer, Hash: someHash})
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
		if sessionsOf(s, "user0") != maxOfUser || !ended(dropped) {
			t.Errorf("one user has %d sessions", sessionsOf(s, "user0"))
		}
		for _, account := range all[1:] {
			time.Sleep(time.Second)
			for range maxOfUser {
				(&browser{t: t, s: s}).login(account)
			}
		}
		if len(s.byKey) != maxSessions || sessionsOf(s, "user24") != maxOfUser || sessionsOf(s, "user0") != 0 {
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
				s.List(session)
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
