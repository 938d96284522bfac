package disklog

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"rollcall/hub/eventlog"
)

// flip changes a bit of the file.
func flip(t *testing.T, name string, part float64) {
	t.Helper()
	text, err := os.ReadFile(name)
	check(t, err)
	text[int(part*float64(len(text)))] ^= 0x10
	check(t, os.WriteFile(name, text, 0o600))
}

// unknown is an identity that a copy of a file has too.
func unknown(*os.File) string { return "" }

// A bit of any sorted file is flipped, anywhere. The log does not open; or it delivers only unchanged events, and
// announces missing ones as a gap, to every kind of reader.
func TestDamagedFiles(t *testing.T) {
	origin := scratch(t)
	keep := eventlog.Options{Events: 100_000, Bytes: 64 << 20}
	l := open(t, origin, Options{Keep: keep, Relaxed: true, identity: unknown})
	channels := []string{"a", "b", "c"}
	what := make(map[uint64]string)
	for i := range 20 {
		var batch []eventlog.Event
		for k := range 100 {
			e := ev(channels[(i+k)%3], 0)
			e.Payload = fmt.Appendf(nil, `"%d %d %s"`, i, k, strings.Repeat("x", 100+k*7%300))
			batch = append(batch, e)
		}
		for k, r := range publish(t, l, batch...) {
			what[r.Seq] = string(batch[k].Channel + " " + string(batch[k].Payload))
		}
		if i%10 == 9 {
			check(t, l.store.Flush())
		}
	}
	check(t, l.store.Compact(t.Context(), []byte{0}, []byte{255}, true))
	epoch := l.Head().Epoch
	closeLog(t, l)
	files, err := filepath.Glob(filepath.Join(origin, storeName, "*.sst"))
	if err != nil || len(files) == 0 {
		t.Fatalf("the files are %q, %v", files, err)
	}
	refused, whole, holed, anew := 0, 0, 0, 0
	for _, file := range files {
		for part := 0.01; part < 1; part += 0.14 {
			dir := scratch(t)
			check(t, os.CopyFS(dir, os.DirFS(origin)))
			flip(t, filepath.Join(dir, storeName, filepath.Base(file)), part)
			for _, budget := range []int64{0, 64 << 10} {
				keep.Budget = budget
				l, err := Open(dir, Options{Keep: keep, still: true, identity: unknown})
				if err != nil {
					refused++
					continue
				}
				recs, gaps := records(t, l, channels, 0, eventlog.Limit{Bytes: 100_000})
				for _, r := range recs {
					if r.Channel()+" "+string(r.Payload()) != what[r.Seq] {
						t.Errorf("at %.2f: event %d is %s %s, and was %s", part, r.Seq, r.Channel(), r.Payload(), what[r.Seq])
					}
				}
				switch {
				case len(recs) == len(what):
					whole++
				case l.Head().Epoch != epoch: // which all clients see
					anew++
				case len(gaps) == 0:
					t.Errorf("%s at %.2f: %d events of %d, and no gap", filepath.Base(file), part, len(recs), len(what))
				default:
					holed++
				}
				closeLog(t, l)
			}
		}
	}
	t.Logf("%d files: refused %d times, whole %d times, with gaps %d times, in a new epoch %d times", len(files), refused, whole, holed, anew)
}

// A failing disk is reported at once and for good; the events in memory stay readable, and opening again continues.
func TestDiskFails(t *testing.T) {
	dir := scratch(t)
	l, err := Open(dir, Options{identity: unknown})
	check(t, err)
	publish(t, l, ev("a", 1))
	l.store.fail(syscall.EIO.Error())
	for range 10 {
		if _, err := l.Append(t.Context(), []eventlog.Event{ev("a", 2)}); !errors.Is(err, eventlog.ErrUnavailable) {
			t.Fatalf("Append: %v", err)
		}
	}
	if s := l.Status(); !strings.Contains(s.Reason, "could not be written") {
		t.Errorf("%+v", s)
	}
	if got := read(l, "a"); len(got) != 1 {
		t.Errorf("%q", got)
	}
	head := l.Head()
	l.store.failed.Store(nil) // a failed one leaves all to the end of the process
	closeLog(t, l)
	l = open(t, dir, Options{identity: unknown})
	if l.Head() != head {
		t.Errorf("head %v, before %v", l.Head(), head)
	}
	publish(t, l, ev("a", 3))
}
