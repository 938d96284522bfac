package eventlog

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// The events that there was no room for are counted, and no others.
func TestCrowded(t *testing.T) {
	m := newMemory(t, Options{Events: 3, Budget: 2000})
	publish(t, m, "a", 10)
	m.Purge("a")
	if got := m.Stats(); got.EvictedForBudget != 0 || got.Events != 0 || got.Published != 10 {
		t.Fatalf("%+v", got)
	}
	for i := range 20 {
		publish(t, m, fmt.Sprint("c", i), 1)
	}
	if got := m.Stats(); int(got.EvictedForBudget) != 20-got.Events || got.EvictedForBudget == 0 {
		t.Fatalf("%+v", got)
	}
}

// Of a large flow, the newest part stands for all; of a channel that drops what
// it can't keep, what it keeps.
func TestBusiestOfMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t, Options{Events: 1000})
		for i := range 100 {
			publish(t, m, "dropping", 200)
			if i%2 == 0 {
				publish(t, m, "half", 100)
			}
			time.Sleep(100 * time.Millisecond)
		}
		for _, b := range m.Busiest(time.Minute, 9) {
			want := map[string]float64{"dropping": 2000, "half": 500}[b.Channel]
			if b.Rate < want*0.8 || b.Rate > want*1.2 {
				t.Errorf("%q has %v events/s, want about %v", b.Channel, b.Rate, want)
			}
		}
		for i := range 120 {
			publish(t, m, fmt.Sprint("c", i), 100)
		}
		looked := 0.0
		for _, b := range m.Busiest(time.Second, 1000) {
			looked += b.Rate
		}
		if looked != 10_000 {
			t.Errorf("%v of 12000 were looked at", looked)
		}
		if recs, through := m.Newest(1000, 0, func(c string) bool { return c == "half" }); len(recs) > 0 || through != m.Head().Seq {
			t.Errorf("%d found behind 12000 others, through %d", len(recs), through)
		}
	})
}
