// Package hub delivers a log's events to streams.
//
// A [Hub] has a few shards, about one for each core. A shard is one goroutine
// that reads the log's live flow in order, knows which of its streams want which
// channel, and writes to them. A stream, a [Conn], belongs to one shard for life.
//
// # Order
//
// All streams see the one order of the log. A stream is a cursor: a position and
// a set of channels. A live stream has received all events of its channels up to
// the shard's position. A stream that is behind catches up from the kept events,
// in bounded steps, until it reaches the head and is live. A resuming, a fresh and
// a slow stream all use this one mechanism, so the hand-over neither loses nor
// repeats an event, whatever is published meanwhile. Events that the log no longer
// keeps are announced as a gap before the next event.
//
// # Guarantees
//
// Events come in log order, each at most once per connection, each with the
// position that the stream has then reached. Without a gap nothing is missing.
// There is no guarantee that an event is the newest one.
//
// # Slow streams
//
// Writing never blocks a shard. If a transport does not take all bytes, the stream
// keeps at most the rest of one frame and its position, and drops the rest: it is
// behind, and continues from the log when the transport is ready again. A stream
// without progress for Options.Stall is ended as slow.
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
// Drain refuses new streams and ends the others with a goodbye and a jittered
// retry; Close then stops the shards. The log is closed after the hub.
package hub
