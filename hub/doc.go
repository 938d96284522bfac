// Package hub delivers a log's events to streams.
//
// A [Hub] has a few shards, about one for each core. A shard is one goroutine
// that reads the log's live flow in order, knows which of its streams want which
// channel, and writes to them. A stream, a [Conn], belongs to one shard for life.
//
// # Order
//
// All streams see the one order of the log. A stream is a cursor: a position and
// a set of channels. It is either live, and then has been given everything of
// its channels up to the shard's position; or behind, and then catches up from
// what the log keeps, in bounded steps, until it reaches the head and is live.
// Joining with a position, joining fresh and coming back from being slow are this
// one mechanism, so the hand-over neither loses nor repeats an event, whatever
// is published meanwhile. What the log no longer keeps is announced as a gap
// before the next event.
//
// # What a stream may conclude
//
// Events come in log order, each at most once for a connection, each under the
// position that the stream has then reached; the absence of a gap means that
// nothing is missing. A stream may not conclude that an event it sees is the
// newest there is.
//
// # Slow streams
//
// Writing never blocks a shard. A transport takes what it can; of what is left
// the stream keeps at most the rest of one frame and its position, and drops the
// rest: it is behind, and goes on from the log when the transport is ready again.
// One that makes no progress for Options.Stall is ended as slow.
//
// # Ownership
//
//  1. Frames and records are shared by all and never change.
//  2. From Attach until Owner.Ended is called, a Conn's transport and every field
//     not marked otherwise belong to the shard's goroutine. Nothing else writes
//     to the stream.
//  3. A shard holds no mutex while it writes, reads the log or calls an Owner.
//     The only mutex of the package is the shard's mailbox, which nests in nothing.
//  4. Owner.Ended is called exactly once, on the shard's goroutine, after the
//     shard has let go of the Conn.
//
// # Shutdown
//
// Drain refuses new streams and ends those there are with a goodbye and a
// jittered retry; Close then stops the shards. The log is closed after the hub.
package hub
