package alarms

import (
	"slices"
	"sync"
	"time"
)

const (
	// QuietFor is how long a condition is absent until its alarm is cleared.
	QuietFor = 30 * time.Second
	// Kept is how many cleared alarms are remembered.
	Kept = 1000
)

// Book has the active alarms of a server and the newest cleared ones. The zero value is ready. Its methods are safe for
// concurrent use.
type Book struct {
	mu     sync.Mutex
	seq    uint64
	active []Alarm // oldest first
	past   []Alarm // in the order in which they were cleared, at most Kept
	raised map[string]uint64
}

// Observe takes the conditions that are there now, each kind once, and returns the alarms that are raised and cleared
// by it.
func (b *Book) Observe(now time.Time, present []Condition) (raised, cleared []Alarm) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.active = slices.DeleteFunc(b.active, func(a Alarm) bool {
		if slices.ContainsFunc(present, func(c Condition) bool { return c.Kind == a.Kind }) || a.Quiet.IsZero() || now.Sub(a.Quiet) < QuietFor {
			return false
		}
		a.Cleared = a.Quiet
		cleared = append(cleared, a)
		return true
	})
	for i := range b.active {
		if a := &b.active[i]; a.Quiet.IsZero() {
			a.Quiet = now
		}
	}
	for _, c := range present {
		if i := b.find(c.Kind); i >= 0 {
			b.active[i].Condition, b.active[i].Quiet = c, time.Time{}
			continue
		}
		b.seq++
		a := Alarm{Condition: c, Seq: b.seq, Raised: now}
		b.active, raised = append(b.active, a), append(raised, a)
		if b.raised == nil {
			b.raised = make(map[string]uint64)
		}
		b.raised[c.Kind]++
	}
	b.past = append(b.past, cleared...)
	b.past = slices.Delete(b.past, 0, max(0, len(b.past)-Kept))
	return raised, cleared
}

// find returns the index of the active alarm of a kind, or -1.
func (b *Book) find(kind string) int {
	return slices.IndexFunc(b.active, func(a Alarm) bool { return a.Kind == kind })
}

// History is what is remembered over a restart.
type History struct {
	Seq          uint64
	Active, Past []Alarm // as in a Book
}

// History returns what the book has.
func (b *Book) History() History {
	b.mu.Lock()
	defer b.mu.Unlock()
	return History{b.seq, slices.Clone(b.active), slices.Clone(b.past)}
}

// Recall fills an empty book with what one had that ended. Its active alarms are as if their conditions were absent
// since now: those whose conditions are not observed soon are cleared with this time.
func (b *Book) Recall(h History, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seq, b.active, b.past = h.Seq, h.Active, h.Past
	for i := range b.active {
		if a := &b.active[i]; a.Quiet.IsZero() {
			a.Quiet = now
		}
	}
}

// PutAway puts an active alarm away until a time, or until the condition raises a new one. It reports whether the alarm
// is active.
func (b *Book) PutAway(seq uint64, until time.Time, by string) (Alarm, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.active {
		if a := &b.active[i]; a.Seq == seq {
			a.AwayUntil, a.AwayBy = until, by
			return *a, true
		}
	}
	return Alarm{}, false
}

// List returns the active alarms, newest first, and at most n cleared ones, the last cleared first.
func (b *Book) List(n int) (active, past []Alarm) {
	b.mu.Lock()
	defer b.mu.Unlock()
	active, past = slices.Clone(b.active), slices.Clone(b.past[max(0, len(b.past)-n):])
	slices.Reverse(active)
	slices.Reverse(past)
	return active, past
}

// Pressing counts the alarms that an operator should look at.
func (b *Book) Pressing(now time.Time) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for i := range b.active {
		if b.active[i].Pressing(now) {
			n++
		}
	}
	return n
}

// Count is the alarms of a kind.
type Count struct {
	Kind   string
	Active bool
	Raised uint64 // since the start
}

// Counts returns the counts of all kinds.
func (b *Book) Counts() []Count {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]Count, len(Kinds))
	for i, kind := range Kinds {
		list[i] = Count{kind, b.find(kind) >= 0, b.raised[kind]}
	}
	return list
}
