// Package outbox keeps what a server has yet to tell other systems.
//
// A [Store] has a list of entries, numbered from 1 without a hole, and a few named values. Both are written on condition:
// an entry is appended only after the one that its writer saw last, and a value replaced only where it is still the one that
// was read. So several servers that share a store agree on one order and one owner without a leader.
//
// [Memory] is a store that ends with the process. Packages hub/disklog and hub/jetlog/outbox keep theirs in a directory
// and in JetStream; all of them pass the tests of package storetest.
package outbox
