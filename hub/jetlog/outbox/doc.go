// Package outbox keeps a [rollcall/hub/outbox.Store] in JetStream, for all servers of a cluster: entries in a stream, whose
// sequence numbers are theirs, and values in a key-value bucket. Both are read from their leaders where order matters.
package outbox
