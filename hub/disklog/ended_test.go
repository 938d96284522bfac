package disklog

import (
	"context"
	"errors"
	"testing"

	"rollcall/hub/eventlog"
)

// Ends are looked for only in a store in which a channel may have ended, and a restart does not forget that.
func TestEndsAreRemembered(t *testing.T) {
	dir := scratch(t)
	last := keyed("a", "k", 2)
	last.End = true
	reopen := func(l *Log) *Log {
		closeLog(t, l)
		return open(t, dir, Options{})
	}
	follow := func(l *Log, want bool) {
		t.Helper()
		_, err := l.Append(context.Background(), []eventlog.Event{ev("b", 3), ev("a", 4)})
		var ended *eventlog.EndedError
		if is := errors.As(err, &ended) && ended.Index == 1; is != want || !want && err != nil {
			t.Errorf("an event behind the end: %v, want a refusal: %v", err, want)
		}
	}
	l := open(t, dir, Options{})
	publish(t, l, ev("a", 1))
	if l = reopen(l); l.mayHaveEnds {
		t.Error("a store without an end has forgotten that")
	}
	follow(l, false)
	publish(t, l, last)
	follow(l, true)
	for range 2 {
		if l = reopen(l); !l.mayHaveEnds {
			t.Error("a store with an end has forgotten that")
		}
		follow(l, true)
		if again := publish(t, l, last); !again[0].Duplicate {
			t.Error("the end was stored again")
		}
	}
	if _, err := l.Purge(context.Background(), "a"); err != nil {
		t.Fatal(err)
	}
	follow(reopen(l), false)
}
