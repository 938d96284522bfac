// Package outbox stores messages that a server has not yet sent to other systems.
//
// A [Store] has a list of entries, numbered from 1 without a hole, and a few named values. All writes
// are conditional: Append names the last entry that the writer has read, and a value is replaced only
// if its revision is unchanged. Servers that share a store therefore agree on one order and one owner
// without a leader.
//
// [Memory] is a store that ends with the process. Packages hub/disklog and hub/jetlog/outbox store
// theirs in a directory and in JetStream. Package storetest tests all of them.
package outbox
