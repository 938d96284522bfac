// Package outbox stores a [rollcall/hub/outbox.Store] in JetStream, for all servers of a cluster.
// Entries are messages of a stream and have its sequence numbers; values are keys of a key-value
// bucket. Reads that depend on the order go to the stream's leader.
package outbox
