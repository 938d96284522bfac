// Package logtest is the conformance suite of [eventlog.Log]: what every engine
// must do, whatever it is made of.
//
// An engine's own test calls [Run]; if the engine takes all its time from the
// process it also calls [RunInBubble], which tests ages, windows and waits with
// the fake clock of testing/synctest:
//
//	func TestConformance(t *testing.T) {
//		open := func(t testing.TB, opts eventlog.Options) eventlog.Log { … }
//		logtest.Run(t, open)
//		logtest.RunInBubble(t, open)
//	}
//
// The suite knows a log only by its interface. It asks nothing of sequence
// numbers but that they rise, measures records by the bytes of their frames, and
// never sleeps in real time.
package logtest
