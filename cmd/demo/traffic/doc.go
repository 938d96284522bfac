// Package traffic simulates the users of a Rollcall server, over real sockets.
//
// A [Crowd] is a cast of people and a handful of publishers. People visit, open one or more tabs,
// reload, lose their connection, read slowly, leave and return; publishers post orders, prices, chat
// and the rest, in waves over minutes. Names, addresses, User-Agents and payloads look like those of a
// real server, awkward ones included.
//
// # The cast
//
// [Options].Seed and a number determine each person: the same seed gives the same people with the same
// habits. The timing also depends on the machine. The first twenty people include one of each kind, so
// that a small crowd shows everything: six connections of one browser, a phone on a train, a slow
// reader, HTTP/1.0, HTTP/2, no clientId, machines.
//
// # What a tab does
//
// A tab is an EventSource: it waits for the server's retry, sends its Last-Event-ID after a drop, and
// after a 204 or an error does not reconnect until its person visits again. A reload passes the
// position in the query, like a page that stores it.
//
// Each connection is one goroutine. On Linux each person has an address in 127.0.0.0/8; elsewhere all
// share one.
package traffic
