// Package jetlog is the event log on NATS JetStream, shared by many nodes over an existing
// cluster, see [Connect].
//
// # One stream, one order
//
// A [Log] is one JetStream stream. What is published is acknowledged by the stream,
// and the sequence number that the stream gives is the event's: all nodes deliver the
// same events, in the same order, under the same ids. Each node follows the whole
// stream with one consumer and puts what comes into a mirror, an [eventlog.Memory]
// within [Log]. Shards, cursors, history and statistics read the mirror alone, so no
// stream ever waits for the network. Append returns when the mirror has the event.
//
// # The epoch
//
// The epoch is in the stream's metadata and in its subjects:
//
//	<prefix>.<epoch>.<channel, base64url>         an event; the body is the payload
//	<prefix>.<epoch>.<channel, base64url>.purge   a purge of what is before it
//
// A stream that is created has a new epoch. A node that still lives in another epoch
// publishes to a subject that no stream has, and fails; what it may read of another
// epoch it does not take for its own. Where the stream turns out to end before a
// sequence number that this node has seen, numbers would come twice: the stream
// is given a new epoch. A node keeps the highest number it has seen in memory, over lost logs and new links. A NATS machine that catches
// up looks like a stream that was set back, so it has ten seconds to do so, unless an
// acknowledgement or a newer message under an old number proves the opposite.
//
// # When the stream is lost
//
// A stream that was deleted, created anew or set back, or that has dropped what this
// node was still to read and can't name, or from which somebody else removed such
// events, ends the log: [Log.Lost] is closed and
// [Log.Err] says why. The owner then ends its streams, closes the log and opens
// another one over the same [Link]; streams that resume get a gap.
//
// # Readers from another node
//
// A reader may come from a node whose mirror is ahead of this one's. [Log.Await] waits
// for its position.
//
// # When NATS is away
//
// Streams stay open and get nothing. Appends fail at once with [ErrUnavailable], or
// with [ErrUnknown] where the connection broke between sending and the answer. Once
// NATS is back the mirror catches up in order. [Log.Status] tells all of this.
//
// # Batches
//
// Several events go into the stream as one atomic batch: all or none, one behind the
// other, and every mirror shows them at once: it waits for the rest of a batch until
// the stream's leader has none. An idempotency key is the stream's message
// id, so it holds on all nodes and over restarts. A batch that the stream refuses for
// a key that another node used meanwhile is tried again without that event.
//
// # What is missing
//
// The stream keeps for each channel its newest events, and the mirror may keep fewer.
// Opening a log loads the newest part of the stream within the mirror's budget.
// Everything before it counts as missing, and for a channel with as many events as the
// stream keeps, everything before the first one. A number that is not there, and that no
// such channel and no purge explains, is damage: everything before it counts as missing,
// in the stream too. Where a slow node finds that the
// stream dropped events of a channel before it came to them, its live streams get
// a gap in place of them. [Log.Older] reads from the stream what the mirror no longer
// has, for those who can wait for it.
//
// # Ownership
//
// One goroutine follows the stream and alone writes to the mirror; another watches
// the stream's state. No mutex is held during a request. Close the log after the hub
// and before the link.
package jetlog
