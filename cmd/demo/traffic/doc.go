// Package traffic plays people who use a Rollcall server, over real sockets.
//
// A [Crowd] is a cast of people and a handful of publishers. People visit, open a
// tab or several, reload, lose their connection, read slowly, leave and come
// again; publishers post orders, prices, chat and the rest, in waves over minutes.
// It is made for looking at: names, addresses, User-Agents and payloads are such
// as a real server sees, awkward ones among them.
//
// # The cast
//
// Everybody follows from [Options].Seed and a number: the same seed has the same
// people with the same habits. What happens when depends on the machine as well.
// The first twenty have one of each kind, so that a small crowd shows everything:
// six connections of one browser, a phone on a train, a slow reader, HTTP/1.0,
// HTTP/2, no clientId, machines.
//
// # What a tab does
//
// A tab is an EventSource: it keeps to the server's retry, sends its Last-Event-ID
// after a drop, and after a 204 or an error stays away until its person comes
// again. A reload asks for the position in the query instead, as a page does that
// remembers it.
//
// Each connection is one goroutine. On Linux everybody has an address of their own
// in 127.0.0.0/8, elsewhere they share one.
package traffic
