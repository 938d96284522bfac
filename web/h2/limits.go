package h2

import "time"

// Limits of one connection.
const (
	maxStreams   = 1000      // open at once, and handlers at work
	maxFrame     = 16 << 10  // bytes of a frame's payload, either way
	streamWindow = 256 << 10 // bytes of a request's body that are not read yet
	connWindow   = 1 << 20   // of all requests' bodies
	maxHeader    = 64 << 10  // bytes of a request's header, as RFC 9113 counts them (section 6.5.2)
	maxBlock     = 2 * maxHeader
	pieceBytes   = 16 << 10 // of an answer that are handed over at once
)

// timeouts limit how long a connection may keep the server waiting.
type timeouts struct {
	header  time.Duration // for a handshake, the preface and a header block
	request time.Duration // to read a request's body and to write an answer, unless the handler sets another deadline
	idle    time.Duration // without a stream
	closing time.Duration // for the peer to close after the last frame
}

var usual = timeouts{header: 10 * time.Second, request: time.Minute, idle: 2 * time.Minute, closing: 2 * time.Second}

// A connection has credit for what costs the server work and brings nobody forward: PING, SETTINGS, RST_STREAM, empty frames and
// the like. It grows with time, and with what the server sends. A client without credit is sent away (ENHANCE_YOUR_CALM).
const (
	mostCredit      = 10_000
	creditPerSecond = 1_000
	costOfReset     = 10 // a request was begun for nothing
)

type credit struct {
	left int
	at   time.Time
}

// spend takes n from the credit, and reports whether there was as much.
func (k *credit) spend(n int) bool {
	if k.left < mostCredit/2 {
		now := time.Now()
		k.left += int(min(now.Sub(k.at), time.Minute).Seconds() * creditPerSecond)
		k.at = now
	}
	k.left = min(k.left, mostCredit) - n
	return k.left >= 0
}
