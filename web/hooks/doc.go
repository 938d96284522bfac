// Package hooks sends webhooks: it reports to other systems, over HTTP, which clients join and leave.
//
// # From the registry to an endpoint
//
//	registry ── edges ──► teller ── batches ──► outbox ──► sender, one for each endpoint ──► POST
//
// The teller has a table of everything reported so far: which clients are online, and on which
// channels. A change of the registry is an event only if it differs from the table. Events are
// collected for 100 ms, up to 100 of them, into a batch, which is one entry of the outbox with a
// permanent id.
//
// A sender sends the batches to its endpoint in order, each with the events that the endpoint
// subscribes to. A failed batch is retried, with growing pauses, until it is ten minutes old; then it
// becomes a dead letter. Every endpoint thus receives all its events in order, at least once, and a
// slow endpoint delays no other.
//
// # Several servers
//
// All servers of a cluster see the same changes, and each may append unreported ones: an entry is
// appended only directly after the last one that its writer has read, so two servers never report the
// same change. The first server of the roster appends at once; the others append some seconds later,
// and only if the first has failed. An endpoint's cursor belongs to one server as long as that server
// renews it.
//
// # After a restart
//
// If the outbox outlives the process, so do the cursors and the table, which is written in parts from
// time to time. A restarted server waits for clients to return and then reports the missing ones as
// gone. Otherwise, a new process reports every client that connects as online.
//
// # Ownership
//
// One goroutine owns the table, and one per endpoint owns its cursor. Edges and Ended never block. No
// mutex is held while something is stored or sent.
package hooks
