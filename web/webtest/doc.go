// Package webtest tests Rollcall from the outside: over a real loopback listener, with its own SSE
// reader.
//
// A test reads like the scenario that it checks:
//
//	srv := webtest.Start(t, web.Options{})
//	ada := srv.Subscribe("channels=news&clientId=ada")
//	ada.WantRegistered()
//	ada.WantLast("news", `{}`)
//	srv.Publish("news", `"hello"`)
//	ada.WantEvent("news", "message", `"hello"`)
//	ada.Cut()
//
// A [Server] is a running server with methods for requests. A [Stream] is one open event stream, a
// [Roster] an open presence stream that maintains the list of members, and a [Wire] a bare connection
// for malformed requests.
//
// # What is always checked
//
// Every event that a Stream reads must have a well-formed id, which never goes back and rises with
// every published event; a type, the same in the event and in its data; and one line of JSON data. A
// Roster checks that snapshots and changes add up: no member joins twice, no absent member leaves, and
// each count is the number of members.
//
// # Independence
//
// [Parser] is written from the standard (WHATWG HTML, section 9.2.6) and shares no code with the
// server.
//
// # Waiting
//
// A Want method reads until it can decide. Nothing here sleeps or measures time; [Patience] only turns
// a hang into a failure. To show that an event does not come, publish another one after it and expect
// that one next.
package webtest
