package eventlog_test

import (
	"testing"

	"rollcall/hub/eventlog"
	"rollcall/hub/eventlog/logtest"
)

func TestConformance(t *testing.T) { logtest.Run(t, openMemory) }

func TestConformanceInBubble(t *testing.T) { logtest.RunInBubble(t, openMemory) }

// openMemory opens a memory log whose invariants are checked at the test's end.
func openMemory(t testing.TB, opts eventlog.Options) eventlog.Log {
	m := eventlog.NewMemory(opts)
	t.Cleanup(func() { eventlog.Check(t, m) })
	return m
}
