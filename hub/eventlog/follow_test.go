package eventlog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func stored(seq uint64, channel string) Stored {
	return Stored{Event{Channel: channel, Type: "t", Payload: fmt.Appendf(nil, "%d", seq)}, seq, time.Now()}
}

func newFollower(t testing.TB, opts Options, lost uint64) *Memory {
	opts.Epoch = "e"
	m := NewFollower(opts, lost)
	t.Cleanup(func() {
		check(t, m)
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

func follow(t testing.TB, m *Memory, batch ...Stored) {
	t.Helper()
	if err := m.Follow(context.Background(), batch); err != nil {
		t.Fatal(err)
	}
}

func gapsAfter(m *Memory, after uint64, channels ...string) (gaps []string) {
	for _, g := range m.Next(&Cursor{Channels: channels, After: after}, Limit{}, nil).Gaps {
		gaps = append(gaps, g.Channel)
	}
	return gaps
}

func wantGaps(t *testing.T, m *Memory, after uint64, channels []string, want ...string) {
	t.Helper()
	if got := gapsAfter(m, after, channels...); !slices.Equal(got, want) {
		t.Errorf("gaps after %d: %q, want %q", after, got, want)
	}
}

// A follower has the other log's numbers, holes and times, and makes the same bytes.
func TestFollow(t *testing.T) {
	m := newFollower(t, Options{}, 0)
	tail := m.Tail(nil)
	defer tail.Close()
	at := time.Now().Add(-time.Minute)
	s := stored(7, "a")
	s.Time = at
	follow(t, m, s, stored(9, "b"), stored(1000, "a"))
	follow(t, m, stored(9, "b"), stored(1000, "a"), stored(1001, "a")) // most are known
	recs := tail.Next(nil, 10)
	var got []uint64
	for _, r := range recs {
		got = append(got, r.Seq)
	}
	if want := []uint64{7, 9, 1000, 1001}; !slices.Equal(got, want) || m.Head() != (Position{"e", 1001}) {
		t.Fatalf("got %v, head %v, want %v", got, m.Head(), want)
	}
	want := fmt.Sprintf("id: e-7\nevent: t\ndata: {\"channelName\":\"a\",\"type\":\"t\",\"payload\":7,\"timestamp\":%q}\n\n", Stamp(at))
	if got := string(recs[0].Frame().SSE()); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := string(Restore(s, "e").Frame().Chunk()); got != string(recs[0].Frame().Chunk()) {
		t.Errorf("restored %q", got)
	}
	if age := tail.Age(recs[0]); age < time.Minute {
		t.Errorf("age %v", age)
	}
	if k := m.Kept([]string{"a"}, time.Hour, 1)[0]; k.Events != 3 || k.Oldest < time.Minute {
		t.Errorf("%+v", k)
	}
	m.Advance(2000)
	if m.Head().Seq != 2000 {
		t.Errorf("head %v", m.Head())
	}
	follow(t, m)
}

// A restart resets the count of published events. A follower cannot know which of the missing numbers were the
// server's own events, so neither these nor the loaded ones count.
func TestPublishedCountsFromTheStart(t *testing.T) {
	m := newFollower(t, Options{}, 10) // ten events of the server's own, which have aged out
	follow(t, m, stored(11, "a"), stored(12, "$device.x"))
	m.Advance(20)
	m.Loaded()
	if got := m.Stats().Published; got != 0 {
		t.Errorf("%d are published at the start", got)
	}
	follow(t, m, stored(30, "a"), stored(31, "$device.x"), stored(35, "b"), stored(35, "b"))
	m.Lose("b", 40)
	if got := m.Stats().Published; got != 2 {
		t.Errorf("%d are published, want 2", got)
	}
}

// What the follower never had is a gap, for every channel.
func TestFollowerBeginsWithALoss(t *testing.T) {
	m := newFollower(t, Options{}, 100)
	if m.Head().Seq != 100 {
		t.Errorf("head %v", m.Head())
	}
	follow(t, m, stored(101, "a"))
	wantGaps(t, m, 99, []string{"a", "b"}, "a", "b")
	wantGaps(t, m, 100, []string{"a", "b"})
}

func TestLose(t *testing.T) {
	m := newFollower(t, Options{}, 0)
	both := []string{"a", "b", "never"}
	follow(t, m, stored(1, "a"), stored(2, "b"), stored(3, "a"), stored(4, "a"))
	if n := m.Lose("a", 3); n != 2 {
		t.Errorf("%d dropped", n)
	}
	wantGaps(t, m, 2, both, "a")
	wantGaps(t, m, 3, both)
	m.Lose("never", 4)
	wantGaps(t, m, 3, both, "never")
	m.Lose("a", 4)
	wantGaps(t, m, 3, both, "a", "never")
	follow(t, m, stored(5, "a"), stored(6, "never"))
	wantGaps(t, m, 3, both, "a", "never")
	wantGaps(t, m, 4, both)
	m.LoseAll(5)
	wantGaps(t, m, 4, both, "a", "b", "never")
	wantGaps(t, m, 5, both)
	if got := m.Stats().Events; got != 1 {
		t.Errorf("%d kept, want the last", got)
	}
}

// A hole in the live flow is announced to its readers, each channel at its own number.
func TestMiss(t *testing.T) {
	m := newFollower(t, Options{}, 0)
	wake := make(chan struct{}, 1)
	tail := m.Tail(wake)
	defer tail.Close()
	follow(t, m, stored(1, "a"), stored(2, "b"))
	<-wake
	if err := m.Miss(t.Context(), []string{"a", "c"}, 9); err != nil {
		t.Fatal(err)
	}
	<-wake
	follow(t, m, stored(10, "a"))
	recs := tail.Next(nil, 10)
	if len(recs) != 5 {
		t.Fatalf("%d records", len(recs))
	}
	for i, want := range []string{"a", "c"} {
		r := recs[2+i]
		frame := fmt.Sprintf("id: e-%d\nevent: gap\ndata: {\"channelName\":%q,\"type\":\"gap\",\"payload\":\"{\\\"after\\\":\\\"e-2\\\",\\\"reason\\\":\\\"evicted\\\"}\"}\n\n", 8+i, want)
		if r.Seq != uint64(8+i) || r.Channel() != want || r.Type() != "gap" || string(r.Frame().SSE()) != frame {
			t.Errorf("got %d %q %q %q, want %q", r.Seq, r.Channel(), r.Type(), r.Frame().SSE(), frame)
		}
		if p := string(r.Payload()); p[0] != '{' || p[len(p)-1] != '}' || r.Timestamp() != "" {
			t.Errorf("payload %q", p)
		}
	}
	wantGaps(t, m, 8, []string{"a", "b", "c"}, "a", "c")
	wantGaps(t, m, 9, []string{"a", "b", "c"})
	if s := m.Stats(); s.Events != 2 {
		t.Errorf("%d kept", s.Events)
	}
}

// Keys are known from the other log as long as they would be from the own.
func TestKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newFollower(t, Options{}, 0)
		old, fresh := stored(1, "a"), stored(2, "a")
		old.Key, fresh.Key = "old", "fresh"
		old.Time = time.Now().Add(-DedupeWindow - time.Second)
		fresh.Time = time.Now().Add(-time.Minute)
		follow(t, m, old, fresh)
		if _, ok := m.Known("a", "old"); ok {
			t.Error("a key from before the window is known")
		}
		if seq, ok := m.Known("a", "fresh"); !ok || seq != 2 {
			t.Errorf("fresh: %d, %v", seq, ok)
		}
		if _, ok := m.Known("b", "fresh"); ok {
			t.Error("the key is known on another channel")
		}
		time.Sleep(time.Minute + time.Second)
		if _, ok := m.Known("a", "fresh"); ok {
			t.Error("the key is known behind the window")
		}
	})
}

