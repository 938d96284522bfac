// Package bench loads a Server-Sent Events server and measures the cost of its deliveries.
//
// It opens N streams over M channels, publishes numbered and dated events by POST, and reports how
// many deliveries arrived, which did not, and how late they were. Given the server's process ids, it
// also reports the CPU time per delivery and per accepted stream, and the memory of an idle stream.
// Only the default templates are particular to Rollcall: any server that streams text/event-stream on
// a GET and publishes on a POST can be measured.
//
// # What is counted
//
// Every payload starts with a marker: the run, the channel, the event's number on that channel, and
// the time at which it was sent. Numbers on a channel are 1, 2, 3, …, so a stream expects a definite
// next number on each of its channels. A delivery is
//
//   - delivered: the number comes for the first time;
//   - lost: the number never came, though later ones did or the run ended;
//   - repeated: the number had come before;
//   - out of order: the number came after a later one of the same channel;
//   - foreign: the channel is not one of the stream's.
//
// Chunked transfer coding is decoded, and an event counts when the blank line at its end has arrived,
// so a marker that is split over reads, chunks or packets is still counted exactly once. Markers of
// another run (an old event replayed from history) are ignored.
//
// # What is timed
//
// The latency of a delivery is the time at which the stream's bytes were read minus the time in the
// marker, which is taken just before the POST is written. Both come from one clock in this process.
// CPU is the time of all threads of the named processes and their children, as counted by the
// scheduler; memory is the proportional set size (PSS) of the same processes. Both need Linux's /proc;
// elsewhere only deliveries and latencies are reported.
//
// # What it costs
//
// On Linux each reader is one goroutine on one epoll instance with one read buffer; a stream is a
// socket and about 200 bytes, and a delivery is one read without any allocation. Elsewhere, and for
// https, a stream is a goroutine and a buffer. The report includes the tool's own CPU time, because on
// a small machine it competes with the measured server.
package bench
