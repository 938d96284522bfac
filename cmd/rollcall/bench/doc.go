// Package bench loads a Server-Sent Events server and says what its deliveries cost.
//
// It opens N streams over M channels, publishes numbered and dated events by POST, and reports
// how many deliveries arrived (and which did not), how late they were, and, when it is told the
// server's process ids, how much CPU a delivery and an accepted stream cost and how much memory
// an idle stream holds. Nothing in it is particular to Rollcall but the default templates: any
// server that streams text/event-stream on a GET and takes a POST to publish can be measured.
//
// # What is counted
//
// Every payload starts with a marker: the run, the channel, the event's number on that channel,
// and the time at which it was sent. Numbers on a channel are 1, 2, 3, …; so a stream knows for
// each of its channels which number must come next, and a delivery is one of
//
//   - delivered: the number comes for the first time;
//   - lost: the number never came, though later ones did or the run ended;
//   - repeated: the number had come before;
//   - out of order: the number came after a later one of the same channel;
//   - foreign: the channel is not one of the stream's.
//
// Chunked transfer coding is undone and an event counts when the blank line that ends it has
// arrived, so a marker that is split over reads, chunks or packets is still seen exactly once.
// Markers of another run (an old event replayed from history) are ignored.
//
// # What is timed
//
// The latency of a delivery is the time at which the stream's bytes were read minus the time in
// the marker, which is taken just before the POST is written. Both come from one clock in this
// process. CPU is the time all threads of the named processes and their children ran, as
// the scheduler counts it; memory is the proportional set size (PSS) of the same processes.
// Both need Linux's /proc; elsewhere only deliveries and latencies are reported.
//
// # What it costs
//
// On Linux each reader is one goroutine on one epoll instance with one read buffer; a stream is
// a socket and about 200 bytes, a delivery is one read without any allocation. Elsewhere,
// and for https, a stream is a goroutine and a buffer. The tool's own CPU is part of the report,
// because on a small machine it competes with the server that it measures.
package bench
