// Package roster is a small table that all nodes of a cluster share. Each node writes its own entries
// and reads everybody's. When a node fails, its entries disappear. The table is one JetStream stream.
//
// # The stream
//
// Each subject keeps only its last message:
//
//	<prefix>.e.<session>.<id, base64url>  an entry: a byte 1 and the value
//	<prefix>.n.<session>                  a lease: JSON about the node
//	<prefix>.s.<id, base64url>            a shared entry: milliseconds to live, the value
//	<prefix>.i.stream                     a random name of the stream's contents
//
// An empty message is a deletion. It has a time to live of a minute, so deletions do not accumulate.
// Beside the stream, the subject <prefix>.tell carries the messages of [Roster.Broadcast], and <prefix>.ask the questions
// of [Roster.Ask].
//
// # Sessions and leases
//
// A node's entries belong to its session, which has a random name. The lease is a message whose time
// to live is the lease's duration. The node replaces it after each third of that time, on the
// condition that the previous one is still there. A session whose lease has expired on the stream is
// therefore over for good: the node learns it at its next renewal, reports the end of the old session,
// begins a new one and writes all its entries again.
//
// Other nodes use their own clocks. They declare a session down when no renewal has arrived for the
// lease and a quarter of it (2 s at most), by monotonic time, counted only while the view is up to
// date. Renewals arrive in the stream's order, so a node that was cut off, was suspended or reads
// slowly declares nobody dead: it first reads the table again. A node that finds a session down has
// the stream purged of its entries once the stream confirms that the lease has expired; several nodes
// may do this at once. Later entries of that session, and entries without a lease, are purged in the
// same way.
//
// # The view
//
// One ordered consumer begins with the last message of each subject. The node then renews its lease
// out of turn: when this renewal arrives, everything older has arrived, and the loaded table is
// compared with the view. The differences are the changes. The node does the same whenever the
// consumer misses a message or is silent, when the connection breaks, and when the node is so slow
// that it could miss a deletion. [Roster.Changes] therefore always adds up to the table, in the
// stream's order, and reports nothing twice.
//
// A node also reads its own entries. If the stream has another value than the node wrote last, because
// a message was late or the stream lost some, the node writes the entry again.
//
// While NATS is away the view is frozen, [Roster.Degraded] says since when, and the newest value of
// each own entry is queued.
//
// # What is not promised
//
// Readers may miss intermediate values of an entry that changes fast. A stream in memory is empty
// after its servers restart: the nodes write their entries again under new sessions. They also write
// the shared entries they remember, each only if the stream has none. A node recognises such a stream
// by its time of creation, by its last sequence number and by the name of its contents, because in a
// cluster the time of creation stays the same. A node that receives nothing but can publish counts as
// up.
//
// # Presence over a roster
//
// The id of an entry is a connection's id and the value is
//
//	{"clientId":…,"deviceId":…,"anonymous":…,"info":…,"infoAt":…,"infoBy":…,"channels":[…],"remoteAddr":…,"userAgent":…,"protocol":…,"connectedAt":…}
//
// The owner of a connection writes the entry after its own Registry.Join and deletes it before or
// after Registry.Leave; an update of the client's info writes it again. One goroutine applies Changes
// to the same presence.Registry:
//
//   - NodeUp: remember the session, with an empty map of connections.
//   - Entry: Registry.JoinRemote of a presence.Connection with the entry's id, the Node's name
//     and a nil Handle. If the session has the id already, Join the new one before Leave of
//     the old one, so that the client stays present. Join requires a new id, so the registry's
//     connection has an id of its own (session and id).
//   - Gone: Registry.Leave of that connection.
//   - NodeDown: Registry.Leave of all connections of the session.
//   - SharedEntry and SharedGone: a block. Its id is the client's id, its value is JSON, and
//     it lasts until Until.
//
// The registry's grace thus covers the whole cluster: a client that moves to another node within the
// grace neither leaves nor joins, nor does one whose node was cut off and returned with a new session.
// The members of a dead node leave after the lease, a quarter of it, and the grace. A kick is sent
// with Tell to the node that owns the connection, because a connection with a nil Handle cannot be
// ended here. A node is ready after the first batch of Changes. At shutdown it ends its streams first
// and then closes the roster.
//
// # Ownership
//
// One goroutine publishes, one follows the stream and is the only writer of the view, one purges, one
// delivers changes. No mutex is held while any of them waits. The caller owns the NATS connection and
// closes it after the roster.
package roster
