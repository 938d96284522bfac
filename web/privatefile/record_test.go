package privatefile

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func newRecord(t *testing.T) Record[[]string] {
	return Record[[]string]{Path: filepath.Join(t.TempDir(), "names"), Line: "names 1", Most: 1000}
}

func TestRecord(t *testing.T) {
	t.Parallel()
	r := newRecord(t)
	if _, err := r.Load(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	for _, names := range [][]string{{"ann"}, {"ann", "bob"}, nil} {
		if err := r.Store(names); err != nil {
			t.Fatal(err)
		}
		got, err := r.Load()
		if err != nil || strings.Join(got, " ") != strings.Join(names, " ") {
			t.Errorf("%q, %v, want %q", got, err, names)
		}
	}
	if info, err := os.Stat(r.Path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if err := r.Store([]string{strings.Repeat("x", 1000)}); err == nil || !strings.Contains(err.Error(), "up to 1000") {
		t.Errorf("too much: %v", err)
	}
}

// A value whose file was damaged is an error that says how, whatever byte it is.
func TestDamagedRecord(t *testing.T) {
	t.Parallel()
	r := newRecord(t)
	if err := r.Store([]string{"ann", "bob"}); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(r.Path)
	if err != nil {
		t.Fatal(err)
	}
	want := func(text []byte, says string) {
		t.Helper()
		if err := os.WriteFile(r.Path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := r.Load(); err == nil || got != nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %q, %v, want %q", text, got, err, says)
		}
	}
	for i := range whole {
		flipped, says := bytes.Clone(whole), "checksum"
		if flipped[i] ^= 4; i < len("names 1\n") {
			says = "version"
		}
		want(flipped, says)
		if cut := whole[:i]; i < len("names 1\n")+4 {
			want(cut, "version")
		} else {
			want(cut, "checksum")
		}
	}
	want([]byte("names 1\n\x00\x00\x00\x00"), "decoded")
	want(bytes.Repeat([]byte("x"), 1001), "up to 1000")
	if err := os.Chmod(r.Path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Load(); runtime.GOOS != "windows" && (err == nil || !strings.Contains(err.Error(), "0600")) {
		t.Errorf("a file that others may read: %v", err)
	}
}

// What a crash leaves of a file that was about to be written is removed; other files stay.
func TestLeftoversAreRemoved(t *testing.T) {
	t.Parallel()
	r := Record[[]string]{Path: filepath.Join(t.TempDir(), "names"), Line: "names 1", Most: 1000}
	for _, name := range []string{".names.12", ".names.x", ".other.12", "names.12", ".namesake"} {
		if err := os.WriteFile(filepath.Join(filepath.Dir(r.Path), name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Store([]string{"ann"}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Load(); err != nil {
		t.Fatal(err)
	}
	var left []string
	entries, err := os.ReadDir(filepath.Dir(r.Path))
	for _, e := range entries {
		left = append(left, e.Name())
	}
	if want := ".namesake .other.12 names names.12"; err != nil || strings.Join(left, " ") != want {
		t.Errorf("%q are left, %v; want %s", left, err, want)
	}
}
