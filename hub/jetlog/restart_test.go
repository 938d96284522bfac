package jetlog

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"rollcall/hub/eventlog"
)

// store publishes to a store in dir and closes it; it returns the log's head and what
// was kept.
func store(t *testing.T, dir string, opts Options, events ...eventlog.Event) (eventlog.Position, []string) {
	t.Helper()
	link, err := Embed(dir, EmbedOptions{Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	defer closeLink(t, link)
	l := open(t, link, opts)
	defer closeLog(t, l)
	for _, e := range events {
		publish(t, l, e)
	}
	return l.Head(), read(l, "a", "b")
}

// A restart loses nothing: ids, epoch, payloads, what is last, and keys.
func TestRestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	head, kept := store(t, dir, Options{}, ev("a", 1), keyed("b", "k", 2), ev("a", 3))
	if len(kept) != 3 || head.Seq != 3 {
		t.Fatalf("%v %q", head, kept)
	}
	again, keptAgain := store(t, dir, Options{})
	if again != head || !slices.Equal(kept, keptAgain) {
		t.Fatalf("%v %q, before %v %q", again, keptAgain, head, kept)
	}
	link := embed(t, dir, EmbedOptions{})
	l := open(t, link, Options{})
	if r := publish(t, l, keyed("b", "k", 9))[0]; r != (eventlog.Result{Seq: 2, Duplicate: true}) {
		t.Errorf("a key of the life before: %+v", r)
	}
	if r := publish(t, l, ev("a", 10), keyed("b", "k", 9), ev("a", 11)); r[0].Seq != 4 || r[1].Seq != 2 || r[2].Seq != 5 {
		t.Errorf("results %+v", r)
	}
	if got := l.Stats().Published; got != 2 {
		t.Errorf("%d were published in this life", got)
	}
	if got := gaps(l, 0, "a", "b", "c"); len(got) != 0 {
		t.Errorf("gaps of %q", got)
	}
	_, last := l.Last([]string{"b"})
	if last[0] == nil || last[0].Seq != 2 {
		t.Errorf("last %v", last)
	}
}

// A mirror with room for less than the stream keeps loads the newest and says so.
func TestRestartWithLittleRoom(t *testing.T) {
	dir := t.TempDir()
	link := embed(t, dir, EmbedOptions{SyncRelaxed: true})
	l := open(t, link, Options{})
	big := make([]eventlog.Event, 500)
	for i := range big {
		big[i] = ev("a", 0)
		big[i].Payload = []byte(`"` + strings.Repeat("x", 1000) + `"`)
	}
	publish(t, l, ev("quiet", 1))
	publish(t, l, big...)
	publish(t, l, ev("a", 2))
	head := l.Head()
	closeLog(t, l)
	l = open(t, link, Options{Mirror: eventlog.Options{Budget: 100 << 10}})
	if l.Head() != head {
		t.Fatalf("head %v, want %v", l.Head(), head)
	}
	if s := l.Stats(); s.Events < 20 || s.Events > 120 {
		t.Errorf("%d events loaded", s.Events)
	}
	if got := gaps(l, 0, "a", "quiet", "never"); len(got) != 3 {
		t.Errorf("gaps of %q", got)
	}
	if got := gaps(l, head.Seq-1, "a", "quiet"); len(got) != 0 {
		t.Errorf("gaps of %q", got)
	}
}

// Numbers that were given are never given again: the store is set back in many ways.
func TestSetBack(t *testing.T) {
	for name, harm := range map[string]func(t *testing.T, dir string){
		"store removed": func(t *testing.T, dir string) { check(t, os.RemoveAll(filepath.Join(dir, "jetstream"))) },
		"mark removed":  func(t *testing.T, dir string) { check(t, os.Remove(filepath.Join(dir, "ROLLCALL.mark"))) },
		"mark copied": func(t *testing.T, dir string) { // as a backup is put back, all files with it
			mark := filepath.Join(dir, "ROLLCALL.mark")
			text, err := os.ReadFile(mark)
			check(t, err)
			check(t, os.WriteFile(mark+".copy", text, 0o600))
			check(t, os.Rename(mark+".copy", mark))
		},
		"mark damaged": func(t *testing.T, dir string) { flip(t, filepath.Join(dir, "ROLLCALL.mark"), 3) },
		"block truncated": func(t *testing.T, dir string) {
			for _, f := range blocks(t, dir, "*.blk") {
				info, err := os.Stat(f)
				check(t, err)
				check(t, os.Truncate(f, info.Size()-10))
			}
			for _, f := range blocks(t, dir, "index.db") {
				check(t, os.Remove(f))
			}
		},
		"block flipped at the end": func(t *testing.T, dir string) {
			for _, f := range blocks(t, dir, "*.blk") {
				info, err := os.Stat(f)
				check(t, err)
				flip(t, f, info.Size()-12)
			}
			for _, f := range blocks(t, dir, "index.db") {
				check(t, os.Remove(f))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			head, _ := store(t, dir, Options{}, ev("a", 1), ev("b", 2), ev("a", 3))
			harm(t, dir)
			link, err := Embed(dir, EmbedOptions{Log: quiet})
			if err != nil {
				t.Logf("refused: %v", err)
				return
			}
			defer closeLink(t, link)
			l := open(t, link, Options{})
			defer closeLog(t, l)
			if l.Head().Epoch == head.Epoch {
				t.Errorf("the epoch is the same, head %v, before %v: %q", l.Head(), head, read(l, "a", "b"))
			}
			publish(t, l, ev("a", 4))
			t.Logf("kept %q", read(l, "a", "b"))
			now := l.Head()
			closeLog(t, l)
			l = open(t, link, Options{})
			defer closeLog(t, l)
			if l.Head() != now {
				t.Errorf("opened again: head %v, before %v", l.Head(), now)
			}
		})
	}
}

// What is lost in the middle of the store is not passed over in silence, in whatever
// block of it.
func TestFlippedInTheMiddle(t *testing.T) {
	t.Run("with index", func(t *testing.T) { testFlipped(t, false) })
	t.Run("without index", func(t *testing.T) { testFlipped(t, true) })
}

func testFlipped(t *testing.T, unindexed bool) {
	dir := t.TempDir()
	var events []eventlog.Event
	for i := range 100 {
		e := ev("a", i)
		e.Payload = []byte(`"` + strings.Repeat("x", 60_000) + `"`)
		events = append(events, e)
	}
	opts := Options{Mirror: eventlog.Options{Bytes: 64 << 20}}
	head, kept := store(t, dir, opts, events...)
	files := blocks(t, dir, "*.blk")
	if len(files) < 2 {
		t.Fatalf("the store has the blocks %q, want several", files)
	}
	info, err := os.Stat(files[0])
	check(t, err)
	flip(t, files[0], info.Size()/2)
	for _, f := range blocks(t, dir, "index.db") {
		if unindexed {
			check(t, os.Remove(f))
		}
	}
	link := embed(t, dir, EmbedOptions{})
	l := open(t, link, opts)
	seqs, gaps := readOlder(t, l, []string{"a", "b"}, 0, eventlog.Limit{})
	t.Logf("head %v, before %v; %d of %d kept", l.Head(), head, len(seqs), len(kept))
	if l.Head().Epoch == head.Epoch && (len(seqs) >= len(kept) || len(gaps) != 2) {
		t.Errorf("%d events of %d are kept, and there are gaps of %q", len(seqs), len(kept), gaps)
	}
	if _, gaps := readOlder(t, l, []string{"a", "b"}, head.Seq-1, eventlog.Limit{}); len(gaps) > 0 {
		t.Errorf("gaps of %q behind what was lost", gaps)
	}
}

// What the stream drops of itself, or a purge, is not taken for damage.
func TestHolesThatAreNone(t *testing.T) {
	link := embed(t, t.TempDir(), EmbedOptions{SyncRelaxed: true})
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

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func blocks(t *testing.T, dir, pattern string) (files []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "jetstream", "*", "streams", "ROLLCALL", "msgs", pattern))
	check(t, err)
	if len(files) == 0 {
		t.Fatalf("the store has no %s", pattern)
	}
	return files
}

