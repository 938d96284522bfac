package disklog

import (
	"path/filepath"
	"runtime"
	"testing"

	"rollcall/hub/eventlog"
)

// heapAfter returns by how much the live heap grows while f runs.
func heapAfter(f func()) (bytes int64) {
	live := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := live()
	f()
	return live() - before
}

// Deleted ranges that overlap cost the database memory and time with the square of their number until it flushes
// them, which takes days on a quiet server. So each begins where the last one ended.
func TestDeletedRangesDoNotOverlap(t *testing.T) {
	const rounds = 1000
	const most = 4 << 20 // overlapping ones take 28 MiB
	t.Run("the outbox", func(t *testing.T) {
		o, err := OpenOutbox(filepath.Join(t.TempDir(), "outbox"), true, nil)
		check(t, err)
		defer o.Close()
		grown := heapAfter(func() {
			for i := range uint64(rounds) {
				check(t, o.Append(t.Context(), i, []byte("entry")))
				check(t, o.Trim(t.Context(), i+1))
			}
			_, err := o.Read(t.Context(), rounds, 1)
			check(t, err)
		})
		if grown > most {
			t.Errorf("%d trims take %d bytes", rounds, grown)
		}
	})
	t.Run("a channel", func(t *testing.T) {
		l := open(t, t.TempDir(), Options{Relaxed: true, Keep: eventlog.Options{Events: 2}, still: true})
		grown := heapAfter(func() {
			for i := range rounds {
				_, err := l.Append(t.Context(), []eventlog.Event{ev("a", i)})
				check(t, err)
				l.trims.add("a")
				check(t, l.trim())
			}
			it, err := l.entries("a")
			check(t, err)
			check(t, it.Close())
		})
		if grown > most {
			t.Errorf("%d trims take %d bytes", rounds, grown)
		}
	})
}
