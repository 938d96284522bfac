// Package eventlog is Rollcall's one ordered log of events and the cursors that read it.
//
// Everything published is appended to one [Log]. An append gives each event a
// sequence number, encodes its Server-Sent Events frame once, and makes it
// readable in two ways:
//
//   - A [Tail] follows the live flow: every record, in log order, without locks.
//     The shards of package hub are its readers.
//   - A [Cursor] reads what a set of channels still keeps after some position,
//     merged into log order, and says exactly where something is missing. A
//     resuming subscriber, a fresh one and one that fell behind are all cursors.
//
// # What a position means
//
// A [Position] is the log's epoch and a sequence number. The epoch changes
// whenever a log begins anew, so a position from a former life is recognised
// and never mistaken for a present one. A stream that has "reached" position p
// has been given every event of its channels up to and including p.
//
// # What is kept
//
// Per channel the newest events within [Options] count, bytes and age; over all
// channels one budget of bytes, oldest out first, that charges the book-keeping
// too. For each channel the log remembers through which sequence number events
// were dropped, so whether a range has a hole is known exactly. A channel that
// keeps nothing is freed; what remains of it is a small tombstone. Only when the
// tombstones themselves outgrow an eighth of the budget are the oldest merged
// into one watermark, and only then can a very old position be answered with a
// gap that may not be one. A hole is never passed over in silence. Not charged are
// the newest 64 records of the live flow and what a slow tail has not read yet,
// which Options.MaxLag bounds.
//
// # Followers
//
// A [Memory] made by [NewFollower] does not give sequence numbers but takes them, with
// the events, from another log in front of which it is the cache: see [Memory.Follow].
// What it may have missed it is told with Lose and Miss, and announces like what it
// dropped itself.
//
// # Concurrency
//
// A Log is safe for concurrent use. A Cursor and a Tail belong to one goroutine
// at a time. A [Record] and a [Frame] never change once made and are shared by
// all readers; nobody may write to their bytes.
package eventlog