// Follow waits for a tail that is behind, however long it takes.
func TestFollowWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newFollower(t, Options{MaxLag: 1, Age: -1}, 0)
		tail := m.Tail(nil)
		follow(t, m, stored(1, "a"))
		if !m.Lagging() {
			t.Error("not lagging")
		}
		if err := m.Wait(t.Context()); !errors.Is(err, ErrBusy) {
			t.Errorf("Wait: %v", err)
		}
		done := make(chan error, 2)
		go func() { done <- m.Follow(context.Background(), []Stored{stored(2, "a")}) }()
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(done) > 0 {
			t.Fatal("Follow did not wait")
		}
		tail.Next(nil, 10)
		tail.Done()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		go func() { done <- m.Follow(ctx, []Stored{stored(3, "a")}) }()
		synctest.Wait()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Follow: %v", err)
		}
		go func() { done <- m.Follow(context.Background(), []Stored{stored(3, "a")}) }()
		go func() { done <- m.Miss(context.Background(), []string{"a"}, 5) }()
		synctest.Wait()
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		for range 2 {
			if err := <-done; !errors.Is(err, ErrClosed) {
				t.Errorf("behind Close: %v", err)
			}
		}
		if err := m.Wait(t.Context()); !errors.Is(err, ErrClosed) {
			t.Errorf("Wait: %v", err)
		}
		tail.Close()
	})
}
