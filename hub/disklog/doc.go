// Package disklog is the event log in a directory: durable, for one machine. See [Open].
//
// # One writer
//
// All waiting appends share one commit: one write and one sync for all publishers. Each batch is
// stored whole or not at all. An append returns when its events are on the disk and in the memory in
// front of it, an [eventlog.Memory] within [Log]. Shards, cursors, history and statistics read only
// that memory, so no stream ever waits for the disk.
//
// # What is on the disk
//
// A Pebble database: a log of commits, sorted files, checksums over everything, and compaction.
//
//	block    first sequence number → the events of a commit, about 8 KiB of them
//	entry    channel, sequence number → the channel's part of a block
//	segment  first sequence number → counts over some megabytes of blocks
//
// Blocks are in log order, so they need little sorting; they are in sorted files of their own, and compressed, as the log
// of commits is not. Entries are sorted by channel: the events of a
// channel, and its newest one, are found without reading other channels. Each event records the
// previous event of its channel, and each entry their number, so missing events are always detected,
// whatever removed them.
//
// # What is kept
//
// Each channel keeps the same as in memory: its newest events within count, bytes and age. There is no
// budget over all channels, so busy channels never displace a quiet channel's last event. Events
// beyond these limits are skipped at once and dropped later by the sweeper: it drops the surplus
// entries of channels and segments that are too old, and rewrites segments of which less than half is
// kept.
//
// Opening a log loads the newest segments within the memory's budget. [Log.Older] and [Log.LastOlder]
// read events from the disk that the memory does not have; their callers wait for the disk.
//
// # Numbers are assigned once
//
// A file beside the database, the mark, holds the highest number that anybody may have seen. It is
// written before readers see the number, and it detects being copied: a copy has another inode or time
// of birth. If the store ends before the mark, or if the mark is missing, damaged or a copy, as after
// a restore, the log gets a new epoch: its events remain, under new ids. A relaxed store also records
// the boot of the machine, and a reboot changes the epoch.
//
// # Backups
//
// [Log.Backup] makes a copy while events are written: the database links the files that do not change any more, and
// copies its list of files and the log of commits. The copy has no mark, so a log that is opened on it gets a new epoch.
//
// # When the disk is full or fails
//
// Appends fail with ErrFull when the disk's free space falls to a reserve. The store's own writes then
// wait for space and continue. After any other failure of the disk nothing is stored any more, and the
// events in memory stay readable; only opening the log again shows what the disk contains.
//
// # Ownership
//
// One goroutine writes events, another sweeps and makes backups. The queue between publishers and the writer, and the
// segments' counts, have a mutex each; neither is held during a commit. Close the log after the hub.
package disklog
