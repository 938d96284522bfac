// Package node is one server without HTTP: the event log, the hub that delivers it, the presence
// registry, the feed that reports its changes, the other servers of a cluster, and the operators'
// actions kick, block, drain and tap.
//
// HTTP handlers use a [Node] from outside. A [Stream] is a subscriber's stream, a [Watcher] a presence
// stream. An [Admission] is what a stream occupies in the connection limits, a [Place] is the stored
// position of a device. The package contains no requests, pages or credentials.
package node
