// Package stream turns a request into a stream: it checks the parameters, obtains a lease from the
// gate, reads missed events from the store, and hands the connection to the hub. A connection of
// HTTP/1.1 is hijacked from net/http, and a stream of web/h2 is taken; on any other connection, the
// request's goroutine writes through net/http.
package stream
