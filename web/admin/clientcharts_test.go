package admin

import (
	"fmt"
	"math"
	"testing"
	"time"

	"rollcall/web/node"
)

// states of one connection "a" that was sent n events and is behind by some.
func sentOf(n uint64, behind int) map[string]node.ConnState {
	return map[string]node.ConnState{"a": {Events: n, Behind: behind}}
}

// A client's readings have the events that were sent in each step, and the most that it was behind. What was sent before
// the first whole step is not counted; what is not known is not 0.
func TestClientReadings(t *testing.T) {
	t.Parallel()
	begin := time.Unix(1_800_000_002, 0) // within a step
	var r clientReadings
	at := func(second int, conns map[string]node.ConnState) {
		r.add(begin.Add(time.Duration(second)*time.Second), conns)
	}
	want := func(what string, sent, behind []float64) {
		t.Helper()
		if got, want := fmt.Sprint(r.sent, r.behind), fmt.Sprint(sent, behind); got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	nan := math.NaN()
	at(0, sentOf(1000, 0))
	at(2, sentOf(1010, 7))
	want("the step that had begun", nil, nil)
	if !r.since.Equal(begin.Add(3 * time.Second)) {
		t.Errorf("since %v", r.since)
	}
	at(4, sentOf(1015, 3))
	at(7, sentOf(1025, 1))
	at(8, sentOf(1026, 0))
	want("a step", []float64{3}, []float64{3})
	two := sentOf(1027, 0)
	two["b"] = node.ConnState{Events: 4, Behind: 2} // it was opened meanwhile
	at(12, two)
	at(13, map[string]node.ConnState{"b": {Events: 9, Behind: 5}}) // a has ended
	want("connections come", []float64{3, 1.2}, []float64{3, 2})
	at(17, nil)
	at(18, map[string]node.ConnState{"b": {Events: 50}})
	want("unknown", []float64{3, 1.2, nan}, []float64{3, 2, nan})
	at(22, map[string]node.ConnState{"b": {Events: 60}})
	at(23, map[string]node.ConnState{"b": {Events: 60}})
	want("known again", []float64{3, 1.2, nan, nan}, []float64{3, 2, nan, nan})
	at(27, map[string]node.ConnState{})
	at(28, map[string]node.ConnState{})
	want("offline", []float64{3, 1.2, nan, nan, 0}, []float64{3, 2, nan, nan, 0})
	at(41, map[string]node.ConnState{}) // the server had no time
	at(43, map[string]node.ConnState{})
	want("a pause", []float64{3, 1.2, nan, nan, 0, 0, nan, nan}, []float64{3, 2, nan, nan, 0, 0, nan, nan})

	for second := 44; second < 2000; second++ {
		at(second, map[string]node.ConnState{})
	}
	if len(r.sent) != clientParts || len(r.behind) != clientParts {
		t.Errorf("%d values are kept, want %d", len(r.sent), clientParts)
	}
	at(1000, sentOf(1, 1)) // the clock was set back
	if len(r.sent) != 0 || !r.end.Equal(begin.Add(1003*time.Second)) {
		t.Errorf("after the clock was set back: %+v", r)
	}
}

// The meter reads a bounded number of clients, those looked at last, and forgets who is not looked at any more.
func TestWatchedClientsAreBounded(t *testing.T) {
	t.Parallel()
	var m clientMeter
	now := time.Now()
	for i := range mostWatched + 3 {
		m.look(fmt.Sprint("c", i), now)
		m.look("c0", now)
	}
	if len(m.list) != mostWatched || m.list[mostWatched-1].id != "c0" || m.list[0].id != "c4" {
		t.Errorf("%d are watched, from %s to %s", len(m.list), m.list[0].id, m.list[len(m.list)-1].id)
	}
	m.read(now.Add(clientSpan + time.Second))
	if len(m.list) != 0 {
		t.Errorf("%d are still watched", len(m.list))
	}
}
