// Package stream turns a request into a stream: it checks the parameters, obtains a lease from the
// gate, reads missed events from the store, and hands the connection to the hub. A plain-text
// connection is hijacked from net/http; on any other, the request's goroutine writes through net/http.
package stream
