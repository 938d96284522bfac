// Package eventlog is Rollcall's one ordered log of events and the cursors that read it.
//
// Every published event is appended to one [Log]. An append gives each event a
// sequence number, encodes its Server-Sent Events frame once, and makes it
// readable in two ways:
//
//   - A [Tail] follows the live flow: every record, in log order, without locks.
//     The shards of package hub are its readers.
//   - A [Cursor] reads the kept events of a set of channels after a position,
//     merged into log order, and reports exactly where events are missing. A
//     resuming, a fresh and a slow subscriber are all cursors.
//
// # Positions
//
// A [Position] is the log's epoch and a sequence number. The epoch changes
// whenever a log begins anew, so an old position is recognised as such. A stream
// that has "reached" position p has received every event of its channels up to
// and including p.
//
// # Retention
//
// Per channel the newest events within [Options] count, bytes and age; over all
// channels one budget of bytes, oldest out first, that charges the book-keeping
// too. For each channel the log remembers the last dropped sequence number, so it
// knows exactly whether a range has a hole. A channel without kept events is freed
// and leaves a small tombstone. When the tombstones outgrow an eighth of the budget,
// the oldest are merged into one watermark; only then can a very old position get a
// false gap. A hole is never silent. The budget excludes the newest 64 records of
// the live flow and the unread events of a slow tail, which Options.MaxLag bounds.
//
// # Followers
//
// A [Memory] made by [NewFollower] is a cache in front of another log. It takes sequence
// numbers and events from that log: see [Memory.Follow]. Lose and Miss report events that
// it may have missed; it announces them like events that it dropped itself.
//
// # Concurrency
//
// A Log is safe for concurrent use. A Cursor and a Tail belong to one goroutine
// at a time. A [Record] and a [Frame] never change once made and are shared by
// all readers; nobody may write to their bytes.
package eventlog
