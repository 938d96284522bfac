package disklog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"rollcall/hub/eventlog"
)

// A backup that is made while events are written has all that were stored before, and of the others the first ones, in whole
// batches. A log on it gets a new epoch.
func TestBackup(t *testing.T) {
	for _, relaxed := range []bool{false, true} {
		t.Run(fmt.Sprint("relaxed=", relaxed), func(t *testing.T) {
			dir := scratch(t)
			keep := eventlog.Options{Events: 1 << 20, Bytes: 1 << 30, Age: -1}
			l := open(t, dir, Options{Relaxed: relaxed, Keep: keep})
			box, err := OpenOutbox(filepath.Join(dir, OutboxName), relaxed, nil)
			check(t, err)
			check(t, box.Append(context.Background(), 0, []byte("told")))
			over := make(chan struct{})
			var stored atomic.Uint64 // acknowledged through here, of one publisher
			var publishers sync.WaitGroup
			for p := range 4 {
				publishers.Go(func() {
					for n := 0; ; n++ {
						select {
						case <-over:
							return
						default:
						}
						batch := make([]eventlog.Event, 1+rand.IntN(9))
						for i := range batch {
							batch[i] = big(fmt.Sprint("c.", (p+i)%50), 20+rand.IntN(1000))
							batch[i].Type = fmt.Sprintf("%d of %d", i+1, len(batch))
						}
						results := publish(t, l, batch...)
						if last := results[len(results)-1].Seq; p == 0 {
							stored.Store(last)
						}
					}
				})
			}
			for range 3 {
				for before := stored.Load(); stored.Load() < before+100; {
					publish(t, l, ev("d", 0))
				}
				before := stored.Load()
				files, release, err := l.Backup(context.Background(), box)
				check(t, err)
				if _, _, err := l.Backup(context.Background(), nil); !errors.Is(err, eventlog.ErrBusy) {
					t.Errorf("a second backup at the same time: %v", err)
				}
				copied := scratch(t)
				check(t, os.CopyFS(copied, files))
				release()
				if _, err := os.Stat(filepath.Join(dir, backupName)); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("the files of the backup are still there: %v", err)
				}
				checkBackup(t, copied, keep, l.Head().Epoch, before)
			}
			close(over)
			publishers.Wait()
			closeLog(t, l)
			if _, _, err := l.Backup(context.Background(), nil); !errors.Is(err, eventlog.ErrClosed) {
				t.Errorf("a backup of a closed log: %v", err)
			}
			check(t, box.Close())
		})
	}
}

// checkBackup opens a log on a copy.
func checkBackup(t *testing.T, dir string, keep eventlog.Options, epoch string, before uint64) {
	t.Helper()
	l := open(t, dir, Options{Keep: keep})
	defer closeLog(t, l)
	head := l.Head()
	if head.Epoch == epoch || head.Seq < before {
		t.Errorf("the copy is at %v, the log was at %s-%d before", head, epoch, before)
	}
	channels := []string{"d"}
	for i := range 50 {
		channels = append(channels, fmt.Sprint("c.", i))
	}
	b := l.Next(&eventlog.Cursor{Channels: channels}, eventlog.Limit{Events: 1 << 30, Bytes: 1 << 30}, nil)
	next := uint64(1)
	place, of := 0, 0
	for _, r := range b.Records {
		if r.Seq != next {
			t.Fatalf("event %d follows event %d", r.Seq, next-1)
		}
		next++
		if r.Channel() == "d" {
			if place != of {
				t.Fatalf("event %d is in the midst of a batch", r.Seq)
			}
			continue
		}
		var n, m int
		if _, err := fmt.Sscanf(r.Type(), "%d of %d", &n, &m); err != nil || n != place%max(of, 1)+1 || n > 1 && m != of {
			t.Fatalf("event %d is %q behind %d of %d", r.Seq, r.Type(), place, of)
		}
		place, of = n, m
	}
	if place != of || len(b.Gaps) > 0 || next != head.Seq+1 {
		t.Errorf("the copy ends at %d with %d of %d, the head is %v; gaps %v", next-1, place, of, head, b.Gaps)
	}
	publish(t, l, ev("d", 1))
	box, err := OpenOutbox(filepath.Join(dir, OutboxName), false, nil)
	check(t, err)
	if got, err := box.Read(context.Background(), 0, 10); err != nil || len(got) != 1 {
		t.Errorf("the outbox of the copy has %v, %v", got, err)
	}
	check(t, box.Close())
}

// What an interrupted backup leaves is removed at the next start.
func TestBackupInterrupted(t *testing.T) {
	dir := scratch(t)
	l := open(t, dir, Options{})
	publish(t, l, ev("a", 1))
	_, _, err := l.Backup(context.Background(), nil)
	check(t, err)
	closeLog(t, l)
	open(t, dir, Options{})
	if _, err := os.Stat(filepath.Join(dir, backupName)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the files of the backup are still there: %v", err)
	}
}
