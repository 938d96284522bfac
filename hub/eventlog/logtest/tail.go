package logtest

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"rollcall/hub/eventlog"
)

// A tail begins at the head, returns at most the requested number, and appends to dst.
func testTailFromHead(t *testing.T, open Open) {
	h := start(t, open, eventlog.Options{})
	early := h.log.Tail(nil)
	defer early.Close()
	h.publish("a", "b")
	tail := h.log.Tail(nil)
	defer tail.Close()
	if recs := tail.Next(nil, 10); len(recs) != 0 {
		t.Fatalf("a new tail has %v", seqs(recs))
	}
	if got, want := tail.Start(), h.log.Head().Seq; got != want {
		t.Fatalf("the tail reads after %d, want the head %d", got, want)
	}
	for range 100 {
		h.publish("a", "b", "c")
	}
	if recs := tail.Next(nil, 0); len(recs) != 0 {
		t.Fatalf("asked for none, got %v", seqs(recs))
	}
	var recs []*eventlog.Record
	for n := 1; ; n = n%130 + 1 {
		before := len(recs)
		recs = tail.Next(recs, n)
		if len(recs)-before > n {
			t.Fatalf("%d records, asked for %d", len(recs)-before, n)
		}
		if len(recs) == before {
			break
		}
	}
	h.want(recs, h.sent[2:])
	h.want(early.Next(nil, 1000), h.sent)
	h.publish("a")
	h.want(tail.Next(nil, 1000), h.sent[len(h.sent)-1:])
}

// broken is closed when an append has failed: whoever waits for its event ends the test.
type broken struct {
	t    *testing.T
	once sync.Once
	done chan struct{}
}

func newBroken(t *testing.T) *broken { return &broken{t: t, done: make(chan struct{})} }

// fail notes that an append has failed.
func (b *broken) fail(err error) {
	b.t.Errorf("Append: %v", err)
	b.once.Do(func() { close(b.done) })
}

// wait waits for a wake. It ends the test if an append has failed, because the wake may never come.
func (b *broken) wait(wake <-chan struct{}) {
	b.t.Helper()
	select {
	case <-wake:
	case <-b.done:
		b.t.FailNow()
	}
}

// A reader that reads on each wake until nothing is left reads everything: no wake is lost. A lost one hangs the test.
func testTailWake(t *testing.T, open Open) {
	const workers, each = 4, 300
	h := start(t, open, eventlog.Options{})
	wake := make(chan struct{}, 1)
	tail := h.log.Tail(wake)
	defer tail.Close()
	select {
	case <-wake:
		t.Error("a tail is woken before anything happens")
	default:
	}
	b := newBroken(t)
	var wg sync.WaitGroup
	defer wg.Wait()
	for w := range workers {
		wg.Go(func() {
			for i := range each {
				if _, err := h.log.Append(context.Background(), []eventlog.Event{event("a", w), event("b", i)}); err != nil {
					b.fail(err)
				}
			}
		})
	}
	for n := 0; n < 2*workers*each; {
		b.wait(wake)
		for {
			recs := tail.Next(nil, 7)
			tail.Done()
			if len(recs) == 0 {
				break
			}
			n += len(recs)
		}
	}
}

// flood appends from several goroutines until the function it returns is called,
// which waits for them. Every batch goes to two of the channels.
func flood(b *broken, log eventlog.Log, channels []string) (stop func()) {
	b.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for w := range 3 {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				events := []eventlog.Event{event(channels[(w+i)%len(channels)], i), event(channels[i*i%len(channels)], i)}
				if _, err := log.Append(context.Background(), events); err != nil {
					b.fail(err)
					return
				}
			}
		})
	}
	return func() { cancel(); wg.Wait() }
}

// follow reads the tail until it has the record last, or the test has failed.
func follow(t *testing.T, tail *eventlog.Tail, wake <-chan struct{}, last func() uint64) []uint64 {
	t.Helper()
	var got []uint64
	buf := make([]*eventlog.Record, 0, 16)
	for {
		recs := tail.Next(buf, 1+len(got)%16)
		got = append(got, seqs(recs)...)
		tail.Done()
		if len(recs) == 0 {
			if end := last(); end > 0 && len(got) > 0 && got[len(got)-1] >= end {
				return got
			}
			select {
			case <-wake:
			case <-t.Context().Done():
				return got
			}
		}
	}
}

