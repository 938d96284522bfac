package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/hub/outbox"
)

// Open opens a store with a name.
type Open func(t *testing.T, name string) outbox.Store

// Run tests the stores that open makes. A durable store that is opened again with the same name must have its content;
// the test closes the previous one first. A shared one may be open more than once.
func Run(t *testing.T, open Open) {
	t.Run("entries", func(t *testing.T) { testEntries(t, open) })
	t.Run("changes", func(t *testing.T) { testChanges(t, open) })
	t.Run("values", func(t *testing.T) { testValues(t, open) })
	t.Run("writers", func(t *testing.T) { testWriters(t, open) })
	t.Run("restart", func(t *testing.T) { testRestart(t, open) })
}

// Entries are numbered in order, and trimmed from the beginning.
func testEntries(t *testing.T, open Open) {
	ctx := t.Context()
	s := open(t, "entries")
	for i := range 10 {
		if err := s.Append(ctx, uint64(i), fmt.Append(nil, "entry ", i+1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Append(ctx, 4, nil); !errors.Is(err, outbox.ErrConflict) {
		t.Errorf("an entry in the past: %v", err)
	}
	if err := s.Append(ctx, 11, nil); !errors.Is(err, outbox.ErrConflict) {
		t.Errorf("an entry in the future: %v", err)
	}
	want(t, s, 0, 3, "1 entry 1", "2 entry 2", "3 entry 3")
	want(t, s, 8, 100, "9 entry 9", "10 entry 10")
	want(t, s, 10, 100)
	if err := s.Trim(ctx, 7); err != nil {
		t.Fatal(err)
	}
	want(t, s, 0, 2, "8 entry 8", "9 entry 9")
	if err := s.Trim(ctx, 10); err != nil {
		t.Fatal(err)
	}
	want(t, s, 0, 2)
	if head, err := s.Head(ctx); head != 10 || err != nil {
		t.Errorf("the head is %d, %v", head, err)
	}
	if err := s.Append(ctx, 10, []byte("more")); err != nil {
		t.Error(err)
	}
	want(t, s, 0, 2, "11 more")
}

// An append is announced.
func testChanges(t *testing.T, open Open) {
	ctx := t.Context()
	s := open(t, "changes")
	if err := s.Append(ctx, 0, []byte("x")); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.Changed():
	case <-time.After(20 * time.Second):
		t.Error("nothing has changed")
	}
}

// A value is replaced and created only at its expected revision.
func testValues(t *testing.T, open Open) {
	ctx := t.Context()
	s := open(t, "values")
	if v, err := s.Get(ctx, "cursor.a"); v.Rev != 0 || err != nil {
		t.Errorf("no value: %+v %v", v, err)
	}
	one := put(t, s, "cursor.a", "1", 0)
	if _, err := s.Put(ctx, "cursor.a", nil, 0); !errors.Is(err, outbox.ErrConflict) {
		t.Errorf("a value that is there: %v", err)
	}
	two := put(t, s, "cursor.a", "2", one)
	if _, err := s.Put(ctx, "cursor.a", nil, one); !errors.Is(err, outbox.ErrConflict) || two == one {
		t.Errorf("an older value: %v", err)
	}
	put(t, s, "cursor.b", "", 0)
	put(t, s, "dead.a.1", "x", 0)
	if v, err := s.Get(ctx, "cursor.a"); string(v.Data) != "2" || v.Rev != two || err != nil {
		t.Errorf("the value is %+v, %v", v, err)
	}
	if keys, err := s.Keys(ctx, "cursor."); !slices.Equal(keys, []string{"cursor.a", "cursor.b"}) || err != nil {
		t.Errorf("the keys are %q, %v", keys, err)
	}
	for range 2 {
		if err := s.Delete(ctx, "cursor.a"); err != nil {
			t.Error(err)
		}
	}
	if keys, err := s.Keys(ctx, "cursor."); !slices.Equal(keys, []string{"cursor.b"}) || err != nil {
		t.Errorf("the keys are %q, %v", keys, err)
	}
	if v, err := s.Get(ctx, "cursor.a"); v.Rev != 0 || err != nil {
		t.Errorf("a deleted value: %+v %v", v, err)
	}
	put(t, s, "cursor.a", "3", 0)
}

// Concurrent writers agree on one order.
func testWriters(t *testing.T, open Open) {
	ctx := t.Context()
	s := open(t, "writers")
	var wg sync.WaitGroup
	for writer := range 4 {
		wg.Go(func() {
			other := s
			if s.Shared() {
				other = open(t, "writers")
			}
			for done := 0; done < 20; {
				head, err := other.Head(ctx)
				if err == nil {
					err = other.Append(ctx, head, fmt.Append(nil, writer))
				}
				if err == nil {
					done++
				} else if !errors.Is(err, outbox.ErrConflict) {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	list, err := s.Read(ctx, 0, 100)
	if len(list) != 80 || err != nil || list[79].Seq != 80 {
		t.Errorf("80 entries of 4 writers are %d, %v", len(list), err)
	}
}

// A durable store has its entries, numbers and values after a restart.
func testRestart(t *testing.T, open Open) {
	ctx := t.Context()
	s := open(t, "restart")
	if !s.Durable() {
		t.Skip("it ends with the process")
	}
	for i := range 3 {
		if err := s.Append(ctx, uint64(i), fmt.Append(nil, i+1)); err != nil {
			t.Fatal(err)
		}
	}
	rev := put(t, s, "a", "b", 0)
	if err := s.Trim(ctx, 2); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, "restart")
	want(t, s, 0, 10, "3 3")
	put(t, s, "a", "c", rev)
	if err := s.Trim(ctx, 3); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, "restart")
	if err := s.Append(ctx, 3, []byte("4")); err != nil {
		t.Fatal(err)
	}
	want(t, s, 0, 10, "4 4")
}

func put(t *testing.T, s outbox.Store, key, value string, rev uint64) uint64 {
	t.Helper()
	rev, err := s.Put(context.Background(), key, []byte(value), rev)
	if err != nil || rev == 0 {
		t.Fatalf("Put of %s: %d, %v", key, rev, err)
	}
	return rev
}

func want(t *testing.T, s outbox.Store, after uint64, n int, want ...string) {
	t.Helper()
	list, err := s.Read(context.Background(), after, n)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]string, len(list))
	for i, e := range list {
		got[i] = fmt.Sprint(e.Seq, " ", string(e.Data))
	}
	if strings.Join(got, ",") != strings.Join(want, ",") {
		t.Errorf("after %d there is %q, want %q", after, got, want)
	}
}