func flip(t *testing.T, file string, at int64) {
	t.Helper()
	b, err := os.ReadFile(file)
	check(t, err)
	b[at] ^= 0x10
	check(t, os.WriteFile(file, b, 0o600))
}

// One directory is one process's, and what is wrong with one is said.
func TestEmbedRefuses(t *testing.T) {
	dir := t.TempDir()
	embed(t, dir, EmbedOptions{})
	if _, err := Embed(dir, EmbedOptions{}); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("a directory in use: %v", err)
	}
	if _, err := Embed(filepath.Join(dir, "no", "such"), EmbedOptions{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no directory above: %v", err)
	}
	file := filepath.Join(dir, "file")
	check(t, os.WriteFile(file, nil, 0o600))
	if _, err := Embed(file, EmbedOptions{}); err == nil {
		t.Error("a file was taken for a directory")
	}
	if _, err := Embed("/proc", EmbedOptions{}); err == nil {
		t.Error("a read-only directory was taken")
	} else {
		t.Log(err)
	}
}

// A full store says so, and keeps what it has.
func TestFull(t *testing.T) {
	link := embed(t, t.TempDir(), EmbedOptions{SyncRelaxed: true, MaxStore: 1 << 20})
	l := open(t, link, Options{Events: -1})
	e := ev("a", 0)
	e.Payload = []byte(`"` + strings.Repeat("x", 100_000) + `"`)
	var err error
	for range 20 {
		if _, err = l.Append(context.Background(), []eventlog.Event{e}); err != nil {
			break
		}
	}
	if !errors.Is(err, ErrFull) {
		t.Fatalf("Append: %v, want ErrFull", err)
	}
	if _, err = l.Append(context.Background(), []eventlog.Event{e, e}); !errors.Is(err, ErrFull) {
		t.Errorf("Append of a batch: %v, want ErrFull", err)
	}
	if n, err := l.Purge(context.Background(), "a"); err != nil || n < 5 {
		t.Errorf("Purge: %d, %v", n, err)
	}
	if _, err = l.Append(context.Background(), []eventlog.Event{e}); err != nil {
		t.Errorf("Append to a store with room again: %v", err)
	}
}

