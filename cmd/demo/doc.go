// Command demo runs Rollcall with lively fake traffic, to see and develop pages with.
//
// The server is the real one, in this process; package traffic plays its users
// over real sockets. It keeps nothing, and unless -listen says otherwise only this
// machine reaches it. See -help for the flags.
package main
