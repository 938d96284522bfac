// Package torture checks a Rollcall under faults, in the manner of Jepsen. It is support for tests; the program does not
// contain it.
//
// A round has four parts. Clients use the servers and record all that they send and get in a [History]: publishers,
// subscribers that drop, stall and resume elsewhere, readers of the history, watchers of presence. Meanwhile the faults of a
// [Plan] begin and end: the plan follows from a seed, so a round that failed can be replayed. Then all faults end, and [Run]
// waits until everybody has everything. At last [Check] looks for violations of the promises in what was recorded.
//
// Nothing here depends on how the servers are started: a [System] is their addresses and the faults that they can suffer. A new
// fault is one more [Fault] in a System; a new way in is one more client that records into the History; a new promise is one
// more rule in Check. A [Proxy] between any two processes gives faults of the network.
package torture
