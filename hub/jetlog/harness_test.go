package jetlog

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/hub/eventlog"
)

// quiet logs nothing: the tests make trouble on purpose.
var quiet = slog.New(slog.DiscardHandler)

// scratch makes a directory, in memory if available, for tests that are not about the disk.
func scratch(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "jetlog")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func closeLink(t testing.TB, l *Link) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Errorf("Close of the link: %v", err)
	}
}

// open opens a log until the test's end.
func open(t testing.TB, link *Link, opts Options) *Log {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	l, err := Open(ctx, link, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeLog(t, l) })
	return l
}

func closeLog(t testing.TB, l *Log) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Errorf("Close of the log: %v", err)
	}
}

var streams atomic.Int64

// fresh names a stream, and subjects, that no other test has.
func fresh(opts Options) Options {
	n := strconv.FormatInt(streams.Add(1), 10)
	opts.Stream, opts.Prefix = "TEST"+n, "test"+n
	return opts
}

func ev(channel string, n int) eventlog.Event {
	return eventlog.Event{Channel: channel, Type: "message", Payload: strconv.AppendInt(nil, int64(n), 10)}
}

func keyed(channel, key string, n int) eventlog.Event {
	e := ev(channel, n)
	e.Key = key
	return e
}

func publish(t testing.TB, l *Log, events ...eventlog.Event) []eventlog.Result {
	t.Helper()
	results, err := l.Append(context.Background(), events)
	if err != nil {
		t.Fatalf("Append: %v", err)
	}
	return results
}

// read returns what the log keeps of the channels, as text.
func read(l *Log, channels ...string) []string {
	b := l.Next(&eventlog.Cursor{Channels: channels}, eventlog.Limit{}, nil)
	out := make([]string, len(b.Records))
	for i, r := range b.Records {
		out[i] = fmt.Sprintf("%d %s %s %s", r.Seq, r.Channel(), r.Type(), r.Payload())
	}
	return out
}

// gaps returns the channels with a gap after a position.
func gaps(l *Log, after uint64, channels ...string) []string {
	var out []string
	for _, g := range l.Next(&eventlog.Cursor{Channels: channels, After: after}, eventlog.Limit{}, nil).Gaps {
		out = append(out, g.Channel)
	}
	return out
}

// until waits until the condition holds.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(40 * time.Second); !ok(); <-ticker.C {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// caughtUp waits until the log has come to seq.
func caughtUp(t testing.TB, l *Log, seq uint64) {
	t.Helper()
	until(t, fmt.Sprintf("the log comes to %d", seq), func() bool { return l.Head().Seq >= seq })
}
