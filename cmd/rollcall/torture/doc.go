// Package torture tests Rollcall under faults, in the manner of Jepsen. Only tests use it; the program
// does not contain it.
//
// A round has four parts. Clients use the servers and record everything they send and receive in a
// [History]: publishers, subscribers that drop, stall and resume elsewhere, readers of the history,
// watchers of presence. Meanwhile the faults of a [Plan] begin and end; a seed determines the plan, so
// a failed round can be replayed. Then all faults end, and [Run] waits until every client is up to
// date. Finally [Check] searches the history for violations of the promises.
//
// Nothing here depends on how the servers are started: a [System] is their addresses and their
// possible faults. A new fault is one more [Fault] in a System; a new kind of access is one more
// client that records into the History; a new promise is one more rule in Check. A [Proxy] between any
// two processes simulates network faults.
package torture
