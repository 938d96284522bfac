package admin

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"rollcall/web/stream"
)

// How old a live list may be.
const (
	listEvery   = time.Second     // names come and go
	resortEvery = 5 * time.Second // the order of values that change all the time: rows would jump
)

// listing is shared by all pages of a list: its entries, collected once for all pages that are rendered at about the
// same time. One page at a time reads them, so a list takes the memory of one page, however many are open. Its methods
// are safe for concurrent use.
type listing[E any] struct {
	gather func() []E // static; all entries, in no order

	mu      sync.Mutex
	pages   int // that are open; without one nothing is kept
	entries []E
	keys    []rowKey      // of the page that was listed last, kept for its room
	begun   time.Time     // when the entries were gathered; zero for not
	took    time.Duration // duration of the last collection
}

// rowKey is an entry's sort key: the number, then the text. Equal entries are sorted by name.
type rowKey struct {
	number float64
	text   string
	name   string
}

// listed is a page of a list.
type listed struct {
	names []string
	page  int // the one asked for, or the last one
	total int // entries that match
	all   int // entries
}

// join counts a page as open until its visit is closed.
func (l *listing[E]) join(v *pageRequest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pages++
	v.whenClosed(l.leave)
}

func (l *listing[E]) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pages--; l.pages == 0 {
		l.entries, l.keys, l.begun = nil, nil, time.Time{}
	}
}

// list returns a page of the list, of size rows. key returns an entry's sort key, and whether it matches. The entries are at most
// age old at the time of the call; a live list that is expensive may be older, see painterShare.
func (l *listing[E]) list(page, size int, down bool, age time.Duration, key func(*E) (rowKey, bool)) listed {
	asked := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refresh(asked, age)
	keys := slices.Grow(l.keys[:0], len(l.entries))
	for i := range l.entries {
		if k, ok := key(&l.entries[i]); ok {
			keys = append(keys, k)
		}
	}
	l.keys = keys
	shown := listed{page: min(page, lastPage(len(keys), size)), total: len(keys), all: len(l.entries)}
	from := (shown.page - 1) * size
	keys = sortedRange(keys, from, min(from+size, len(keys)), func(x, y rowKey) int {
		order := cmp.Or(cmp.Compare(x.number, y.number), natural(x.text, y.text))
		if down {
			order = -order
		}
		return cmp.Or(order, natural(x.name, y.name))
	})
	for _, k := range keys {
		shown.names = append(shown.names, k.name)
	}
	shown.names = stream.Unrepeated(shown.names) // one that went and came while they were gathered
	return shown
}

// refresh gathers the entries anew if they are older than age, with the lock held. asked is when the caller began.
func (l *listing[E]) refresh(asked time.Time, age time.Duration) {
	if age > 0 {
		age = max(age, painterShare*l.took)
	}
	if l.begun.IsZero() || asked.Sub(l.begun) > age {
		l.begun = time.Now()
		l.entries = nil // not two lists at once
		l.entries = l.gather()
		l.took = time.Since(l.begun)
	}
}

// each calls f for all entries, which are as old as list's, and returns their number.
func (l *listing[E]) each(age time.Duration, f func(*E)) int {
	asked := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refresh(asked, age)
	for i := range l.entries {
		f(&l.entries[i])
	}
	return len(l.entries)
}

// sortedRange returns the elements from and to of the sorted list, without sorting the rest of it. It reorders list.
func sortedRange[E any](list []E, from, to int, compare func(x, y E) int) []E {
	toFront(list, to, compare)
	toFront(list[:to], from, compare)
	slices.SortFunc(list[from:to], compare)
	return list[from:to]
}

// toFront moves the n smallest of list to its front, in no order (quickselect).
func toFront[E any](list []E, n int, compare func(x, y E) int) {
	for n > 0 && n < len(list) {
		pivot := list[rand.IntN(len(list))]
		less, i, more := 0, 0, len(list)
		for i < more {
			switch order := compare(list[i], pivot); {
			case order < 0:
				list[i], list[less] = list[less], list[i]
				less++
				i++
			case order > 0:
				more--
				list[i], list[more] = list[more], list[i]
			default:
				i++
			}
		}
		switch {
		case n <= less:
			list = list[:less]
		case n < more:
			return
		default:
			list, n = list[more:], n-more
		}
	}
}
