package bench

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
)

// A marker is 49 bytes at the start of a payload, the same in JSON, in a URL and raw:
//
//	~rb<run 8>.<channel 6>.<number 9>.<nanoseconds 19>~
//
// run is hexadecimal and new for each run; the rest are decimal digits with leading zeros.
const (
	markerIntro   = "~rb"
	markerPrefix  = len(markerIntro) + 8
	channelDigits = 6
	numberDigits  = 9
	nanosDigits   = 19

	channelAt = markerPrefix + 1
	numberAt  = channelAt + channelDigits + 1
	nanosAt   = numberAt + numberDigits + 1
	markerEnd = nanosAt + nanosDigits

	// MinPayload is the size of the smallest payload in bytes: a marker and nothing else.
	MinPayload = markerEnd + 1

	maxChannels = 1_000_000 // the range of channelDigits
)

// marker writes and finds the markers of one run. It is immutable.
type marker struct {
	prefix []byte
}

// newMarker returns the marker of a new run.
func newMarker() marker {
	var run [4]byte
	rand.Read(run[:]) // never fails
	return marker{prefix: hex.AppendEncode([]byte(markerIntro), run[:])}
}

// run names the run. Channels bear it too, so that history of an earlier run is not replayed.
func (k marker) run() string { return string(k.prefix[len(markerIntro):]) }

// mark is a marker's content.
type mark struct {
	channel, number uint32
	nanos           int64
}

// appendPayload appends a payload of size bytes (at least MinPayload) that starts with m.
func (k marker) appendPayload(dst []byte, m mark, size int) []byte {
	start := len(dst)
	dst = append(dst, k.prefix...)
	dst = append(dst, '.')
	dst = appendDigits(dst, uint64(m.channel), channelDigits)
	dst = append(dst, '.')
	dst = appendDigits(dst, uint64(m.number), numberDigits)
	dst = append(dst, '.')
	dst = appendDigits(dst, uint64(m.nanos), nanosDigits)
	dst = append(dst, '~')
	for len(dst)-start < size {
		dst = append(dst, 'x')
	}
	return dst
}

// next finds the first marker of the run in b. It returns its content and the index of the rest of b, or -1 if there
// is none. Malformed markers are ignored.
func (k marker) next(b []byte) (mark, int) {
	for at := 0; ; {
		i := bytes.Index(b[at:], k.prefix)
		if i < 0 || at+i+MinPayload > len(b) {
			return mark{}, -1
		}
		at += i
		m := b[at : at+MinPayload]
		channel, ok1 := digits(m[channelAt : channelAt+channelDigits])
		number, ok2 := digits(m[numberAt : numberAt+numberDigits])
		nanos, ok3 := digits(m[nanosAt : nanosAt+nanosDigits])
		if ok1 && ok2 && ok3 && m[markerEnd] == '~' {
			return mark{channel: uint32(channel), number: uint32(number), nanos: int64(nanos)}, at + MinPayload
		}
		at += markerPrefix
	}
}

// appendDigits appends n in decimal, in exactly width digits; digits beyond width are cut off.
func appendDigits(dst []byte, n uint64, width int) []byte {
	start := len(dst)
	for range width {
		dst = append(dst, '0')
	}
	for i := len(dst) - 1; i >= start && n > 0; i-- {
		dst[i] = byte('0' + n%10)
		n /= 10
	}
	return dst
}

// digits reads decimal digits; false if b has other characters.
func digits(b []byte) (uint64, bool) {
	var n uint64
	for _, c := range b {
		c -= '0'
		if c > 9 {
			return 0, false
		}
		n = n*10 + uint64(c)
	}
	return n, true
}
