// Package node is one server without HTTP: the log of events and the hub that delivers it, the registry of who is present and
// the feed that tells of it, the other servers of a cluster, and what an operator does: kick, block, drain, tap.
//
// Whatever comes by HTTP hangs on a [Node] from outside: a [Stream] is a subscriber's stream and a [Watcher] one of the presence
// stream; what admitted them is an [Admission], where a device's stream stands is a [Place]. The package knows no
// request, page or credential.
package node
