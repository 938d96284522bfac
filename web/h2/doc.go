// Package h2 speaks HTTP/2 (RFC 9113) on connections that a hub's shards read and write. A stream of events is frames that its
// shard writes, and keeps neither a goroutine nor a request. Every other request goes to an [http.Handler], on a goroutine.
//
// A connection and its streams belong to one shard. A handler's goroutine reads and writes by what it posts to the shard.
//
// The frames and HPACK are those of golang.org/x/net/http2. Server push, priorities (RFC 9113, section 5.3.2) and trailers are
// not supported: they are read and ignored. What a client may have the server keep or do is limited, see limits.go.
package h2
