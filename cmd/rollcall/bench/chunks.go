package bench

import (
	"errors"
	"fmt"
)

var errChunk = errors.New("malformed chunked transfer coding")

// chunkPart is the part of a chunk that the next byte belongs to.
type chunkPart uint8

const (
	chunkSize      chunkPart = iota // hexadecimal digits
	chunkExtension                  // up to the end of the size line
	chunkData
	chunkDataEnd // the line end after the data
	chunkEnd     // the last chunk and everything after it
)

// chunks undoes chunked transfer coding, wherever the bytes are cut. The zero value is at the
// start of a body.
type chunks struct {
	part   chunkPart
	digits uint8  // digits of the size seen so far
	left   uint64 // bytes of data that are still to come
}

// decode replaces raw by the data in it, in place, and returns the data.
// After the last chunk, ended is true and the rest of raw has been dropped.
func (c *chunks) decode(raw []byte) (data []byte, ended bool, err error) {
	n := 0
	for i := 0; i < len(raw); {
		b := raw[i]
		switch c.part {
		case chunkSize:
			v, ok := hexDigit(b)
			switch {
			case ok && c.digits < 15:
				c.left = c.left<<4 | uint64(v)
				c.digits++
			case c.digits > 0 && (b == ';' || b == ' ' || b == '\t' || b == '\r'):
				c.part = chunkExtension
			case c.digits > 0 && b == '\n':
				c.sized()
			default:
				return raw[:n], false, fmt.Errorf("%w: byte %q in a chunk size", errChunk, b)
			}
			i++
		case chunkExtension:
			if b == '\n' {
				c.sized()
			}
			i++
		case chunkData:
			k := int(min(c.left, uint64(len(raw)-i)))
			if n != i {
				copy(raw[n:], raw[i:i+k])
			}
			n += k
			i += k
			if c.left -= uint64(k); c.left == 0 {
				c.part = chunkDataEnd
			}
		case chunkDataEnd:
			switch b {
			case '\r':
			case '\n':
				*c = chunks{}
			default:
				return raw[:n], false, fmt.Errorf("%w: byte %q after a chunk", errChunk, b)
			}
			i++
		case chunkEnd:
			return raw[:n], true, nil
		}
	}
	return raw[:n], c.part == chunkEnd, nil
}

// sized moves on from a complete size line.
func (c *chunks) sized() {
	c.part = chunkData
	if c.left == 0 {
		c.part = chunkEnd
	}
}

// hexDigit is the value of a hexadecimal digit.
func hexDigit(b byte) (byte, bool) {
	switch {
	case b >= '0' && b <= '9':
		return b - '0', true
	case b >= 'a' && b <= 'f':
		return b - 'a' + 10, true
	case b >= 'A' && b <= 'F':
		return b - 'A' + 10, true
	}
	return 0, false
}
