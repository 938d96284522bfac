package admin

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"
)

// What is selected of a list stands there if all of it is sorted.
func TestSortedRange(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		list := rapid.SliceOfN(rapid.IntRange(0, 30), 0, 200).Draw(rt, "list")
		from := rapid.IntRange(0, len(list)).Draw(rt, "from")
		to := rapid.IntRange(from, len(list)).Draw(rt, "to")
		want := slices.Sorted(slices.Values(list))[from:to]
		if got := sortedRange(list, from, to, cmp.Compare[int]); !slices.Equal(got, want) {
			rt.Fatalf("%v, want %v", got, want)
		}
	})
}

// Live pages of all users share what they list: 64 pages of the channels gathered every
// channel 64 times for each turn, and held it 64 times.
func TestLivePagesShareTheirList(t *testing.T) {
	t.Parallel()
	var gathered, at atomic.Int64
	l := &listing[int]{gather: func() []int {
		gathered.Add(1)
		if at.Add(1) > 1 {
			t.Error("a list is gathered while another one is")
		}
		defer at.Add(-1)
		return make([]int, 1000)
	}}
	i := 0
	key := func(*int) (rowKey, bool) { // one page at a time calls it
		i++
		return rowKey{name: strconv.Itoa(i)}, true
	}
	visits := make([]pageRequest, MaxFeeds)
	var work sync.WaitGroup
	for i := range visits {
		l.join(&visits[i])
		work.Go(func() {
			if got := l.list(1, pageRows, false, 1<<60, key); len(got.names) != pageRows || got.total != 1000 || got.all != 1000 {
				t.Errorf("a page lists %+v", got)
			}
		})
	}
	work.Wait()
	if n := gathered.Load(); n != 1 {
		t.Errorf("%d pages gathered the list %d times, want once", len(visits), n)
	}
	if l.list(1, pageRows, false, 0, key); gathered.Load() != 2 {
		t.Error("a page that is asked for alone shows what was before")
	}
	for i := range visits {
		visits[i].close()
	}
	if l.entries != nil || l.keys != nil {
		t.Error("without a page, the list is held")
	}
	l.join(new(pageRequest))
	if l.list(1, pageRows, false, 1<<60, key); gathered.Load() != 3 {
		t.Error("a page shows the list that was let go of")
	}
}

// A list has each name once, though what it is gathered from may show one twice.
func TestListedOnce(t *testing.T) {
	t.Parallel()
	l := &listing[string]{gather: func() []string { return []string{"b", "a", "b"} }}
	got := l.list(7, pageRows, true, 0, func(e *string) (rowKey, bool) { return rowKey{text: *e, name: *e}, true })
	if want := fmt.Sprint([]string{"b", "a"}); fmt.Sprint(got.names) != want || got.page != 1 {
		t.Errorf("%+v, want %s", got, want)
	}
}
