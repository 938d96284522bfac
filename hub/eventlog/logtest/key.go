package logtest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"rollcall/hub/eventlog"
)

// keyed makes an event with an idempotency key.
func keyed(channel, key string, n int) eventlog.Event {
	ev := event(channel, n)
	ev.Key = key
	return ev
}

func testKeyRepeated(t *testing.T, open Open) {
	h := start(t, open, eventlog.Options{})
	tail := h.log.Tail(nil)
	defer tail.Close()
	first := h.append(keyed("a", "k", 1))[0]
	other := h.append(keyed("a", "l", 2), keyed("b", "k", 3), event("a", 4), event("a", 4))
	for i, r := range other {
		if r.Duplicate {
			t.Errorf("event %d, with another key, channel or no key, is a duplicate", i)
		}
	}
	head := h.log.Head()
	for range 3 {
		again := h.append(keyed("a", "k", 5))[0]
		if want := (eventlog.Result{Seq: first.Seq, Duplicate: true}); again != want {
			t.Fatalf("the key again: %+v, want %+v", again, want)
		}
	}
	if got := h.log.Head(); got != head {
		t.Errorf("a duplicate moved the head from %v to %v", head, got)
	}
	// A duplicate among new events takes no place between them.
	mixed := h.append(event("b", 6), keyed("b", "k", 7), event("b", 8))
	if mixed[0].Duplicate || mixed[2].Duplicate || mixed[0].Seq <= head.Seq || mixed[2].Seq <= mixed[0].Seq {
		t.Errorf("new events around a duplicate: %+v", mixed)
	}
	if want := (eventlog.Result{Seq: other[1].Seq, Duplicate: true}); mixed[1] != want {
		t.Errorf("a duplicate among new events: %+v, want %+v", mixed[1], want)
	}
	want := []sent{
		{first.Seq, "a", "1"}, {other[0].Seq, "a", "2"}, {other[1].Seq, "b", "3"}, {other[2].Seq, "a", "4"},
		{other[3].Seq, "a", "4"}, {mixed[0].Seq, "b", "6"}, {mixed[2].Seq, "b", "8"},
	}
	h.want(tail.Next(nil, 100), want)
	recs, _ := h.drain(&eventlog.Cursor{Channels: []string{"a", "b"}}, eventlog.Limit{})
	h.want(recs, want)
}

func testKeyOneBatch(t *testing.T, open Open) {
	h := start(t, open, eventlog.Options{})
	r := h.append(keyed("a", "k", 0), keyed("b", "k", 1), keyed("a", "k", 2), event("a", 3), keyed("b", "k", 4))
	for i, dup := range []int{-1, -1, 0, -1, 1} {
		switch {
		case dup < 0 && r[i].Duplicate:
			t.Errorf("event %d is a duplicate", i)
		case dup >= 0 && r[i] != (eventlog.Result{Seq: r[dup].Seq, Duplicate: true}):
			t.Errorf("event %d: %+v, want a duplicate of event %d, %+v", i, r[i], dup, r[dup])
		}
	}
	recs, _ := h.drain(&eventlog.Cursor{Channels: []string{"a", "b"}}, eventlog.Limit{})
	h.want(recs, []sent{{r[0].Seq, "a", "0"}, {r[1].Seq, "b", "1"}, {r[3].Seq, "a", "3"}})
}

// Of many appends with one key one counts, and all results name it.
func testKeyConcurrent(t *testing.T, open Open) {
	const workers, keys = 8, 50
	h := start(t, open, eventlog.Options{})
	var results [workers][keys]eventlog.Result
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for k := range keys {
				r, err := h.log.Append(context.Background(), []eventlog.Event{event("noise", w), keyed("a", fmt.Sprint(k), k)})
				if err != nil {
					t.Error(err)
					return
				}
				results[w][k] = r[1]
			}
		})
	}
	wg.Wait()
	for k := range keys {
		first := 0
		for w := range workers {
			if !results[w][k].Duplicate {
				first++
			}
			if results[w][k].Seq != results[0][k].Seq {
				t.Errorf("key %d: seq %d and %d", k, results[w][k].Seq, results[0][k].Seq)
			}
		}
		if first != 1 {
			t.Errorf("key %d: %d appends count, want 1", k, first)
		}
	}
	if recs := h.kept("a")["a"]; len(recs) != keys {
		t.Errorf("%d records, want %d", len(recs), keys)
	}
}

// A key is remembered for the window, and not longer.
func testKeyWindow(t *testing.T, open Open) {
	h := start(t, open, eventlog.Options{})
	first := h.append(keyed("a", "k", 0))[0]
	time.Sleep(eventlog.DedupeWindow - time.Second)
	if again := h.append(keyed("a", "k", 0))[0]; again != (eventlog.Result{Seq: first.Seq, Duplicate: true}) {
		t.Errorf("a second before the window's end: %+v", again)
	}
	time.Sleep(time.Second + 2*time.Millisecond) // a duplicate doesn't renew the window
	second := h.append(keyed("a", "k", 0))[0]
	if second.Duplicate || second.Seq <= first.Seq {
		t.Fatalf("behind the window: %+v", second)
	}
	time.Sleep(eventlog.DedupeWindow - time.Second)
	if again := h.append(keyed("a", "k", 0))[0]; again != (eventlog.Result{Seq: second.Seq, Duplicate: true}) {
		t.Errorf("a second before the second window's end: %+v", again)
	}
}

// Each of many keys has a window of its own.
func testKeyWindows(t *testing.T, open Open) {
	h := start(t, open, eventlog.Options{})
	const step = 7 * time.Second
	began := time.Now()
	seq := make(map[string]uint64)
	used := make(map[string]time.Duration)
	for i := range 200 {
		now := time.Since(began)
		for back := range 40 { // keys of now, of a while ago, and of long ago
			if back > i {
				break
			}
			key := fmt.Sprint(i - back)
			r := h.append(keyed("a", key, i))[0]
			age := now - used[key]
			if want := back > 0 && age <= eventlog.DedupeWindow; r.Duplicate != want {
				t.Fatalf("key %s, last used %v ago: duplicate is %v", key, age, r.Duplicate)
			}
			if r.Duplicate && r.Seq != seq[key] {
				t.Fatalf("key %s: seq %d, want %d", key, r.Seq, seq[key])
			}
			if !r.Duplicate {
				seq[key], used[key] = r.Seq, now
			}
		}
		time.Sleep(step)
	}
}
