// Package presence knows who is here.
//
// A [Registry] holds clients, their connections, and the channels that these are
// on. A client is a person or device and may hold many connections; a channel's
// members are the clients with a connection on it. Everybody online is the
// members of one more channel, [Everyone].
//
// # Edges
//
// The registry tells what changed as edges: a member joined a channel with its
// first connection there, left it when its last one had been gone for the grace
// period, or its info was updated. A reload or a drop inside the grace makes no
// edge; nor does a second tab. Each edge has a version, counted from 1 without a
// hole, and a snapshot carries the version it was taken at: the snapshot and the
// edges after it always add up to the registry's state.
//
// # Info
//
// Each connection may say what its client is called. The client's [Info] is the
// newest one of its connections, and of those that ended within the grace; a connection
// that says nothing takes over what is known when it joins. So it depends on the
// connections alone, and all nodes of a cluster show the same, in whatever order they
// hear of connections and whenever they started.
//
// # Cost
//
// Joining and leaving cost a constant for each channel of the connection, whatever
// the number of members, and of connections and channels that the client has beside. Nothing is kept of a channel without members or
// of a client that has left.
//
// # Concurrency
//
// All methods are safe for concurrent use. One mutex guards everything; nothing
// is called while it is held. Edges are queued under it, in order, and taken by
// one reader with Take.
package presence
