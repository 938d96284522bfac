package alarms

import (
	"slices"
	"testing"
	"time"
)

// epoch is when the tests begin.
var epoch = time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)

// observer has a book observe kinds at seconds since epoch.
type observer struct {
	*testing.T
	Book
}

func (o *observer) at(second int, kinds ...string) (raised, cleared []Alarm) {
	var present []Condition
	for _, kind := range kinds {
		present = append(present, Condition{Kind: kind, Title: kind})
	}
	return o.Observe(epoch.Add(time.Duration(second)*time.Second), present)
}

// want wants these alarms to be raised and cleared by an observation.
func (o *observer) want(second int, kinds, raised, cleared []string) {
	o.Helper()
	up, down := o.at(second, kinds...)
	if !slices.Equal(kindsOf(up), raised) || !slices.Equal(kindsOf(down), cleared) {
		o.Errorf("at %d s %q were raised and %q cleared, want %q and %q", second, kindsOf(up), kindsOf(down), raised, cleared)
	}
}

func kindsOf(list []Alarm) (kinds []string) {
	for _, a := range list {
		kinds = append(kinds, a.Kind)
	}
	return kinds
}

// An alarm is raised at once, and cleared when its condition has been absent for a while: from then on.
func TestRaisedAndCleared(t *testing.T) {
	t.Parallel()
	o := &observer{T: t}
	o.want(0, []string{Full, Stalled}, []string{Full, Stalled}, nil)
	o.want(2, []string{Full}, nil, nil)
	o.want(31, []string{Full}, nil, nil)
	o.want(32, []string{Full}, nil, []string{Stalled})
	active, past := o.List(Kept)
	if len(active) != 1 || len(past) != 1 || active[0].Kind != Full || !active[0].Active() {
		t.Fatalf("active are %+v, past are %+v", active, past)
	}
	if got := past[0]; got.Active() || !got.Raised.Equal(epoch) || !got.Cleared.Equal(epoch.Add(2*time.Second)) {
		t.Errorf("the past one is %+v", got)
	}
}

// A condition that comes and goes is one alarm.
func TestFlapping(t *testing.T) {
	t.Parallel()
	o := &observer{T: t}
	o.want(0, []string{Stalled}, []string{Stalled}, nil)
	for second := 10; second < 200; second += 20 {
		o.want(second, nil, nil, nil)
		o.want(second+10, []string{Stalled}, nil, nil)
	}
	if active, past := o.List(Kept); len(active) != 1 || active[0].Seq != 1 || !active[0].Quiet.IsZero() || len(past) != 0 {
		t.Errorf("active are %+v, past are %+v", active, past)
	}
	o.want(300, nil, nil, nil)
	o.want(330, nil, nil, []string{Stalled})
	o.want(331, []string{Stalled}, []string{Stalled}, nil)
	for _, c := range o.Counts() {
		if want := map[string]uint64{Stalled: 2}[c.Kind]; c.Raised != want || c.Active != (c.Kind == Stalled) {
			t.Errorf("counted are %+v", c)
		}
	}
}

// An alarm that is put away does not press until its time is over or it is raised anew.
func TestPutAway(t *testing.T) {
	t.Parallel()
	o := &observer{T: t}
	o.want(0, []string{Open, Full}, []string{Open, Full}, nil)
	until := epoch.Add(time.Hour)
	if a, ok := o.PutAway(2, until, "alice"); !ok || a.Kind != Full || a.AwayBy != "alice" {
		t.Fatalf("put away is %+v, %t", a, ok)
	}
	if _, ok := o.PutAway(3, until, "alice"); ok {
		t.Error("an alarm that is not there was put away")
	}
	for second, want := range map[int]int{1: 1, 3599: 1, 3600: 2} {
		if got := o.Pressing(epoch.Add(time.Duration(second) * time.Second)); got != want {
			t.Errorf("after %d s %d press, want %d", second, got, want)
		}
	}
	o.want(60, []string{Open}, nil, nil)
	o.want(90, []string{Open}, nil, []string{Full})
	o.want(92, []string{Open, Full}, []string{Full}, nil)
	if got := o.Pressing(epoch.Add(93 * time.Second)); got != 2 {
		t.Errorf("%d press after it was raised anew, want 2", got)
	}
	if _, ok := o.PutAway(2, until, "alice"); ok {
		t.Error("a cleared alarm was put away")
	}
}

// An absent condition does not press, though its alarm is not cleared yet.
func TestQuietDoesNotPress(t *testing.T) {
	t.Parallel()
	o := &observer{T: t}
	o.at(0, Draining)
	o.at(2)
	if got := o.Pressing(epoch.Add(3 * time.Second)); got != 0 {
		t.Errorf("%d press, want none", got)
	}
}

// What is remembered is bounded; the newest stay.
func TestHistoryIsBounded(t *testing.T) {
	t.Parallel()
	o := &observer{T: t}
	for i := range Kept + 50 {
		o.at(100*i, Stalled)
		o.at(100*i + 10)
		o.at(100*i + 50)
	}
	_, past := o.List(2 * Kept)
	if len(past) != Kept || past[0].Seq != Kept+50 || past[Kept-1].Seq != 51 {
		t.Errorf("%d are kept, from %d to %d", len(past), past[0].Seq, past[len(past)-1].Seq)
	}
	if _, few := o.List(3); len(few) != 3 || few[0].Seq != Kept+50 {
		t.Errorf("the newest three are %+v", few)
	}
}

// What a book had is there after a restart. An alarm whose condition is there again goes on, and stays put away; that of
// a condition which is gone is cleared with the time of the restart, or with the earlier one at which it was found absent.
func TestRecall(t *testing.T) {
	t.Parallel()
	before := &observer{T: t}
	before.at(0, Draining, Stalled, Full, Open)
	before.at(1, Draining, Full, Open)
	before.at(40, Draining, Full, Open)
	before.at(50, Draining, Open)
	until := epoch.Add(time.Hour)
	if _, ok := before.PutAway(4, until, "alice"); !ok {
		t.Fatal("the alarm is not there")
	}

	o := &observer{T: t}
	o.Recall(before.History(), epoch.Add(100*time.Second))
	before.at(101, Cluster) // is another book's
	o.want(101, []string{Open}, nil, []string{Full})
	o.want(129, []string{Open}, nil, nil)
	o.want(130, []string{Open}, nil, []string{Draining})
	o.want(131, []string{Open, Six}, []string{Six}, nil)
	active, past := o.List(Kept)
	if kinds := kindsOf(active); !slices.Equal(kinds, []string{Six, Open}) || active[0].Seq != 5 {
		t.Errorf("active are %+v", active)
	}
	if a := active[1]; !a.Raised.Equal(epoch) || !a.AwayUntil.Equal(until) || a.AwayBy != "alice" || !a.Quiet.IsZero() {
		t.Errorf("the alarm that goes on is %+v", a)
	}
	if kinds := kindsOf(past); !slices.Equal(kinds, []string{Draining, Full, Stalled}) {
		t.Fatalf("cleared are %q", kinds)
	}
	for i, second := range []int{100, 50, 1} {
		if want := epoch.Add(time.Duration(second) * time.Second); !past[i].Cleared.Equal(want) {
			t.Errorf("%s was cleared at %v, want %v", past[i].Kind, past[i].Cleared, want)
		}
	}
}
