package logtest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/hub/eventlog"
)

// one is a batch for tests of waiting appends.
var one = []eventlog.Event{event("a", 0)}

// fill appends until an append fails and returns how many did not.
func (h *harness) fill(want error) (n int) {
	h.Helper()
	for ; n < 100_000; n++ {
		if _, err := h.log.Append(context.Background(), one); err != nil {
			if !errors.Is(err, want) {
				h.Fatalf("Append: %v, want %v", err, want)
			}
			return n
		}
	}
	h.Fatal("appends never wait for a tail that isn't read")
	return n
}

// Appends fail while a tail is too far behind, and succeed again after its Done: reading is not enough.
func testBusyError(t *testing.T, open Open) {
	h := start(t, open, eventlog.Options{MaxLag: 20_000, MaxWait: time.Millisecond})
	quick := h.log.Tail(nil)
	slow := h.log.Tail(nil)
	n := h.fill(eventlog.ErrBusy)
	if n < 20_000/2000 {
		t.Errorf("busy after %d small events with a lag of 20 kB allowed", n)
	}
	head := h.log.Head()
	for range 3 {
		if n := h.fill(eventlog.ErrBusy); n != 0 {
			t.Fatalf("%d appends succeed although nothing was read", n)
		}
	}
	if got := h.log.Head(); got != head {
		t.Fatalf("failed appends moved the head from %v to %v", head, got)
	}
	if got := len(quick.Next(nil, 1<<20)); got != n {
		t.Fatalf("%d records, want %d", got, n)
	}
	quick.Done()
	if n := h.fill(eventlog.ErrBusy); n != 0 {
		t.Fatalf("%d appends succeed although one tail is behind", n)
	}
	slow.Done() // deals with nothing, as nothing was read
	slow.Next(nil, 1<<20)
	if n := h.fill(eventlog.ErrBusy); n != 0 {
		t.Fatalf("%d appends succeed although what was read isn't dealt with", n)
	}
	slow.Done()
	if n := h.fill(eventlog.ErrBusy); n == 0 {
		t.Fatal("no append succeeds after the tails caught up")
	}
	slow.Close()
	quick.Next(nil, 1<<20)
	quick.Done()
	quick.Close()
	for range 1000 { // without readers no tail is behind
		h.append(one...)
	}
	h.log.Tail(nil).Close()
	h.append(one...)
}

func testBusyContext(t *testing.T, open Open) {
	h := start(t, open, eventlog.Options{MaxLag: 1, MaxWait: time.Hour})
	tail := h.log.Tail(nil)
	defer tail.Close()
	h.append(one...)
	head := h.log.Head()
	cause := errors.New("cause")
	canceled, cancel := context.WithCancelCause(context.Background())
	cancel(cause)
	if _, err := h.log.Append(canceled, one); !errors.Is(err, context.Canceled) {
		t.Errorf("Append with a cancelled context: %v", err)
	}
	late, cancelLate := context.WithDeadline(context.Background(), time.Now().Add(time.Millisecond))
	defer cancelLate()
	if _, err := h.log.Append(late, one); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Append with a deadline: %v", err)
	}
	if got := h.log.Head(); got != head {
		t.Errorf("failed appends moved the head from %v to %v", head, got)
	}
}

// wait starts appends that block, runs relief, and wants the given error from each.
func (h *harness) wait(relief func(), want error) {
	h.Helper()
	const appends = 5
	errs := make(chan error, appends)
	var begun sync.WaitGroup
	begun.Add(appends)
	for range appends {
		go func() {
			begun.Done()
			_, err := h.log.Append(context.Background(), one)
			errs <- err
		}()
	}
	begun.Wait()
	relief()
	for range appends {
		if err := <-errs; !errors.Is(err, want) {
			h.Fatalf("a waiting append: %v, want %v", err, want)
		}
	}
}

// Blocked appends continue when the tail has caught up or is closed, and fail when the log is closed. An append that
// stays blocked hangs the test.
func testBusyRelief(t *testing.T, open Open) {
	h := start(t, open, eventlog.Options{MaxLag: 5000, MaxWait: time.Hour})
	for range 50 {
		tail := h.log.Tail(nil)
		// Far enough for all five to block; after the relief none blocks again.
		h.append(make5000()...)
		h.wait(func() { tail.Next(nil, 1<<20); tail.Done() }, nil)
		tail.Next(nil, 1<<20)
		tail.Done()
		h.append(make5000()...)
		h.wait(tail.Close, nil)
	}
	tail := h.log.Tail(nil)
	defer tail.Close()
	h.append(make5000()...)
	h.wait(func() {
		if err := h.log.Close(); err != nil {
			t.Error(err)
		}
	}, eventlog.ErrClosed)
}

// make5000 is a batch of more than 5000 bytes.
func make5000() []eventlog.Event {
	events := make([]eventlog.Event, 200)
	for i := range events {
		events[i] = event("a", i)
	}
	return events
}

// An append waits for MaxWait, and not longer.
func testBusyMaxWait(t *testing.T, open Open) {
	for _, most := range []time.Duration{0, time.Millisecond, time.Minute} {
		h := start(t, open, eventlog.Options{MaxLag: 1, MaxWait: most})
		tail := h.log.Tail(nil)
		h.append(one...)
		began := time.Now()
		h.fill(eventlog.ErrBusy)
		if most == 0 {
			most = 2 * time.Second // the default
		}
		if waited := time.Since(began); waited != most {
			t.Errorf("waited %v, want %v", waited, most)
		}
		tail.Close()
		if err := h.log.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// An append blocks until the tail has called Done, even if the tail reads and another tail catches up meanwhile.
func testBusyBlocked(t *testing.T, open Open) {
	h := start(t, open, eventlog.Options{MaxLag: 1})
	tail, other := h.log.Tail(nil), h.log.Tail(nil)
	h.append(one...)
	began := time.Now()
	done := make(chan error, 1)
	go func() {
		_, err := h.log.Append(context.Background(), one)
		done <- err
	}()
	for _, step := range []func(){
		func() {},
		func() { other.Next(nil, 10); other.Done() },
		func() { tail.Done() },
		func() { tail.Next(nil, 10) },
		other.Close,
	} {
		step()
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		select {
		case err := <-done:
			t.Fatalf("Append returned %v after %v, before the tail dealt with anything", err, time.Since(began))
		default:
		}
	}
	tail.Done()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if waited := time.Since(began); waited != 500*time.Millisecond {
		t.Errorf("Append returned after %v, want at once when the tail is done", waited)
	}
	tail.Close()
}
