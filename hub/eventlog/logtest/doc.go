// Package logtest is the conformance suite of [eventlog.Log]. Every engine passes it.
//
// An engine's own test calls [Run]. An engine that takes all its time from the process also calls
// [RunInBubble], which tests ages, windows and waits with the fake clock of testing/synctest:
//
//	func TestConformance(t *testing.T) {
//		open := func(t testing.TB, opts eventlog.Options) eventlog.Log { … }
//		logtest.Run(t, open)
//		logtest.RunInBubble(t, open)
//	}
//
// The suite uses only the interface. It requires rising sequence numbers and no particular ones,
// measures records by the bytes of their frames, and never sleeps in real time.
package logtest
