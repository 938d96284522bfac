// Package disklog is the event log in a directory: durable on one machine, see [Open].
//
// # One writer
//
// Everything that waits to be published goes into one commit: one write and one sync for all publishers, however many
// they are, and each of their batches whole or not at all. An append returns when its events are on the disk and in the
// memory in front of it, an [eventlog.Memory] within [Log]. Shards, cursors, history and statistics read that alone,
// so no stream ever waits for the disk.
//
// # What is on the disk
//
// A Pebble database, which has a log of commits, sorted files, checksums over all of it, and gives room back:
//
//	block    first sequence number → the events of a commit, about 8 KiB of them
//	entry    channel, sequence number → what a block has of the channel
//	segment  first sequence number → counts over some megabytes of blocks
//
// Blocks are in log order, so they need little sorting. Entries are in the order of channels: the
// events of any channel, and its newest, are found without reading others. Each event says which event of its channel was
// the one before, and each entry how many there were: what is missing between two events is known, for whatever reason it is.
//
// # What is kept
//
// The same of each channel as in memory: its newest events within count, bytes and age; but without a budget over all
// channels, so a quiet channel's last event does not go for busy ones. What is too much is passed over at once and dropped
// later: the sweeper drops the entries of channels that have too many, segments that are too old, and moves together what
// is kept of segments of which half is dead.
//
// Opening a log loads the newest segments within the memory's budget. [Log.Older] and [Log.LastOlder] read from the disk what
// the memory does not have, for those who can wait for it.
//
// # Numbers are given once
//
// A file beside the database, the mark, has the highest number that anybody may have seen. It is written before readers see
// the number, and knows whether it is itself: a copy has another inode or time of birth. Where the store ends before the mark, or
// the mark is missing, damaged or a copy, as after a restore, the log gets a new epoch: its events are there, under new ids.
// A relaxed store notes the start of the machine too. If that stopped meanwhile, the epoch is a new one.
//
// # When the disk is full or fails
//
// Appends fail with ErrFull while the disk has no room but for a reserve. What the store itself writes then waits for room, and
// goes on. Where the disk fails otherwise, nothing is stored any more, and what is in memory can be read; only opening the log again
// tells what is on the disk.
//
// # Ownership
//
// One goroutine writes events, another tidies. The queue between publishers and writer, and the segments' counts, have a mutex
// each, which is not held during a commit. Close the log after the hub.
package disklog
