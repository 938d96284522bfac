package eventlog

import (
	"context"
	"testing"
)

// What one event costs in allocations: the results, the draft, the frame, the
// timestamp and the record.
const appendAllocs = 5

func TestAppendAllocs(t *testing.T) {
	m := newMemory(t, Options{Events: 100})
	tail := m.Tail(make(chan struct{}, 1))
	defer tail.Close()
	ctx := context.Background()
	events := []Event{{Channel: "channel1", Type: "message", Payload: []byte(`{"text":"a payload of a common size, nearly 100 bytes"}`)}}
	buf := make([]*Record, 0, 64)
	n := testing.AllocsPerRun(2000, func() {
		if _, err := m.Append(ctx, events); err != nil {
			t.Fatal(err)
		}
		tail.Next(buf, 64)
		tail.Done()
	})
	if n > appendAllocs {
		t.Errorf("%v allocations for an append of one event, want %d", n, appendAllocs)
	}
}

// A tail and a cursor of a few channels allocate nothing.
func TestReadAllocs(t *testing.T) {
	m := newMemory(t, Options{})
	tail := m.Tail(nil)
	defer tail.Close()
	for range 1000 {
		publish(t, m, "a", 1)
		publish(t, m, "b", 2)
		publish(t, m, "c", 1)
	}
	buf := make([]*Record, 0, 64)
	if n := testing.AllocsPerRun(50, func() {
		if recs := tail.Next(buf, 64); len(recs) != 64 {
			t.Fatalf("%d records", len(recs))
		}
		tail.Done()
	}); n != 0 {
		t.Errorf("%v allocations for a tail's batch, want none", n)
	}
	c := &Cursor{Channels: []string{"a", "b", "c"}, After: 2000}
	if n := testing.AllocsPerRun(50, func() {
		if b := m.Next(c, Limit{Events: 64}, buf); len(b.Records) != 64 {
			t.Fatalf("%d records", len(b.Records))
		}
	}); n != 0 {
		t.Errorf("%v allocations for a cursor's batch, want none", n)
	}
}
