package jetlog

import (
	"os"
	"path/filepath"
	"testing"
)

// opened reads the mark in dir, closes its file, and reports whether it is good for the
// epoch and a stream that ends at last.
func opened(t *testing.T, dir string, identity func(*os.File) string, last uint64) bool {
	t.Helper()
	m, err := openMark(dir, "S", identity)
	check(t, err)
	defer func() { check(t, m.file.Close()) }()
	why, _ := m.reused("e", last)
	return why == ""
}

func raised(t *testing.T, dir string, identity func(*os.File) string, seq uint64) {
	t.Helper()
	m, err := openMark(dir, "S", identity)
	check(t, err)
	check(t, m.raise("e", seq))
	check(t, m.file.Close())
}

// A restored file that has the inode number of the one it replaces is a copy, each time.
func TestMarkRestoredWithTheSameInode(t *testing.T) {
	dir := t.TempDir()
	born := "23 1000"
	self := func(*os.File) string { return born }
	for i, next := range []string{"23 2000", "23 3000", "23 4000"} {
		last := uint64(5 + i)
		raised(t, dir, self, last)
		if !opened(t, dir, self, last) {
			t.Error("the file itself is taken for a copy")
		}
		if born = next; opened(t, dir, self, last) {
			t.Errorf("the file restored as %q is taken for the one before", next)
		}
	}
}

// The same, by the file system of this machine.
func TestIdentity(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "S.mark")
	raised(t, dir, identity, 5)
	if !opened(t, dir, identity, 5) {
		t.Error("the file itself is taken for a copy")
	}
	info, err := os.Stat(name)
	check(t, err)
	text, err := os.ReadFile(name)
	check(t, err)
	same := 0
	for range 100 {
		before := info
		check(t, os.Remove(name))
		check(t, os.WriteFile(name, text, 0o600))
		info, err = os.Stat(name)
		check(t, err)
		if os.SameFile(before, info) {
			same++
		}
		if opened(t, dir, identity, 5) {
			t.Fatal("a copy is taken for the file")
		}
	}
	t.Logf("%d of 100 copies had the inode number of the file before", same)
}
