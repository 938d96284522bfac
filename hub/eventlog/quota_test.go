package eventlog

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// Notes may use their share at once, and as much again in the time that events are kept. Other events don't count.
func TestNoteQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewNoteQuota(ownShare*10_000, time.Hour)
		note := Event{Channel: "$own", Payload: make([]byte, 1000-noteCost-len("$own"))}
		store := func() (n int) {
			for q.Allow([]Event{{Channel: "a"}, note}) == nil {
				q.Stored(&Event{Channel: "a", Payload: make([]byte, 1<<20)}, time.Now())
				q.Stored(&Event{Channel: ClientChannel("ann"), Payload: make([]byte, 1<<20)}, time.Now())
				q.Stored(&note, time.Now())
				n++
			}
			return n
		}
		for _, c := range []struct {
			after time.Duration
			want  int
		}{{0, 10}, {0, 0}, {6*time.Minute + time.Second, 2}, {time.Hour, 10}, {24 * time.Hour, 10}} {
			time.Sleep(c.after)
			if got := store(); got < c.want-1 || got > c.want {
				t.Errorf("after %v %d notes of 1000 bytes are stored, want %d", c.after, got, c.want)
			}
		}
		if err := q.Allow([]Event{note}); !errors.Is(err, ErrFull) {
			t.Errorf("the error is %v", err)
		}
		if err := q.Allow([]Event{{Channel: "a"}, {Channel: ClientChannel("ann")}}); err != nil {
			t.Errorf("other events: %v", err)
		}
	})
}
