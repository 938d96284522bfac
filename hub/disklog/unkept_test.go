package disklog

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"rollcall/hub/eventlog"
)

// Events of channels that keep nothing are delivered and not stored. Their numbers are given once all the same, also where the
// process was killed.
func TestUnkept(t *testing.T) {
	pattern, err := eventlog.ParsePattern("typing.>")
	check(t, err)
	opts := Options{Keep: eventlog.Options{Rules: []eventlog.Rule{{Match: pattern, Keep: eventlog.KeepNone}}}}
	for _, killed := range []bool{false, true} {
		dir := filepath.Join(scratch(t), "data")
		l := open(t, dir, opts)
		tail := l.Tail(nil)
		publish(t, l, ev("a", 1))
		for n := range 5 {
			publish(t, l, ev("typing.x", n))
		}
		publish(t, l, ev("typing.x", 6), ev("a", 2), ev("typing.x", 7))
		publish(t, l, ev("typing.x", 8))
		if got := tail.Next(nil, 100); len(got) != 10 {
			t.Fatalf("%d events were delivered, want 10", len(got))
		}
		tail.Close()
		stored := 0
		check(t, l.blocks(1, func(_ uint64, _ int, items []item) error { stored += len(items); return nil }, func(uint64) error { return nil }))
		if stored != 2 {
			t.Errorf("%d events are on the disk, want 2", stored)
		}
		head := l.Head()
		mark, err := os.ReadFile(filepath.Join(dir, markName))
		check(t, err)
		closeLog(t, l)
		if killed {
			f, err := os.OpenFile(filepath.Join(dir, markName), os.O_WRONLY, 0)
			check(t, err)
			_, err = f.WriteAt(mark, 0)
			check(t, err)
			check(t, f.Close())
		}
		l = open(t, dir, opts)
		if l.Head().Epoch != head.Epoch || l.Head().Seq < head.Seq {
			t.Errorf("killed %v: opened again, the head is %v, was %v", killed, l.Head(), head)
		}
		if got := gaps(l, 0, "a", "typing.x"); len(got) != 0 {
			t.Errorf("gaps of %q", got)
		}
		if r := publish(t, l, ev("a", 3))[0]; r.Seq <= head.Seq {
			t.Errorf("the number %d is given twice", r.Seq)
		}
		if got := read(l, "a"); len(got) != 3 || slices.Contains(got, "") {
			t.Errorf("kept are %q", got)
		}
		closeLog(t, l)
	}
}
