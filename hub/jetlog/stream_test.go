package jetlog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"rollcall/hub/eventlog"
)

// An existing stream is used unchanged if the options do not ask for anything, and otherwise refused with the
// differences.
func TestMismatch(t *testing.T) {
	link := newFleet(t, 1).link()
	ctx := context.Background()
	opts := fresh(Options{Events: 3000, Age: 2 * time.Hour, Bytes: 1 << 20})
	l := open(t, link, opts)
	publish(t, l, ev("a", 1))
	closeLog(t, l)
	bare := opts
	bare.Events, bare.Age, bare.Bytes = 0, 0, 0
	closeLog(t, open(t, link, bare))
	closeLog(t, open(t, link, opts))
	opts.Events, opts.Age, opts.Bytes, opts.Replicas = 4000, time.Hour, 2<<20, 3
	_, err := Open(ctx, link, opts)
	var m *Mismatch
	if !errors.As(err, &m) || len(m.Fields) != 4 {
		t.Fatalf("Open: %v", err)
	}
	for _, want := range []string{"max_msgs_per_subject is 3000, want 4000", "max_age is 2h0m0s, want 1h0m0s", "max_bytes is 1048576, want 2097152", "num_replicas is 1, want 3"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
	opts = fresh(Options{})
	_, err = link.js.CreateStream(ctx, jetstream.StreamConfig{Name: opts.Stream, Subjects: []string{"foreign.>"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = Open(ctx, link, opts); !errors.As(err, &m) || !strings.Contains(err.Error(), metaEpoch) {
		t.Errorf("Open of a foreign stream: %v", err)
	}
}

// narrow makes a stream that keeps few events of a channel.
func narrow(t *testing.T, link *Link, opts Options, most int64) {
	t.Helper()
	cfg := opts.config(eventlog.NewEpoch())
	cfg.MaxMsgsPerSubject = most
	if _, err := link.js.CreateStream(context.Background(), cfg); err != nil {
		t.Fatal(err)
	}
}

// What the stream drops of itself, or a purge, is not taken for damage.
func TestHolesThatAreNone(t *testing.T) {
	link := newFleet(t, 1).link()
	opts := fresh(Options{})
	narrow(t, link, opts, 5)
	l := open(t, link, opts)
	publish(t, l, ev("quiet", 0))
	for i := range 8 {
		publish(t, l, ev("full", i), ev("purged", i), ev("whole", i/2))
		if i == 6 {
			_, err := l.Purge(context.Background(), "purged")
			check(t, err)
		}
	}
	for range 2 {
		closeLog(t, l)
		l = open(t, link, opts)
		if got := gaps(l, 0, "full", "purged", "whole", "quiet", "never"); !slices.Equal(got, []string{"full", "purged", "whole"}) {
			t.Errorf("gaps of %q", got)
		}
	}
}

// A channel that the stream keeps all it may of has a gap before that when a log is
// opened, and no other has.
func TestOpenFullChannel(t *testing.T) {
	link := newFleet(t, 1).link()
	opts := fresh(Options{})
	narrow(t, link, opts, 5)
	l := open(t, link, opts)
	publish(t, l, ev("quiet", 0))
	for i := range 9 {
		publish(t, l, ev("full", i))
	}
	head := l.Head().Seq
	closeLog(t, l)
	l = open(t, link, opts)
	if got := read(l, "full"); len(got) != 5 {
		t.Errorf("%q", got)
	}
	for after := range head + 1 {
		var want []string
		if after < head-5 {
			want = []string{"full"}
		}
		if got := gaps(l, after, "full", "quiet", "never"); !slices.Equal(got, want) {
			t.Errorf("gaps after %d: %q, want %q", after, got, want)
		}
	}
}

// A node that was too slow for a channel announces the gap to its live readers and to resuming ones; other channels
// lose nothing.
func TestTooSlow(t *testing.T) {
	f := newFleet(t, 1)
	opts := fresh(Options{})
	narrow(t, f.link(), opts, 5)
	fast := open(t, f.link(), opts)
	slowOpts := opts
	slowOpts.Mirror.MaxLag = 1
	slow := open(t, f.link(), slowOpts)
	tail := slow.Tail(nil)
	publish(t, fast, ev("a", 0), ev("b", 0))
	caughtUp(t, slow, 2)
	// The slow node's mirror now waits for its tail, with what it was sent before.
	for i := range 3000 {
		publish(t, fast, ev("a", i))
		if i%1000 == 0 {
			publish(t, fast, ev("b", i))
		}
	}
	if _, err := slow.Append(context.Background(), []eventlog.Event{ev("a", 1)}); !errors.Is(err, eventlog.ErrBusy) {
		t.Errorf("Append to a slow node: %v", err)
	}
	end := fast.Head().Seq
	var got []string
	var last uint64
	until(t, "the tail comes to the end", func() bool {
		for _, r := range tail.Next(nil, 100) {
			if r.Seq <= last {
				t.Fatalf("%d behind %d", r.Seq, last)
			}
			last = r.Seq
			got = append(got, r.Channel()+" "+r.Type())
		}
		tail.Done()
		return last >= end || slow.Err() != nil
	})
	tail.Close()
	if err := slow.Err(); err != nil {
		t.Fatal(err)
	}
	count := make(map[string]int)
	for _, g := range got {
		count[g]++
	}
	t.Log(count)
	if count["b message"] != 4 || count["b gap"] != 0 {
		t.Errorf("a channel that lost nothing: %v", count)
	}
	if missing := 3001 - count["a message"]; missing > 0 && count["a gap"] == 0 {
		t.Errorf("%d events are missing without a gap", missing)
	} else if missing > 0 && !slices.Equal(gaps(slow, 2, "a", "b"), []string{"a"}) {
		t.Errorf("gaps %q", gaps(slow, 2, "a", "b"))
	}
	if got, want := read(slow, "a"), read(fast, "a"); fmt.Sprint(got[len(got)-5:]) != fmt.Sprint(want[len(want)-5:]) {
		t.Errorf("the end is %q, want %q", got, want)
	}
}
