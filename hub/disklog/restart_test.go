package disklog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"rollcall/hub/eventlog"
)

// open opens a log in dir until the test's end.
func open(t testing.TB, dir string, opts Options) *Log {
	t.Helper()
	l, err := Open(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeLog(t, l) })
	return l
}

func closeLog(t testing.TB, l *Log) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func ev(channel string, n int) eventlog.Event {
	return eventlog.Event{Channel: channel, Type: "message", Payload: strconv.AppendInt(nil, int64(n), 10)}
}

func big(channel string, size int) eventlog.Event {
	e := ev(channel, 0)
	e.Payload = []byte(`"` + strings.Repeat("x", size-2) + `"`)
	return e
}

// The server's own notes have a share of the disk: however many there are, they are refused beyond it, the events of others
// are not, and a restart changes nothing.
func TestNotesHaveAShare(t *testing.T) {
	dir := scratch(t)
	opts := Options{Keep: eventlog.Options{Budget: 1 << 20}}
	l := open(t, dir, opts)
	flood := func() (stored int) {
		for i := range 1000 {
			_, err := l.Append(context.Background(), []eventlog.Event{big(fmt.Sprint("$own.", i), 1024)})
			if errors.Is(err, eventlog.ErrFull) {
				return stored
			}
			check(t, err)
			stored++
		}
		return stored
	}
	if n := flood(); n == 0 || n > 64 {
		t.Errorf("%d notes of 1 KiB are stored, their share is 64 KiB", n)
	}
	publish(t, l, big("a", 1024), big(eventlog.ClientChannel("ann"), 1024))
	closeLog(t, l)
	l = open(t, dir, opts)
	if n := flood(); n > 1 {
		t.Errorf("%d more are stored after a restart", n)
	}
	publish(t, l, big("a", 1024))
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

// read returns what the memory keeps of the channels, as text.
func read(l *Log, channels ...string) []string {
	b := l.Next(&eventlog.Cursor{Channels: channels}, eventlog.Limit{}, nil)
	out := make([]string, len(b.Records))
	for i, r := range b.Records {
		out[i] = fmt.Sprintf("%d %s %s %s %s", r.Seq, r.Channel(), r.Type(), r.Payload(), r.Timestamp())
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

// readOlder reads the channels from a position to the head: first what only the disk has, then what the memory has.
func readOlder(t testing.TB, l *Log, channels []string, after uint64, limit eventlog.Limit) (seqs []uint64, gaps []string) {
	t.Helper()
	recs, gaps := records(t, l, channels, after, limit)
	for _, r := range recs {
		seqs = append(seqs, r.Seq)
	}
	return seqs, gaps
}

// wantBefore checks that what the channel keeps is read backwards from any number, as many as are asked for.
func wantBefore(t testing.TB, l *Log, channel string, kept []uint64) {
	t.Helper()
	for before := uint64(0); before <= l.Head().Seq+2; before += 1 + before/9 {
		for _, n := range []int{1, 2, 7, 1000} {
			recs, err := l.OlderBefore(context.Background(), channel, before, eventlog.Limit{Events: n})
			if err != nil {
				t.Fatal(err)
			}
			var got []uint64
			for _, r := range recs {
				got = append(got, r.Seq)
			}
			want, _ := slices.BinarySearch(kept, before)
			if want := kept[max(0, want-n):want]; !slices.Equal(got, want) {
				t.Fatalf("%s has %d before %d, want %d", channel, got, before, want)
			}
		}
	}
	if few, err := l.OlderBefore(context.Background(), channel, l.Head().Seq+1, eventlog.Limit{Bytes: 1}); err != nil || len(few) != min(1, len(kept)) {
		t.Fatalf("%s has %d within a byte, %v", channel, len(few), err)
	}
}

func records(t testing.TB, l *Log, channels []string, after uint64, limit eventlog.Limit) (recs []*eventlog.Record, gaps []string) {
	t.Helper()
	use := func(b eventlog.Batch) {
		for _, r := range b.Records {
			if r.Seq <= after || r.Seq > b.Through {
				t.Fatalf("event %d behind %d, through %d", r.Seq, after, b.Through)
			}
			after = r.Seq
		}
		for _, g := range b.Gaps {
			gaps = append(gaps, g.Channel)
		}
		recs, after = append(recs, b.Records...), b.Through
	}
	for done := false; !done; {
		b, err := l.Older(context.Background(), channels, after, limit)
		if err != nil {
			t.Fatal(err)
		}
		if limit.Events > 0 && len(b.Records) > limit.Events {
			t.Fatalf("%d records with a limit of %d", len(b.Records), limit.Events)
		}
		use(b)
		done = b.Done
	}
	use(l.Next(&eventlog.Cursor{Channels: channels, After: after}, eventlog.Limit{}, nil))
	slices.Sort(gaps)
	return recs, slices.Compact(gaps)
}

// A restart loses nothing: ids, epoch, payloads, times, what is last, and keys.
func TestRestart(t *testing.T) {
	dir := filepath.Join(scratch(t), "data")
	l := open(t, dir, Options{})
	traced := ev("b", 4)
	traced.Trace, traced.Bare = "00-1-2-03", true
	publish(t, l, ev("a", 1), keyed("b", "k", 2), ev("a", 3), traced)
	head, kept := l.Head(), read(l, "a", "b")
	closeLog(t, l)
	l = open(t, dir, Options{})
	if got := read(l, "a", "b"); l.Head() != head || !slices.Equal(got, kept) || len(got) != 4 {
		t.Fatalf("%v %q, before %v %q", l.Head(), got, head, kept)
	}
	if r := publish(t, l, keyed("b", "k", 9))[0]; r != (eventlog.Result{Seq: 2, Duplicate: true}) {
		t.Errorf("a key of the life before: %+v", r)
	}
	if r := publish(t, l, ev("a", 10), keyed("b", "k", 9), ev("a", 11)); r[0].Seq != 5 || r[1].Seq != 2 || r[2].Seq != 6 {
		t.Errorf("results %+v", r)
	}
	if got := l.Stats().Published; got != 2 {
		t.Errorf("%d were published in this life", got)
	}
	if got := gaps(l, 0, "a", "b", "c"); len(got) != 0 {
		t.Errorf("gaps of %q", got)
	}
	_, last := l.Last([]string{"b"})
	if last[0] == nil || last[0].Seq != 4 || last[0].Trace() != traced.Trace {
		t.Errorf("last %v", last)
	}
}

// A memory with room for less than the disk keeps loads the newest and says so; the rest is read from the disk.
func TestRestartWithLittleRoom(t *testing.T) {
	dir := scratch(t)
	keep := eventlog.Options{Events: 100_000, Bytes: 64 << 20}
	l := open(t, dir, Options{Keep: keep})
	publish(t, l, ev("quiet", 1))
	for range 20 {
		var batch []eventlog.Event
		for range 1000 {
			batch = append(batch, big("a", 1000))
		}
		publish(t, l, batch...)
	}
	publish(t, l, ev("a", 2))
	head := l.Head()
	closeLog(t, l)
	keep.Budget = 2 << 20
	l = open(t, dir, Options{Keep: keep})
	if l.Head() != head {
		t.Fatalf("head %v, want %v", l.Head(), head)
	}
	if s := l.Stats(); s.Events < 1000 || s.Events > 2000 {
		t.Errorf("%d events loaded", s.Events)
	}
	if got := gaps(l, head.Seq-1, "a", "quiet"); len(got) != 0 {
		t.Errorf("gaps of %q", got)
	}
	seqs, gaps := readOlder(t, l, []string{"a", "quiet", "never"}, 0, eventlog.Limit{Bytes: 1 << 20})
	if uint64(len(seqs)) != head.Seq || len(gaps) > 0 {
		t.Errorf("%d events of %d, gaps of %q", len(seqs), head.Seq, gaps)
	}
	recs, err := l.LastOlder(context.Background(), []string{"a", "quiet", "never"})
	if err != nil || recs[0] != nil || recs[1] == nil || recs[1].Seq != 1 || recs[2] != nil {
		t.Errorf("the last events are %v, %v", recs, err)
	}
}

// What the memory dropped and the disk has is read as one log, from any position.
func TestOlder(t *testing.T) {
	l := open(t, scratch(t), Options{Keep: eventlog.Options{Budget: 4 << 10}})
	at := make(map[string][]uint64)
	many := []string{"a", "b", "c"}
	for i := range 200 {
		for _, c := range many[:1+i%3] {
			at[c] = append(at[c], publish(t, l, ev(c, i))[0].Seq)
		}
	}
	for i := range 200 {
		c := fmt.Sprint("more", i)
		many = append(many, c)
		at[c] = append(at[c], publish(t, l, ev(c, i))[0].Seq)
	}
	head := l.Head().Seq
	for _, c := range []string{"a", "b", "c", "more7", "never"} {
		wantBefore(t, l, c, at[c])
	}
	for _, set := range [][]string{{"a"}, {"a", "b"}, {"c", "a", "never", "b"}, many} {
		for after := uint64(0); after <= head; after += 1 + after/2 {
			var want []uint64
			for _, c := range set {
				for _, seq := range at[c] {
					if seq > after {
						want = append(want, seq)
					}
				}
			}
			slices.Sort(want)
			for _, limit := range []eventlog.Limit{{}, {Events: 40}, {Bytes: 9000}} {
				if got, gaps := readOlder(t, l, set, after, limit); !slices.Equal(got, want) || len(gaps) != 0 {
					t.Fatalf("%q after %d, %+v: %v and gaps %q, want %v", set, after, limit, got, gaps, want)
				}
			}
		}
	}
}

// Holes of the disk itself are announced: a purge, and a channel's dropped surplus.
func TestOlderGaps(t *testing.T) {
	dir := scratch(t)
	keep := eventlog.Options{Events: 5, Budget: 4 << 10}
	for _, again := range []bool{false, true} {
		l := open(t, dir, Options{still: true, Keep: keep})
		if !again {
			publish(t, l, ev("first", 0))
			for i := range 4 {
				publish(t, l, ev("purged", i))
			}
			if n, err := l.Purge(context.Background(), "purged"); err != nil || n != 4 {
				t.Fatalf("Purge: %d, %v", n, err)
			}
			if got := read(l, "purged"); len(got) != 0 {
				t.Fatalf("a purged channel has %q", got)
			}
			for i := range 4 {
				publish(t, l, ev("purged", i), ev("whole", i))
			}
			for i := range 90 {
				publish(t, l, ev("full", i))
			}
			check(t, l.trim())
		}
		for _, c := range []string{"first", "purged", "whole", "full", "never"} {
			kept, _ := readOlder(t, l, []string{c}, 0, eventlog.Limit{})
			wantBefore(t, l, c, kept)
		}
		seqs, gaps := readOlder(t, l, []string{"first", "purged", "whole", "full", "never"}, 0, eventlog.Limit{})
		if len(seqs) != 1+4+4+5 || !slices.Equal(gaps, []string{"full", "purged"}) {
			t.Errorf("%d events, gaps of %q", len(seqs), gaps)
		}
		for _, after := range []uint64{5, 6} { // the last one that was purged, and the purge
			if _, gaps := readOlder(t, l, []string{"purged", "whole"}, after, eventlog.Limit{}); len(gaps) != 0 {
				t.Errorf("gaps of %q behind the purge", gaps)
			}
		}
		if _, gaps := readOlder(t, l, []string{"purged"}, 4, eventlog.Limit{}); len(gaps) != 1 {
			t.Errorf("gaps of %q before the purge", gaps)
		}
		closeLog(t, l)
	}
}

// Numbers that were given are never given again: the store is set back in many ways.
func TestSetBack(t *testing.T) {
	mark := func(dir string) string { return filepath.Join(dir, markName) }
	for name, harm := range map[string]func(t *testing.T, dir string){
		"store removed": func(t *testing.T, dir string) { check(t, os.RemoveAll(filepath.Join(dir, storeName))) },
		"mark removed":  func(t *testing.T, dir string) { check(t, os.Remove(mark(dir))) },
		"mark copied": func(t *testing.T, dir string) { // as a backup is put back, all files with it
			text, err := os.ReadFile(mark(dir))
			check(t, err)
			check(t, os.WriteFile(mark(dir)+".copy", text, 0o600))
			check(t, os.Rename(mark(dir)+".copy", mark(dir)))
		},
		"mark damaged": func(t *testing.T, dir string) {
			text, err := os.ReadFile(mark(dir))
			check(t, err)
			text[3] ^= 1
			check(t, os.WriteFile(mark(dir), text, 0o600))
		},
		"mark ahead": func(t *testing.T, dir string) { // as after lost commits
			m, err := openMark(dir, identity)
			check(t, err)
			check(t, m.raise(4))
			check(t, m.file.Close())
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := scratch(t)
			l := open(t, dir, Options{})
			publish(t, l, ev("a", 1), ev("b", 2), ev("a", 3))
			head := l.Head()
			closeLog(t, l)
			harm(t, dir)
			l = open(t, dir, Options{})
			if l.Head().Epoch == head.Epoch {
				t.Errorf("the epoch is the same, head %v, before %v: %q", l.Head(), head, read(l, "a", "b"))
			}
			publish(t, l, ev("a", 4))
			now := l.Head()
			closeLog(t, l)
			l = open(t, dir, Options{})
			if l.Head() != now {
				t.Errorf("opened again: head %v, before %v", l.Head(), now)
			}
		})
	}
}

// A relaxed store whose machine stopped may have lost events that somebody has seen: it gets a new epoch. One that was
// closed, or whose process was killed, does not.
func TestRelaxedAndTheMachineStops(t *testing.T) {
	dir := scratch(t)
	boot := "one"
	opts := Options{Relaxed: true, boot: func() string { return boot }}
	l := open(t, dir, opts)
	publish(t, l, ev("a", 1))
	head := l.Head()
	closeLog(t, l)
	boot = "two"
	l = open(t, dir, opts)
	if l.Head() != head {
		t.Errorf("closed in order, then head %v, before %v", l.Head(), head)
	}
	closeLog(t, l)
	for _, again := range []string{"two", "three"} {
		m, err := openMark(dir, identity) // as a crash leaves it
		check(t, err)
		check(t, m.begin(head.Epoch, head.Seq, "two"))
		check(t, m.file.Close())
		boot = again
		l = open(t, dir, opts)
		if same := l.Head() == head; same != (again == "two") {
			t.Errorf("the boot is %q, then head %v, before %v", again, l.Head(), head)
		}
		closeLog(t, l)
	}
}

// One directory, one log.
func TestLocked(t *testing.T) {
	dir := scratch(t)
	open(t, dir, Options{})
	if l, err := Open(dir, Options{}); err == nil || !strings.Contains(err.Error(), "another process uses it") {
		t.Errorf("%v, %v", l, err)
	}
}

// A directory of JetStream's is refused, with what to do.
func TestOlderForm(t *testing.T) {
	dir := scratch(t)
	check(t, os.Mkdir(filepath.Join(dir, "jetstream"), 0o700))
	if _, err := Open(dir, Options{}); err == nil || !strings.Contains(err.Error(), "use another directory") {
		t.Error(err)
	}
}

// Room is given back: what is kept stays a few segments, however much comes; a quiet channel's event stays.
func TestRoomIsGivenBack(t *testing.T) {
	dir := scratch(t)
	l := open(t, dir, Options{still: true, Relaxed: true, Keep: eventlog.Options{Events: 100, Age: -1, Budget: 64 << 10}})
	for i := range 60 {
		publish(t, l, ev(fmt.Sprint("quiet", i), i))
		var batch []eventlog.Event
		for k := range 1000 {
			batch = append(batch, big(fmt.Sprint("busy", k%7), 500))
		}
		publish(t, l, batch...)
	}
	check(t, l.trim())
	check(t, l.seal())
	check(t, l.reclaim())
	check(t, l.reclaim()) // what is left of them goes together
	check(t, l.store.Flush())
	check(t, l.store.Compact(context.Background(), []byte{0}, []byte{255}, true))
	list := l.segs.all()
	var bytes uint64
	for _, s := range list {
		bytes += s.bytes
	}
	if bytes > 3<<20 || len(list) > 8 {
		t.Errorf("%d segments have %d bytes of 30 MB: %+v", len(list), bytes, list)
	}
	if size := l.Status().Bytes; size > 30<<20 {
		t.Errorf("the store has %d bytes", size)
	}
	want := func(l *Log) {
		t.Helper()
		var channels []string
		for i := range 60 {
			channels = append(channels, fmt.Sprint("quiet", i))
		}
		for i := range 7 {
			channels = append(channels, fmt.Sprint("busy", i))
		}
		if seqs, gaps := readOlder(t, l, channels, 0, eventlog.Limit{Bytes: 1 << 20}); len(seqs) != 60+700 || len(gaps) != 7 {
			t.Errorf("%d events, gaps of %q", len(seqs), gaps)
		}
		recs, err := l.LastOlder(context.Background(), channels[:60])
		if err != nil || slices.ContainsFunc(recs[:50], func(r *eventlog.Record) bool { return r == nil }) {
			t.Errorf("the last events are %v, %v", recs, err)
		}
	}
	want(l)
	closeLog(t, l)
	want(open(t, dir, Options{Keep: eventlog.Options{Events: 100, Age: -1, Budget: 64 << 10}}))
}

// Events that are too old go from the disk too, with all that is known of their channels.
func TestExpire(t *testing.T) {
	dir := scratch(t)
	l := open(t, dir, Options{still: true, Keep: eventlog.Options{Age: time.Hour}})
	publish(t, l, ev("a", 1), ev("b", 2))
	check(t, l.seal())
	publish(t, l, ev("a", 3))
	head := l.Head()
	for range 2 { // sealing, then dropping
		l.segs.mu.Lock()
		for i := range l.segs.list {
			l.segs.list[i].newest = 1
		}
		l.segs.mu.Unlock()
		check(t, l.reclaim())
	}
	for _, prefix := range []byte{kindBlock, kindEntry} {
		it, err := l.store.NewIter(nil)
		check(t, err)
		if it.SeekGE([]byte{prefix}) && it.Key()[0] == prefix {
			t.Errorf("the store still has %q", it.Key())
		}
		check(t, it.Close())
	}
	closeLog(t, l)
	l = open(t, dir, Options{})
	if l.Head() != head {
		t.Errorf("head %v, before %v", l.Head(), head)
	}
	if got := gaps(l, 1, "a", "b"); len(got) != 2 {
		t.Errorf("gaps of %q", got)
	}
	publish(t, l, ev("a", 4))
	if seqs, gaps := readOlder(t, l, []string{"a", "b"}, 2, eventlog.Limit{}); len(seqs) != 1 || seqs[0] != 4 || len(gaps) == 0 {
		t.Errorf("%v, gaps of %q", seqs, gaps)
	}
	if seqs, gaps := readOlder(t, l, []string{"a", "b"}, head.Seq, eventlog.Limit{}); len(seqs) != 1 || len(gaps) != 0 {
		t.Errorf("%v, gaps of %q", seqs, gaps)
	}
}

// An append that is cancelled before the writer has taken it has stored nothing.
func TestGiveUp(t *testing.T) {
	l := open(t, scratch(t), Options{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := l.Append(ctx, []eventlog.Event{ev("a", 1)}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	publish(t, l, ev("a", 2))
	if got := read(l, "a"); len(got) != 1 {
		t.Errorf("%q", got)
	}
}
