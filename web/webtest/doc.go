// Package webtest tests Rollcall the way its clients see it: over a real loopback
// listener, with an SSE reader of its own.
//
// A test reads as the story that it tells:
//
//	srv := webtest.Start(t, web.Options{})
//	ada := srv.Subscribe("channels=news&clientId=ada")
//	ada.WantRegistered()
//	ada.WantLast("news", `{}`)
//	srv.Publish("news", `"hello"`)
//	ada.WantEvent("news", "message", `"hello"`)
//	ada.Cut()
//
// A [Server] is a running server with verbs for requests. A [Stream] is one open
// event stream, a [Roster] one of the presence stream that keeps count of who is
// there, a [Wire] a bare connection for bytes that no client would send.
//
// # What is checked without being asked
//
// Every event that a Stream reads must have a well-formed id, which never goes
// back and moves on with every published event; a type, the same in the event and
// in its data; and one line of JSON data. A Roster checks that a snapshot and what
// follows it add up: nobody joins twice, nobody leaves who was not there, and each
// count is the number of members it has itself.
//
// # Independence
//
// [Parser] is written from the standard (WHATWG HTML, section 9.2.6) and shares
// nothing with the server.
//
// # Waiting
//
// A Want method reads on until it knows. Nothing here sleeps or measures time;
// [Patience] only turns a hang into a failure. To show that an event does not
// come, publish another one behind it and want that one next.
package webtest