// A disk that can't be written, as the server reports it, is told at once and for good;
// what is kept can be read, and a restart goes on from there.
func TestDiskFails(t *testing.T) {
	dir := t.TempDir()
	link := embed(t, dir, EmbedOptions{})
	l := open(t, link, Options{})
	publish(t, l, ev("a", 1))
	serverLog{quiet, link.embedded}.Errorf("JetStream stream '%s' critical write error: %v", "$G > ROLLCALL", syscall.EIO)
	for range 100 {
		if _, err := l.Append(context.Background(), []eventlog.Event{ev("a", 2)}); !errors.Is(err, ErrUnavailable) {
			t.Fatalf("Append: %v", err)
		}
	}
	if s := l.Status(); !l.Degraded() || s.Connected || !strings.Contains(s.Reason, "could not be written") {
		t.Errorf("%+v", s)
	}
	if got := read(l, "a"); len(got) != 1 || l.Err() != nil {
		t.Errorf("%q, %v", got, l.Err())
	}
	head := l.Head()
	closeLog(t, l)
	closeLink(t, link)
	l = open(t, embed(t, dir, EmbedOptions{}), Options{})
	if l.Head() != head {
		t.Errorf("head %v, before %v", l.Head(), head)
	}
	publish(t, l, ev("a", 3))
}

// A server that has stopped for a full disk ends the log once there is room, so that
// its owner opens another one.
func TestDiskFullAndRoomAgain(t *testing.T) {
	dir := t.TempDir()
	link := embed(t, dir, EmbedOptions{})
	l := open(t, link, Options{})
	publish(t, l, ev("a", 1))
	head := l.Head()
	serverLog{quiet, link.embedded}.Errorf("JetStream stream '%s' critical write error: %v", "$G > ROLLCALL", syscall.ENOSPC)
	if _, err := l.Append(context.Background(), []eventlog.Event{ev("a", 2)}); !errors.Is(err, ErrFull) && !errors.Is(err, ErrLost) {
		t.Fatalf("Append: %v", err)
	}
	<-l.Lost()
	closeLog(t, l)
	closeLink(t, link)
	l = open(t, embed(t, dir, EmbedOptions{}), Options{})
	if l.Head() != head {
		t.Errorf("head %v, before %v", l.Head(), head)
	}
	publish(t, l, ev("a", 3))
}
