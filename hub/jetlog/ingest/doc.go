// Package ingest makes events of what other programs publish on plain NATS subjects.
//
// # Capture
//
// A JetStream stream of Rollcall captures the configured subjects, so that a message is stored before any server reads
// it, also while no server runs. A message is in the stream until its event is in the log.
//
// # Order
//
// One server of the cluster at a time reads the stream from its first message, appends events in the stream's order, and
// then purges the messages. Each event has an idempotency key: the message's Nats-Msg-Id, or else its number in the
// stream. If the reading server dies, the next one begins with the first message that is left, and the log recognises
// the events that it has already. Two servers may read at once for a moment: both append in order, and the log takes
// each event once.
//
// # What is refused
//
// A message that can't be an event is counted, logged and purged. An append that fails for a passing reason is tried
// again, and everything behind it waits.
package ingest
