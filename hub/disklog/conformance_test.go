package disklog

import (
	"os"
	"testing"

	"rollcall/hub/eventlog"
	"rollcall/hub/eventlog/logtest"
)

// scratch makes a directory, in memory if available, for tests that are not about the disk.
func scratch(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "disklog")
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

func fresh(t testing.TB, keep eventlog.Options) eventlog.Log {
	l, err := Open(scratch(t), Options{Keep: keep})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestConformance(t *testing.T) { logtest.Run(t, fresh) }

func TestConformanceInBubble(t *testing.T) { logtest.RunInBubble(t, fresh) }
