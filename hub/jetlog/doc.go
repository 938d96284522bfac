// Package jetlog is the event log on NATS JetStream, shared by many nodes over an existing cluster,
// see [Connect].
//
// # One stream, one order
//
// A [Log] is one JetStream stream. The stream acknowledges every published event, and its sequence
// number is the event's number: all nodes deliver the same events, in the same order, under the same
// ids. Each node follows the whole stream with one consumer and writes the events to a mirror, an
// [eventlog.Memory] within [Log]. Shards, cursors, history and statistics read only the mirror, so no
// subscriber ever waits for the network. Append returns when the mirror has the event.
//
// # The epoch
//
// The epoch is in the stream's metadata and in its subjects:
//
//	<prefix>.<epoch>.<channel, base64url>         an event; the body is the payload
//	<prefix>.<epoch>.<channel, base64url>.purge   a purge of all earlier events
//
// A new stream has a new epoch. A node in an older epoch publishes to a subject that the stream does
// not have, and fails; it ignores messages of other epochs. If the stream ends before a sequence
// number that this node has seen, numbers would be assigned twice, so the stream gets a new epoch.
// Each node remembers the highest number of each epoch it has seen, across lost logs and new links. A
// node that has seen no more than the store that was set back has can't find out by itself; until
// another one gives the stream a new epoch, it may assign numbers again. A NATS machine
// that is catching up looks like a stream that was set back. It has ten seconds to catch up, unless an
// acknowledgement or a newer message under an old number proves that the stream was set back.
//
// # When the stream is lost
//
// Four faults end the log: the stream was deleted, it was created anew, it was set back, or it dropped
// or lost events that this node has not read and cannot name. [Log.Lost] is then closed and [Log.Err]
// says why. The owner ends its streams, closes the log and opens another one over the same [Link];
// resuming streams get a gap.
//
// # Readers from another node
//
// A reader may come from a node whose mirror is ahead of this one's. [Log.Await] waits for its
// position.
//
// # When NATS is away
//
// Streams stay open and receive nothing. Appends fail at once with [ErrUnavailable], or with
// [ErrUnknown] if the connection broke between the request and its answer. Once NATS is back, the
// mirror catches up in order. [Log.Status] reports all of this.
//
// # Batches
//
// Several events enter the stream as one atomic batch: all or none, without others between them. Every
// mirror shows them at once: it holds a batch back until its last event arrives or the stream's leader
// has no more of it. An idempotency key is the stream's message id, so it holds on all nodes, over
// restarts and over epochs. If the stream refuses a batch because another node has used a key meanwhile, the batch is
// retried without that event.
//
// Appends of several publishers do not wait for each other, and each is published for itself: they share a connection,
// on which any number are on their way. Joining those that wait into one atomic batch was measured: it is slower with
// sixteen publishers and no faster with sixty-four (docs/performance.md), and a refusal would be that of all.
//
// # What is missing
//
// The stream keeps the newest events of each channel, and the mirror may keep fewer. Opening a log
// loads the newest part of the stream within the mirror's budget. Everything before it counts as
// missing. In a channel with as many events as the stream keeps, everything before the first one
// counts as missing. A missing number that neither such a channel nor a purge explains is damage:
// everything before it counts as missing, in the stream too. If a slow node finds that the stream has
// dropped events before the node read them, its live streams get a gap in their place. [Log.Older]
// reads events from the stream that the mirror has dropped; its callers wait for the network.
//
// # Ownership
//
// One goroutine follows the stream and is the only writer of the mirror; another watches the stream's
// state. No mutex is held during a request. Close the log after the hub and before the link.
package jetlog
