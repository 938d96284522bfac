package auth

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func made(t *testing.T, name string) (string, MadeKey) {
	t.Helper()
	channels, err := ParsePatterns("orders.>")
	if err != nil {
		t.Fatal(err)
	}
	text, key, err := NewKey(name, Publish|History, channels)
	if err != nil {
		t.Fatal(err)
	}
	return text, MadeKey{Key: key, Made: time.Now().UTC().Truncate(time.Second), By: "ann\nx"}
}

// The file has hashes alone, is private, survives a restart, and takes what others wrote meanwhile.
func TestKeyFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys")
	f, err := OpenKeyFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text, first := made(t, "first")
	_, second := made(t, "second")
	for _, k := range []MadeKey{first, second} {
		if err := f.Add(k); err != nil {
			t.Fatal(err)
		}
	}
	written, err := os.ReadFile(path)
	if err != nil || strings.Contains(string(written), text) || strings.Contains(string(written), text[3:]) {
		t.Errorf("the file has the key: %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info.Mode(), err)
	}
	if keys, err := ParseKeys(string(written)); err != nil || len(keys) != 2 {
		t.Errorf("as --api-keys it has %d keys, %v", len(keys), err)
	}
	other, err := OpenKeyFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := other.Keys(); len(got) != 2 || got[0].Key.String() != first.Key.String() || !got[0].Made.Equal(first.Made) || got[0].By != "annx" {
		t.Errorf("read %v", got)
	}
	if gone, err := other.Remove(first.ID()); err != nil || gone.Name != "first" {
		t.Errorf("removed %v, %v", gone, err)
	}
	if _, err := f.Remove(first.ID()); !errors.Is(err, ErrNoSuchKey) {
		t.Errorf("removed twice: %v", err)
	}
	if got := f.Keys(); len(got) != 1 || got[0].Name != "second" {
		t.Errorf("the first file has %v", got)
	}
	for name, text := range map[string]string{"no key": "x=y\n", "twice": second.Key.String() + "\n" + second.Key.String() + "\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := f.Reload(); err == nil || len(f.Keys()) != 1 {
			t.Errorf("%s: %v, %d keys", name, err, len(f.Keys()))
		}
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenKeyFile(path); err == nil || !strings.Contains(err.Error(), "private") {
		t.Errorf("a file that others read: %v", err)
	}
	if _, err := OpenKeyFile(t.TempDir()); err == nil {
		t.Error("a directory was taken")
	}
}

func TestKeyFileConcurrently(t *testing.T) {
	t.Parallel()
	f, err := OpenKeyFile(filepath.Join(t.TempDir(), "keys"))
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 8 {
		_, k := made(t, "k")
		all.Go(func() {
			if err := f.Add(k); err != nil {
				t.Error(err)
			}
			f.Keys()
		})
	}
	all.Wait()
	if n := len(f.Keys()); n != 8 {
		t.Errorf("%d keys", n)
	}
}
