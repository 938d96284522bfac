package node

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/hub/eventlog"
)

// A ring has one reading for each step, the newest ones, oldest first. What is missing is unknown; a clock that is set back
// takes away what is later.
func TestRing(t *testing.T) {
	begun := time.Unix(600_000, 0).UTC()
	rapid.Check(t, func(rt *rapid.T) {
		r := ring{step: time.Second, most: rapid.IntRange(1, 9).Draw(rt, "size")}
		at := begun
		values := make(map[time.Time]float32) // as they were read, or bridged
		for i := range rapid.IntRange(0, 40).Draw(rt, "n") {
			steps := rapid.SampledFrom([]int{1, 1, 1, 1, 2, 3, 7, 12, 0, -2}).Draw(rt, "steps")
			if steps == 2 && len(r.list) > 0 {
				values[at.Add(time.Second)] = float32(i)
			}
			at = at.Add(time.Duration(steps) * time.Second)
			for later := range values {
				if later.After(at) {
					delete(values, later)
				}
			}
			values[at] = float32(i)
			r.add(Reading{At: at, Clients: float32(i), Slow: uint64(i)})
			if len(r.list) > r.most || len(r.list) == 0 || !r.list[len(r.list)-1].At.Equal(at) {
				rt.Fatalf("%d readings of %d, up to %v, after one of %v", len(r.list), r.most, r.list, at)
			}
			for i := range r.list {
				x := &r.list[i]
				if i > 0 && x.At.Sub(r.list[i-1].At) != time.Second {
					rt.Fatalf("%v follows %v", x.At, r.list[i-1].At)
				}
				want, known := values[x.At]
				if !known {
					want = -1
				}
				if x.Clients != want {
					rt.Fatalf("%v: %v, want %v", x.At, x.Clients, want)
				}
			}
		}
		list := r.until(at.Add(5 * time.Second))
		if n := len(list); n > r.most || n > 0 && (!list[n-1].At.Equal(at.Add(5*time.Second)) || list[n-1].Clients != -1) {
			rt.Fatalf("until: %v", list)
		}
		if n := len(r.list); n > 0 && !r.list[n-1].At.Equal(at) {
			rt.Fatal("what until returns is the ring's own")
		}
	})
}

// The readings by the minute and by ten minutes, and the marks, are there after a restart, with the time of the stop unknown.
func TestReadingsAreKeptOverARestart(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "readings")
	n := New(Options{Log: slog.New(slog.DiscardHandler), Readings: file})
	last := time.Now().Add(-30 * time.Minute).Truncate(time.Minute)
	for i := range 3 {
		at := last.Add(time.Duration(i-2) * time.Minute)
		n.Meter.add(Minutes, Reading{At: at, Clients: float32(7 + i), LagMax: 0.5, Busiest: []eventlog.Busy{{Channel: "news", Rate: 2}}})
	}
	n.Meter.add(Tens, Reading{At: last.Truncate(10 * time.Minute), Clients: 5})
	n.Meter.Marks.Note(Mark{Action: "server.drain", User: "ann"})
	n.EndStreams()
	n.Close()

	again := New(Options{Log: slog.New(slog.DiscardHandler), Readings: file})
	again.Meter.Marks.Note(Mark{Action: "server.start"})
	again.EndStreams() // waits until the file has been read, and stored once more
	again.Close()
	list := again.Meter.History(Minutes)
	if len(list) < 30 || list[2].Clients != 9 || !list[2].At.Equal(last) || list[2].LagMax != 0.5 || list[2].Busiest[0].Channel != "news" {
		t.Fatalf("by the minute: %d, %+v", len(list), list[:min(4, len(list))])
	}
	if list[5].Clients != -1 || list[5].LagP99 != -1 {
		t.Errorf("while it was down: %+v", list[5])
	}
	if tens := again.Meter.History(Tens); len(tens) == 0 || tens[0].Clients != 5 {
		t.Errorf("by ten minutes: %+v", tens)
	}
	marks := again.Meter.Marks.Between(last, time.Now())
	if len(marks) != 2 || marks[0].User != "ann" || marks[1].Action != "server.start" {
		t.Errorf("marks: %+v", marks)
	}
}

// A file of readings that cannot be used is told of in the log and replaced; the server starts in any case.
func TestUnusableReadingsAreReplaced(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	whole := filepath.Join(dir, "whole")
	if err := readingsFile(whole).Store(storedReadings{Minutes: []Reading{{At: time.Now(), Clients: 3}}}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(text)
	flipped[len(flipped)-9] ^= 4
	for name, c := range map[string]struct {
		text []byte
		said string
	}{
		"flipped":      {flipped, "checksum"},
		"cut":          {text[:len(text)-5], "checksum"},
		"nothing":      {nil, "version"},
		"other format": {[]byte("rollcall readings 2\nabcdefgh"), "version"},
		"no gob":       {[]byte("rollcall readings 1\n\x00\x00\x00\x00"), "decoded"},
	} {
		file := filepath.Join(dir, "file")
		if err := os.WriteFile(file, c.text, 0o600); err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		n := New(Options{Log: slog.New(slog.NewTextHandler(&log, nil)), Readings: file})
		n.EndStreams()
		n.Close()
		if !strings.Contains(log.String(), "the charts begin anew") || !strings.Contains(log.String(), c.said) {
			t.Errorf("%s: logged %q", name, log.String())
		}
		if list := n.Meter.History(Minutes); len(list) > 1 {
			t.Errorf("%s: %+v", name, list)
		}
		if _, err := readingsFile(file).Load(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A week of readings and marks with long names are far from the size that a file may have.
func TestReadingsAreSmall(t *testing.T) {
	t.Parallel()
	name := strings.Repeat("n", 200)
	var s storedReadings
	busiest := make([]eventlog.Busy, mostBusiest)
	for i := range busiest {
		busiest[i] = eventlog.Busy{Channel: name, Rate: 1.5}
	}
	for range Minutes.Kept() {
		s.Minutes = append(s.Minutes, Reading{At: time.Now(), Clients: 20_000, Published: 1.234, Busiest: busiest})
	}
	for range Tens.Kept() {
		s.Tens = append(s.Tens, s.Minutes[0])
	}
	for range mostMarks {
		s.Marks = append(s.Marks, Mark{At: time.Now(), Server: name, User: name, Action: name, Target: name + name + name, Detail: name + name + name})
	}
	file := filepath.Join(t.TempDir(), "readings")
	if err := readingsFile(file).Store(s); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > mostReadings*2/3 || info.Mode().Perm() != 0o600 {
		t.Errorf("%d bytes with mode %v", info.Size(), info.Mode())
	}
	if got, err := readingsFile(file).Load(); err != nil || len(got.Tens) != Tens.Kept() || got.Tens[0].Busiest[4].Channel != name {
		t.Errorf("read: %v", err)
	}
}

// The finest pace that reaches back to a time.
func TestPaceSince(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for age, want := range map[time.Duration]Pace{0: Seconds, 15 * time.Minute: Seconds, 16 * time.Minute: Minutes, 24 * time.Hour: Minutes, 25 * time.Hour: Tens, 900 * time.Hour: Tens} {
		if got := PaceSince(now.Add(-age), now); got != want {
			t.Errorf("%v: %v, want %v", age, got, want)
		}
	}
}