// Tails opened at any time during appends read the same order from their start, without losses and repetitions.
func testTailAnyTime(t *testing.T, open Open) {
	const tails = 40
	h := start(t, open, eventlog.Options{Events: 10})
	wakeFirst := make(chan struct{}, 1)
	first := h.log.Tail(wakeFirst)
	defer first.Close()
	var order []uint64
	began := make([]uint64, tails)
	from := make([]uint64, tails)
	got := make([][]uint64, tails)
	var mu sync.Mutex
	var end uint64 // the last record, once known
	last := func() uint64 { mu.Lock(); defer mu.Unlock(); return end }
	b := newBroken(t)
	stop := flood(b, h.log, names(5))
	defer stop()
	var wg sync.WaitGroup
	for i := range tails {
		for before := len(order); len(order) < before+50; { // let the log grow between
			b.wait(wakeFirst)
			order = append(order, seqs(first.Next(nil, 1000))...)
			first.Done()
		}
		began[i] = h.log.Head().Seq
		wake := make(chan struct{}, 1)
		tail := h.log.Tail(wake)
		from[i] = tail.Start()
		wg.Go(func() {
			defer tail.Close()
			got[i] = follow(t, tail, wake, last)
		})
	}
	stop()
	mu.Lock()
	end = h.append(event("a", 0))[0].Seq // wakes all for a last time
	mu.Unlock()
	wg.Wait()
	order = append(order, seqs(first.Next(nil, 1<<30))...)
	if !slices.IsSorted(order) || order[len(order)-1] != end {
		t.Fatalf("%d records up to %d, want them in order up to %d", len(order), order[len(order)-1], end)
	}
	for i, g := range got {
		rest := len(order) - len(g)
		if rest < 1 || from[i] < began[i] || order[rest-1] != from[i] || !slices.Equal(g, order[rest:]) {
			t.Errorf("tail %d, opened after %d, from %d: %d records from %d on are not the rest of the log", i, began[i], from[i], len(g), g[0])
		}
	}
}

// A cursor read to the head, continued by a tail that was opened before, yields every event once, whatever is appended
// meanwhile.
func testTailHandOver(t *testing.T, open Open) {
	// The lag paces the appends: they stop until the tails are read again.
	h := start(t, open, eventlog.Options{Events: 1 << 20, Bytes: 1 << 30, MaxLag: 256 << 10, MaxWait: time.Hour})
	channels := names(5)
	wakeFull := make(chan struct{}, 1)
	full := h.log.Tail(wakeFull)
	var order []*eventlog.Record
	b := newBroken(t)
	defer flood(b, h.log, channels)()
	defer full.Close() // before that, or the appends wait for it
	rng := rand.New(rand.NewPCG(3, 4))
	for range 60 {
		set := make([]string, 1+rng.IntN(len(channels)))
		for i, at := range rng.Perm(len(channels))[:len(set)] {
			set[i] = channels[at]
		}
		from := rng.Uint64N(h.log.Head().Seq + 1)
		tail := h.log.Tail(nil)
		c := &eventlog.Cursor{Channels: set, After: from}
		recs, gaps := h.drain(c, eventlog.Limit{Events: 1 + rng.IntN(300)})
		h.wantGaps(gaps)
		goal := h.log.Head().Seq + 20
		for at := uint64(0); at < goal; {
			for _, r := range tail.Next(nil, 1<<20) {
				if at = r.Seq; at > c.After && slices.Contains(set, r.Channel()) {
					recs = append(recs, r)
				}
			}
			tail.Done()
			order = full.Next(order, 1<<20)
			full.Done()
			if at < goal {
				b.wait(wakeFull)
			}
		}
		tail.Close()
		order = full.Next(order, 1<<20)
		full.Done()
		var want []uint64
		for _, r := range order {
			if r.Seq > from && len(want) < len(recs) && slices.Contains(set, r.Channel()) {
				want = append(want, r.Seq)
			}
		}
		if !slices.Equal(seqs(recs), want) {
			t.Errorf("cursor of %q after %d, tail after %d: something is lost, repeated or out of order", set, from, c.After)
		}
	}
}

// A tail reads events that the channels no longer keep.
func testTailEviction(t *testing.T, open Open) {
	h := start(t, open, eventlog.Options{Events: 1, Budget: 4 << 10})
	tail := h.log.Tail(nil)
	defer tail.Close()
	for i := range 500 {
		h.publish(names(50)[i%50], "a")
	}
	h.want(tail.Next(nil, 1<<20), h.sent)
}
