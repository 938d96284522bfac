package eventlog

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// newMemory opens a log that is closed, and its invariants checked, at the end.
func newMemory(t testing.TB, opts Options) *Memory {
	t.Helper()
	m := NewMemory(opts)
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		check(t, m)
	})
	return m
}

// publish appends n events to the channel, one by one.
func publish(t testing.TB, m *Memory, channel string, n int) {
	t.Helper()
	for range n {
		if _, err := m.Append(context.Background(), []Event{{Channel: channel, Type: "t", Payload: []byte("1")}}); err != nil {
			t.Fatal(err)
		}
	}
}

// Appends that run together use up the digits that each made room for. Every
// frame still carries its own record's number.
func TestSealUnderConcurrency(t *testing.T) {
	for _, head := range []uint64{0, 95, 995, 99_995, 999_999_995} {
		m := newMemory(t, Options{Epoch: "e"})
		m.head = head
		tail := m.Tail(nil)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for i := range 20 {
					if _, err := m.Append(context.Background(), make5(i)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		recs := tail.Next(nil, 1<<20)
		if len(recs) != 8*20*5 {
			t.Fatalf("%d records, want %d", len(recs), 8*20*5)
		}
		var frames []Frame
		for i, r := range recs {
			frames = append(frames, r.Frame())
			if want := head + uint64(i) + 1; r.Seq != want {
				t.Fatalf("record %d where %d was due", r.Seq, want)
			}
		}
		for i, ev := range readSSE(readChunks(t, frames)).events {
			r := recs[i]
			if ev.id != fmt.Sprint("e-", r.Seq) || ev.typ != r.Type() || !strings.Contains(ev.data, `"payload":`+string(r.Payload())+`,"timestamp":"`+r.Timestamp()) {
				t.Fatalf("record %d: %+v", r.Seq, ev)
			}
		}
		tail.Close()
	}
}

// make5 is a batch whose frames are about as long as a hex digit more begins at.
func make5(i int) []Event {
	events := make([]Event, 5)
	for k := range events {
		payload := fmt.Appendf(nil, "%q", bytes.Repeat([]byte("x"), 135+(i+k)%20))
		events[k] = Event{Channel: fmt.Sprint("c", k), Type: "t", Payload: payload}
	}
	return events
}

// Past the watermark a loss is never silent. No gap is false as long as tombstones remain, or for positions after the
// watermark.
func TestWatermark(t *testing.T) {
	const channels = 200
	m := newMemory(t, Options{Budget: 8000, Epoch: "e"})
	name := func(i int) string { return fmt.Sprint("c", i) }
	for i := range channels { // channel i has the one event i+1
		publish(t, m, name(i), 1)
	}
	kept, watermark := int(m.shelves[0].oldest.Seq), m.graves.watermark
	if kept < channels/2 || watermark == 0 || m.tombstones() == 0 {
		t.Fatalf("oldest kept %d, watermark %d, %d tombstones: the test proves nothing", kept, watermark, m.tombstones())
	}
	exact, merged := 0, 0
	for i := range channels {
		lost := i+1 < kept
		for after := range uint64(channels + 1) {
			gaps := m.Next(&Cursor{Channels: []string{name(i)}, After: after}, Limit{}, nil).Gaps
			due := lost && after < uint64(i+1)
			switch {
			case due && len(gaps) != 1:
				t.Fatalf("event %d is gone, cursor at %d: no gap", i+1, after)
			case !due && len(gaps) > 0 && after >= watermark:
				t.Fatalf("false gap of channel %d at %d, watermark %d", i, after, watermark)
			case !due && len(gaps) > 0:
				merged++
			case due && after >= watermark:
				exact++
			}
		}
	}
	never := &Cursor{Channels: []string{"never"}, After: watermark}
	if gaps := m.Next(never, Limit{}, nil).Gaps; len(gaps) > 0 {
		t.Errorf("gaps %v of a channel never used, at the watermark", gaps)
	}
	t.Logf("watermark %d, %d tombstones, %d gaps told exactly, %d false", watermark, m.tombstones(), exact, merged)
}

func (m *Memory) tombstones() int { return len(m.graves.young) + len(m.graves.old) }

// A channel that kept much and now keeps little gives back its slots, for what is
// charged for a record pays for few.
func TestSlotsOfABurst(t *testing.T) {
	m := newMemory(t, Options{Budget: 200_000})
	publish(t, m, "burst", 1000)
	publish(t, m, "other", 300)
	publish(t, m, "burst", 1)
	publish(t, m, "other", 700)
	h := m.channels["burst"]
	if h == nil || h.len() > 100 {
		t.Fatal("the burst is all gone, or is still kept")
	}
	if slots := cap(h.recs); slots > 4*h.len() && slots > 8 {
		t.Errorf("%d slots for %d records", slots, h.len())
	}
}

// A key that is used again after its window, before it was forgotten, is charged
// once: it takes the place of its old use.
func TestKeyCharge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t, Options{})
		time.Sleep(500 * time.Millisecond) // between two sweeps
		for range 3 {
			if r, err := m.Append(t.Context(), []Event{{Channel: "a", Type: "t", Payload: []byte("1"), Key: "k"}}); err != nil || r[0].Duplicate {
				t.Fatal(r, err)
			}
			check(t, m)
			time.Sleep(DedupeWindow + time.Millisecond)
		}
		time.Sleep(3 * DedupeWindow)
		synctest.Wait()
		if n := len(m.keys.young) + len(m.keys.old); n != 0 {
			t.Errorf("%d keys are remembered long after their window", n)
		}
	})
}

