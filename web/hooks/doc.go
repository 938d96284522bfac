// Package hooks tells other systems, over HTTP, who comes and goes: webhooks.
//
// # From the registry to an endpoint
//
//	registry ── edges ──► teller ── batches ──► outbox ──► sender, one for each endpoint ──► POST
//
// The teller has a table of what was told: which clients are online, and on which channels. A change of the registry is
// an event only where it differs from the table. Events are gathered for 100 ms, 100 at most, into a batch, which is one
// entry of the outbox and keeps its id for good.
//
// A sender sends the batches to its endpoint one after the other, each with the events that the endpoint wants. A batch that is
// not taken is sent again, with growing pauses, until it is ten minutes old; then it is a dead letter. So every endpoint gets
// all its events in order, at least once, and a slow one delays nobody else.
//
// # Several servers
//
// Every server of a cluster sees the same changes. Any of them may append what is not told yet: an entry is appended only
// behind the last one that its writer has read, so two servers never tell the same. The first of the roster does it at once,
// the others some seconds later, which they need to do only where the first one has died. An endpoint's cursor belongs to one
// server as long as that one renews it.
//
// # After a restart
//
// Where the outbox outlives the process, so do the table, in parts that are written from time to time, and the cursors. A
// restarted server waits for clients to come back, then tells that the others have gone. Where it doesn't, a new process
// tells everybody who connects as online.
//
// # Ownership
//
// One goroutine has the table, and one for each endpoint its cursor. Edges and Ended never block. No mutex is held while
// something is stored or sent.
package hooks
