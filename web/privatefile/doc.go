// Package privatefile reads and replaces files that only the server's own user may read.
//
// [Read] refuses a file that others may read, and [Replace] keeps the old file until the new one is on the disk.
// A [Record] is such a file of one value, with a checksum.
package privatefile
