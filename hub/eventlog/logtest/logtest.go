package logtest

import (
	"testing"
	"testing/synctest"

	"rollcall/hub/eventlog"
)

// Open makes a new, empty log with the given options. The suite closes it; open
// may register further checks with t.Cleanup, which run after that.
type Open = func(t testing.TB, opts eventlog.Options) eventlog.Log

type test struct {
	name string
	run  func(t *testing.T, open Open)
}

// Run tests the log that open makes.
func Run(t *testing.T, open func(t testing.TB, opts eventlog.Options) eventlog.Log) {
	for _, c := range []test{
		{"Append/Order", testAppendOrder},
		{"Append/Empty", testAppendEmpty},
		{"Append/Contiguous", testAppendContiguous},
		{"Append/AllOrNone", testAppendAllOrNone},
		{"Append/Record", testAppendRecord},
		{"Key/Repeated", testKeyRepeated},
		{"Key/OneBatch", testKeyOneBatch},
		{"Key/Concurrent", testKeyConcurrent},
		{"End", testEnd},
		{"End/OneBatch", testEndOneBatch},
		{"Last/Text", testLastText},
		{"Pattern", testPattern},
		{"Cursor/EveryPosition", testCursorEveryPosition},
		{"Cursor/Limits", testCursorLimits},
		{"Cursor/Idle", testCursorIdle},
		{"Cursor/Pending", testCursorPending},
		{"Gap/EveryPosition", testGapEveryPosition},
		{"Gap/Once", testGapOnce},
		{"Gap/Emptied", testGapEmptied},
		{"Gap/NothingLost", testGapNothingLost},
		{"Keep/Events", testKeepEvents},
		{"Keep/Bytes", testKeepBytes},
		{"Keep/Budget", testKeepBudget},
		{"Last/Order", testLastOrder},
		{"Last/Instant", testLastInstant},
		{"Tail/FromHead", testTailFromHead},
		{"Tail/Wake", testTailWake},
		{"Tail/AnyTime", testTailAnyTime},
		{"Tail/HandOver", testTailHandOver},
		{"Tail/Eviction", testTailEviction},
		{"Await", testAwait},
		{"Busy/Error", testBusyError},
		{"Busy/Context", testBusyContext},
		{"Busy/Relief", testBusyRelief},
		{"Close", testClose},
		{"Concurrent", testConcurrent},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, open) })
	}
}

// RunInBubble tests a log's behaviour over time. Each log runs in a bubble of testing/synctest: it must not use the
// network, and Close must end all its goroutines.
func RunInBubble(t *testing.T, open func(t testing.TB, opts eventlog.Options) eventlog.Log) {
	for _, c := range []test{
		{"Keep/Age", testKeepAge},
		{"Keep/Ageless", testKeepAgeless},
		{"Key/Window", testKeyWindow},
		{"Key/Windows", testKeyWindows},
		{"Busy/MaxWait", testBusyMaxWait},
		{"Busy/Blocked", testBusyBlocked},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { c.run(t, open) })
		})
	}
}