// The invariants hold at any instant while everything goes on at once.
func TestInvariantsUnderLoad(t *testing.T) {
	m := newMemory(t, Options{Events: 30, Bytes: 4000, Budget: 40_000, Age: 20 * time.Millisecond, MaxLag: 1 << 40})
	var writers, readers sync.WaitGroup
	done := make(chan struct{})
	for w := range 3 {
		writers.Go(func() {
			for i := range 500 {
				events := make([]Event, 1+i%9)
				for k := range events {
					events[k] = Event{Channel: fmt.Sprint("c", (i*i+k*7)%150), Type: "t", Payload: []byte("1")}
					if i%5 == 0 {
						events[k].Key = fmt.Sprint(w, i%50)
					}
				}
				if _, err := m.Append(context.Background(), events); err != nil {
					t.Error(err)
				}
			}
		})
		readers.Go(func() {
			c := &Cursor{Channels: []string{"c0", "c1", "c4", "c9", "c16"}}
			tail := m.Tail(nil)
			defer tail.Close()
			for through := uint64(0); ; {
				select {
				case <-done:
					return
				default:
				}
				b := m.Next(c, Limit{Events: 3}, nil)
				if b.Through < through {
					t.Errorf("through goes back from %d to %d", through, b.Through)
				}
				through, c.After = b.Through, b.Through
				_, last := m.Last(c.Channels)
				if n := m.Pending(c); n < 0 || len(last) != len(c.Channels) {
					t.Errorf("pending %d, last %v", n, last)
				}
				tail.Next(nil, 50)
				tail.Done()
			}
		})
	}
	go func() { writers.Wait(); close(done) }()
	for range 100 {
		check(t, m)
	}
	readers.Wait()
}

// A rule bounds the channels that match and no others; what it leaves out is as for
// all, and the first of several counts.
func TestRules(t *testing.T) {
	m := newMemory(t, Options{Events: 5, Bytes: 1000, Rules: []Rule{
		{Match: Pattern{"few.>"}, Events: 2}, {Match: Pattern{"fewer"}, Events: 3}, {Match: Pattern{"long.>"}, Events: 20, Bytes: 10_000},
		{Match: Pattern{"small.*"}, Bytes: 150}, {Match: Pattern{"last.*"}, Keep: KeepLast, Events: 9}, {Match: Pattern{"none.>"}, Keep: KeepNone},
	}})
	for channel, want := range map[string]int{"a": 5, "few.a": 2, "few.": 2, "fewer": 3, "long.a": 20, "long": 5, "small.a": 1, "last.a": 1, "none.a": 0} {
		publish(t, m, channel, 30)
		if got := m.Kept([]string{channel}, 0, 0)[0].Events; got != want {
			t.Errorf("%q keeps %d events, want %d", channel, got, want)
		}
	}
	if l := m.Limits("small.b"); l.Events != 5 || l.Bytes != 150 || l.Match != "small.*" {
		t.Errorf("small.b may keep %+v", l)
	}
}

