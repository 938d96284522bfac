// Package roster is a small table that all nodes of a cluster have: each puts entries
// of its own and sees those of the others, and a node that is no more is gone with all
// its entries. It is kept in one JetStream stream.
//
// # The stream
//
// Each subject has one message, its last:
//
//	<prefix>.e.<session>.<id, base64url>  an entry: a byte 1 and the value
//	<prefix>.n.<session>                  a lease: JSON about the node
//	<prefix>.s.<id, base64url>            a shared entry: milliseconds to live, the value
//	<prefix>.i.stream                     a random name of the stream's contents
//
// An empty message is a deletion; its time to live is a minute, so they do not gather.
// Beside the stream, <prefix>.tell carries what [Roster.Broadcast] says.
//
// # Sessions and leases
//
// A node's entries belong to its session, which has a random name. The lease is a
// message with the lease as its time to live, replaced after each third of it by one
// that the stream takes only if the last one is still there. A session whose lease ran
// out on the stream is so over for good: the node finds that out with its next renewal,
// says that the old session is over, begins another one and puts everything again.
//
// Other nodes go by their own clocks: a session is down when no renewal has come for
// the lease and a quarter of it (2 s at most), counted only while the view is up to
// date, by monotonic time. Renewals are seen in the stream's order, so a node that was
// cut off, stood still or reads slowly declares nobody dead: it first reads the table
// again. Who finds a session down has the stream purged of it, once the stream says
// that its lease is over; where several do that, it does no harm. Entries that come
// after, and such without any lease, are swept the same way.
//
// # The view
//
// One ordered consumer begins with the last message of each subject. The node then
// renews its lease out of turn: when that comes back, everything older has come, and
// what was read is compared with the view. What differs are changes. The same is done
// whenever the consumer misses something, is silent, the connection breaks, or the
// node is so slow that it could miss a deletion. So [Roster.Changes] always adds up to
// the table, in the order that the stream has, and never tells of anything twice.
//
// A node also reads its own entries: what is in the stream and is not what it put last,
// because a message was late or the stream lost some, is put again.
//
// While NATS is away the view stays as it is, [Roster.Degraded] says since when, and
// of what is put the newest state of each id is kept.
//
// # What is not promised
//
// An entry that changes fast may be seen with its last values only. A stream in memory
// is empty after its servers restart: the nodes put their entries again under new
// sessions and the shared entries they know, each only where the stream has none. The
// nodes recognise such a stream by its time of creation, by its last sequence number and
// by the name of its contents: in a cluster the time of creation stays the same.
// A node that is deaf to the others but can publish is up.
//
// # Presence over a roster
//
// The id of an entry is a connection's id and the value is
//
//	{"clientId":…,"deviceId":…,"anonymous":…,"info":…,"infoAt":…,"infoBy":…,"channels":[…],"remoteAddr":…,"userAgent":…,"protocol":…,"connectedAt":…}
//
// The owner of a connection puts it after Registry.Join of its own and deletes it before
// or after Registry.Leave; an update of the client's info puts it again. One goroutine
// reads Changes into the same presence.Registry:
//
//   - NodeUp: remember the session, with an empty map of connections.
//   - Entry: Registry.JoinRemote of a presence.Connection with the entry's id, the Node's name
//     and a nil Handle. Where the session has the id already, Join the new one before
//     Leave of the old one, so that the client is never without: Join wants an id that
//     is new, so give the registry's connection an id of its own (session and id).
//   - Gone: Registry.Leave of that connection.
//   - NodeDown: Registry.Leave of all connections of the session.
//   - SharedEntry and SharedGone: a block, with the client's id for id and JSON for its
//     value, until Until.
//
// The registry's grace then works for the whole cluster: a client that moves to another
// node inside it neither leaves nor joins, and so does one whose node was cut off and
// came back with a new session. A node that dies loses its members after the lease, a
// quarter of it, and the grace. Kicks go by Tell to the node that has the connection;
// what has a nil Handle can't be ended here. A node is ready when the first batch of
// Changes has come. On its way out it lets its streams end, then closes the roster.
//
// # Ownership
//
// One goroutine publishes, one follows the stream and alone writes to the view, one
// purges, one hands changes on. No mutex is held while any of them waits. The
// connection is the caller's; close the roster first.
package roster
