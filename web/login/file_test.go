package login

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

// read returns what the file holds now.
func read(t *testing.T, path string) content {
	t.Helper()
	c, err := readFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func closeSessions(t *testing.T, s *Sessions) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestSessionsSurviveARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "sessions")
		accounts := newAccounts(t, ann, bob)
		s := newSessions(t, accounts, SessionOptions{File: path})
		anns, bobs, out := &browser{t: t, s: s}, &browser{t: t, s: s}, &browser{t: t, s: s}
		before := anns.login(ann)
		bobs.login(bob)
		out.login(ann)
		loggedOut := out.cookie
		out.logout()
		time.Sleep(30 * time.Minute)
		anns.sees(before, nil)
		closeSessions(t, s)
		closeSessions(t, s) // again, which does nothing

		time.Sleep(31 * time.Minute)
		s = newSessions(t, accounts, SessionOptions{File: path})
		anns.s, bobs.s, out.s, out.cookie = s, s, s, loggedOut
		after, err := s.Get(anns.request())
		if err != nil {
			t.Fatal(err)
		}
		if after.User != "ann" || after.Role != Operator || !after.Created.Equal(before.Created) || after.Addr != before.Addr || after.Agent != before.Agent {
			t.Errorf("got %+v, want %+v", after, before)
		}
		bobs.sees(nil, ErrExpired) // idle meanwhile
		out.sees(nil, ErrExpired)
		closeSessions(t, s)

		// It ages while the server is down.
		time.Sleep(12 * time.Hour)
		s = newSessions(t, accounts, SessionOptions{File: path, Idle: 100 * time.Hour})
		anns.s = s
		anns.sees(nil, ErrExpired)
		closeSessions(t, s)
	})
}

func TestAccountChangesWhileDown(t *testing.T) {
	rehashed := ann
	rehashed.Hash = cheap("another")
	for name, accounts := range map[string][]Account{"gone": {bob}, "demoted": {account("ann", Viewer)}, "new password": {rehashed}} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "sessions")
			s := newSessions(t, newAccounts(t, ann), SessionOptions{File: path})
			b := &browser{t: t, s: s}
			b.login(ann)
			closeSessions(t, s)
			b.s = newSessions(t, newAccounts(t, accounts...), SessionOptions{File: path})
			b.sees(nil, ErrExpired)
			closeSessions(t, b.s)
			b.s = newSessions(t, newAccounts(t, ann), SessionOptions{File: path})
			b.sees(nil, ErrExpired)
			closeSessions(t, b.s)
		})
	}
}

func TestFileHoldsNoSecretOfASession(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sessions")
	s := newSessions(t, newAccounts(t, ann), SessionOptions{File: path})
	defer closeSessions(t, s)
	b := &browser{t: t, s: s}
	b.login(ann)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	inside, _ := s.cookie.store.New(b.request(), cookieName)
	for name, secret := range map[string]string{"the cookie": b.cookie, "the id": inside.Values["id"].(string), "the hash": ann.Hash, "part of the hash": ann.Hash[len(ann.Hash)-20:]} {
		if bytes.Contains(text, []byte(secret)) {
			t.Errorf("it holds %s", name)
		}
	}
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode() != 0o600 {
		t.Errorf("its mode is %v, %v", info.Mode(), err)
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
		t.Errorf("beside it there are %v", entries)
	}
}

// Logins and logouts are written at once, requests within a minute.
func TestWhenTheFileIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "sessions")
		accounts := newAccounts(t, ann)
		s := newSessions(t, accounts, SessionOptions{File: path})
		if c := read(t, path); len(c.Sessions) != 0 || len(c.Secret) != 64 {
			t.Errorf("at the start it holds %+v", c)
		}
		b := &browser{t: t, s: s}
		session := b.login(ann)
		if c := read(t, path); len(c.Sessions) != 1 || c.Sessions[0].User != "ann" {
			t.Errorf("after the login it holds %+v", c)
		}
		time.Sleep(70 * time.Second)
		b.sees(session, nil)
		seen := now()
		if c := read(t, path); c.Sessions[0].Seen.Equal(seen) {
			t.Error("a request is written at once")
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if c := read(t, path); !c.Sessions[0].Seen.Equal(seen) {
			t.Errorf("a minute later it was last seen %v, want %v", c.Sessions[0].Seen, seen)
		}
		before, _ := os.Stat(path)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if after, _ := os.Stat(path); !os.SameFile(before, after) {
			t.Error("it is written though nothing has changed")
		}
		b.logout()
		if c := read(t, path); len(c.Sessions) != 0 {
			t.Errorf("after the logout it holds %+v", c)
		}
		b.login(ann)
		s.EndAll("ann")
		if c := read(t, path); len(c.Sessions) != 0 {
			t.Errorf("after logging out everywhere it holds %+v", c)
		}
		b.login(ann)
		if err := accounts.Replace(nil); err != nil {
			t.Fatal(err)
		}
		if c := read(t, path); len(c.Sessions) != 0 {
			t.Errorf("without accounts it holds %+v", c)
		}
		closeSessions(t, s)
	})
}

// Done is closed by age if somebody looks and, with a file, by the server.
func TestKeepSweeps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSessions(t, newAccounts(t, ann), SessionOptions{File: filepath.Join(t.TempDir(), "sessions")})
		session := (&browser{t: t, s: s}).login(ann)
		time.Sleep(62 * time.Minute)
		synctest.Wait()
		if !ended(session) {
			t.Error("it has not ended")
		}
		closeSessions(t, s)
	})
}
