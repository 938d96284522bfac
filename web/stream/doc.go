// Package stream makes a stream of a request: it checks what is asked for, has the gate admit it, reads from the store what the
// client missed, and hands the connection to the hub. A connection in clear is taken over from net/http; any other is written
// through it by the request's goroutine.
package stream
