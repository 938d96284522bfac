package hub

import "rollcall/hub/eventlog"

// Transport is the write side of one stream's connection, lent to its shard.
// There are three: the taken-over connection of this package, a stream of HTTP/2 in
// web/h2, and the one through net/http in web/stream.
type Transport interface {
	// Open passes the Conn that the transport serves. Called once by the shard's goroutine, before the first Write.
	Open(c *Conn)

	// Write takes as many of the bytes as it can without blocking and returns how
	// many. The bytes are shared and never change; bufs itself is the caller's
	// again on return. Fewer than all means that the transport will call
	// Conn.Ready once it can take more. An error means that the peer is gone.
	// Called by the shard's goroutine only.
	Write(bufs [][]byte) (int, error)

	// Close ends the connection: after the taken bytes are written or, with cut, at once. Called once, by the shard's
	// goroutine; no Write follows.
	Close(cut bool)

	// Chunked reports whether frames are to be passed as HTTP/1.1 chunks.
	Chunked() bool
}

// lastChunk ends a chunked body (RFC 9112, section 7.1).
var lastChunk = []byte("0\r\n\r\n")

// heartbeat is a comment line, which clients pass over.
var heartbeat = eventlog.NewFrame([]byte(":\n\n"))