// Events grow old by the rule of their channel, and by another one as soon as it is set.
func TestAges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		age := func(match string, age time.Duration) Rule { return Rule{Match: Pattern{match}, Age: age} }
		m := newMemory(t, Options{Age: time.Minute, Rules: []Rule{age("short", 10*time.Second), age("long", time.Hour), age("endless", -1)}})
		want := func(counts map[string]int) {
			t.Helper()
			check(t, m)
			for channel, n := range counts {
				if got := m.Kept([]string{channel}, 0, 0)[0].Events; got != n {
					t.Errorf("%q keeps %d events, want %d", channel, got, n)
				}
			}
		}
		for _, channel := range []string{"long", "short", "usual", "endless", "short"} {
			publish(t, m, channel, 3)
			time.Sleep(time.Second)
		}
		want(map[string]int{"short": 6, "usual": 3, "long": 3, "endless": 3})
		time.Sleep(8 * time.Second)
		want(map[string]int{"short": 3, "usual": 3, "long": 3, "endless": 3})
		m.SetRules([]Rule{age("usual", time.Hour), age("endless", 2*time.Minute), age("long", 2*time.Minute)})
		time.Sleep(30 * time.Second)
		want(map[string]int{"short": 3, "usual": 3, "long": 3, "endless": 3})
		time.Sleep(30 * time.Second)
		want(map[string]int{"short": 0, "usual": 3, "long": 3, "endless": 3})
		time.Sleep(time.Minute)
		want(map[string]int{"usual": 3, "long": 0, "endless": 0})
		m.SetRules(nil)
		time.Sleep(2 * time.Second)
		want(map[string]int{"usual": 0})
	})
}

// The budget pushes out the oldest events of all, whenever they would grow old.
func TestBudgetOverAges(t *testing.T) {
	m := newMemory(t, Options{Budget: 20_000, Age: time.Hour, Rules: []Rule{
		{Match: Pattern{"a.>"}, Age: -1}, {Match: Pattern{"b.>"}, Age: 2 * time.Hour}}})
	for i := range 300 {
		publish(t, m, []string{"a.x", "b.x", "c", "d"}[i%4], 1)
	}
	kept := uint64(m.Stats().Events)
	m.mu.RLock()
	defer m.mu.RUnlock()
	next := m.head
	m.backward(func(r *Record) bool {
		if r.Seq != next {
			t.Errorf("%d is kept, %d is not", r.Seq, next)
		}
		next--
		return true
	})
	if kept == 0 || next != m.head-kept || kept == m.head {
		t.Errorf("%d of %d events are kept, of them %d in order", kept, m.head, m.head-next)
	}
}

// The server's own channels can be read by name, and are in no list.
func TestOwnChannels(t *testing.T) {
	m := newMemory(t, Options{Rules: []Rule{{Match: OwnPattern("$own.>"), Events: 1}}})
	publish(t, m, "a", 3)
	before := m.Stats()
	publish(t, m, "$own.a", 5)
	publish(t, m, "$own.b", 1)
	after := m.Stats()
	if after.Bytes <= before.Bytes {
		t.Errorf("the budget is charged %d, and %d before", after.Bytes, before.Bytes)
	}
	if before.Bytes = after.Bytes; after != before {
		t.Errorf("the log tells %+v, want %+v", after, before)
	}
	if list := m.Channels(); len(list) != 1 || list[0].Channel != "a" {
		t.Errorf("channels %+v", list)
	}
	if list := m.Busiest(time.Hour, 9); len(list) != 1 || list[0].Channel != "a" {
		t.Errorf("busiest are %+v", list)
	}
	if recs, through := m.Newest(9, 0, func(string) bool { return true }); len(recs) != 3 || through != 9 {
		t.Errorf("%d newest through %d", len(recs), through)
	}
	if at, last := m.Last([]string{"$own.a"}); at.Seq != 9 || last[0] == nil || last[0].Seq != 8 {
		t.Errorf("last of $own.a: %v at %v", last[0], at)
	}
	m.Purge("$own.a")
	m.Purge("$own.b")
	m.Purge("a")
	if got := m.Stats(); got.Channels != 0 || got.Events != 0 || got.Published != 3 {
		t.Errorf("purged: %+v", got)
	}
}
