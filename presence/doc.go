// Package presence records which clients are online, and on which channels.
//
// A [Registry] holds clients, their connections, and the channels of each connection. A client is a
// person or a device and may have many connections. The members of a channel are the clients with a
// connection on it. All online clients are the members of one more channel, [Everyone].
//
// # Edges
//
// The registry reports changes as edges: a member joins a channel with its first connection there,
// leaves it when its last one has been gone for the grace period, or updates its info. A reload or a
// drop within the grace causes no edge, nor does a second tab. Each edge has a version, counted from 1
// without a hole, and each snapshot carries its version: a snapshot and all later edges always add up
// to the registry's state.
//
// # Info
//
// A connection may carry info about its client, such as a name. The client's [Info] is the newest one
// among its connections, including those that ended within the grace. A connection without info
// inherits the current one when it joins. The info thus depends only on the connections: all nodes of
// a cluster show the same, regardless of when they started and in which order they learn of
// connections.
//
// # Cost
//
// Joining and leaving take constant time per channel of the connection, independent of the number of
// members and of the client's other connections and channels. A channel without members uses no
// memory, nor does a client that has left.
//
// # Concurrency
//
// All methods are safe for concurrent use. One mutex guards everything, and no callback runs under it.
// Edges are queued under it, in order; one reader receives them with Take.
package presence
