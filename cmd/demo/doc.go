// Command demo runs Rollcall with lively fake traffic, for looking at pages and developing them.
//
// The server is the real one, in this process; package traffic simulates its users over real sockets.
// Nothing is stored, and by default the server listens only on the loopback interface. See -help for
// the flags.
package main
