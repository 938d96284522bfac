package login

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestFileRefused(t *testing.T) {
	secret := strings.Repeat("A", 86) + "=="
	tests := map[string]struct {
		text string
		mode os.FileMode
		says string
	}{
		"empty":           {"", 0o600, "not a session file"},
		"no JSON":         {"hello", 0o600, "not a session file"},
		"cut":             {`{"version":1,"key":"` + secret, 0o600, "not a session file"},
		"other JSON":      {`{}`, 0o600, "version is 0"},
		"later version":   {`{"version":2,"key":"` + secret + `"}`, 0o600, "version is 2"},
		"unknown field":   {`{"version":1,"key":"` + secret + `","users":[]}`, 0o600, `unknown field "users"`},
		"no key":          {`{"version":1}`, 0o600, "key has 0 bytes"},
		"short key":       {`{"version":1,"key":"AAAA"}`, 0o600, "key has 3 bytes"},
		"damaged session": {`{"version":1,"key":"` + secret + `","sessions":[{"user":"ann","role":"viewer"}]}`, 0o600, "session 1 is damaged"},
		"two values":      {`{"version":1,"key":"` + secret + `"}{}`, 0o600, "more data"},
		"group may read":  {`{"version":1,"key":"` + secret + `"}`, 0o640, "mode is 0640; allowed is 0600"},
		"others may read": {`{"version":1,"key":"` + secret + `"}`, 0o604, "mode is 0604; allowed is 0600"},
		"group may write": {`{"version":1,"key":"` + secret + `"}`, 0o620, "mode is 0620; allowed is 0600"},
		"right":           {`{"version":1,"key":"` + secret + `"}`, 0o600, ""},
		"right, read":     {`{"version":1,"key":"` + secret + `"}`, 0o400, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if test.mode&0o077 != 0 && runtime.GOOS == "windows" {
				t.Skip("Windows has no such modes")
			}
			path := filepath.Join(t.TempDir(), "sessions")
			if err := os.WriteFile(path, []byte(test.text), test.mode); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, test.mode); err != nil { // whatever the umask
				t.Fatal(err)
			}
			s, err := NewSessions(newAccounts(t, ann), SessionOptions{File: path})
			if test.says == "" {
				if err != nil {
					t.Fatal(err)
				}
				closeSessions(t, s)
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), path) {
				t.Errorf("got %v, want one that says %q and names the file", err, test.says)
			}
			if text, _ := os.ReadFile(path); string(text) != test.text {
				t.Errorf("the file is now %q", text)
			}
		})
	}
}

func TestFileThatIsNone(t *testing.T) {
	dir := t.TempDir()
	for path, says := range map[string]string{
		dir: "not a regular file",
		filepath.Join(dir, "missing", "sessions"): "missing",
	} {
		if _, err := NewSessions(newAccounts(t), SessionOptions{File: path}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want one that says %q", err, says)
		}
	}
}

// A session from the future, after the clock was set back, counts as new.
func TestFileFromTheFuture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "sessions")
		accounts := newAccounts(t, ann)
		s := newSessions(t, accounts, SessionOptions{File: path})
		b := &browser{t: t, s: s}
		b.login(ann)
		closeSessions(t, s)
		c := read(t, path)
		c.Sessions[0].Created = now().Add(1000 * time.Hour)
		c.Sessions[0].Seen = now().Add(1000 * time.Hour)
		if err := writeFile(path, c); err != nil {
			t.Fatal(err)
		}
		b.s = newSessions(t, accounts, SessionOptions{File: path})
		time.Sleep(time.Hour)
		b.sees(nil, ErrExpired)
		closeSessions(t, b.s)
	})
}

// A file with more sessions than allowed loses the oldest.
func TestFileOfTooManySessions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sessions")
	sum := ann.sum("")
	c := content{Version: 1, Secret: make([]byte, secretSize)}
	for i := range maxSessions + 10 {
		k := keyOf(string(rune(i)))
		at := now().Add(-time.Duration(i) * time.Millisecond)
		c.Sessions = append(c.Sessions, record{Key: k[:], User: "ann", Role: Operator, Sum: sum[:], Created: at, Seen: at})
	}
	if err := writeFile(path, c); err != nil {
		t.Fatal(err)
	}
	s := newSessions(t, newAccounts(t, ann), SessionOptions{File: path})
	defer closeSessions(t, s)
	if len(s.byKey) != maxSessions || s.byKey[keyOf(string(rune(0)))] == nil {
		t.Errorf("there are %d sessions", len(s.byKey))
	}
}

// A file that cannot be written refuses no login; the failure is logged, and the file is written later.
func TestFileCannotBeWritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dir")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "sessions")
	var log bytes.Buffer
	s := newSessions(t, newAccounts(t, ann), SessionOptions{File: path, Log: slog.New(slog.NewJSONHandler(&log, nil))})
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	session, err := s.Start(httptest.NewRecorder(), (&browser{t: t, s: s}).request(), ann, "")
	if err != nil || !session.Alive() {
		t.Errorf("the login gives %v", err)
	}
	var entry struct{ Level, Error string }
	if err := json.Unmarshal(log.Bytes(), &entry); err != nil || entry.Level != "ERROR" || !strings.Contains(entry.Error, path) {
		t.Errorf("the log says %q", log.String())
	}
	if err := s.Close(); err == nil {
		t.Error("Close says nothing of it")
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	closeSessions(t, s)
	if c := read(t, path); len(c.Sessions) != 1 {
		t.Errorf("it holds %+v", c)
	}
}
