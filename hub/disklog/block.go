package disklog

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/klauspost/compress/s2"

	"rollcall/hub/eventlog"
)

// A block is a run of consecutive events, of any channels, in one value: the events of one commit, or of several that
// were rewritten together. Its key is the number of the first.
const blockSize = 8 << 10 // a block ends with the event that passes this

// item is an event of a block. A purge of a channel is an item too, with a number of its own.
type item struct {
	eventlog.Stored
	prev  uint64 // the channel's previous event, kept or not; 0 if there is none
	purge bool
}

// Flags of an item.
const (
	flagBare = 1 << iota
	flagKey
	flagTrace
	flagPurge
	flagEnd
	flagAppend
)

// appendItem adds an item to a block of which the last one was at, which is the zero value for the first.
func appendItem(dst []byte, at, it *item) []byte {
	var flags byte
	if it.Bare {
		flags |= flagBare
	}
	if it.Key != "" {
		flags |= flagKey
	}
	if it.Trace != "" {
		flags |= flagTrace
	}
	if it.purge {
		flags |= flagPurge
	}
	if it.End {
		flags |= flagEnd
	}
	if it.Append != "" {
		flags |= flagAppend
	}
	dst = append(dst, flags)
	dst = binary.AppendUvarint(dst, it.Seq-at.Seq)
	var since time.Duration
	if at.Seq == 0 {
		since = time.Duration(it.Time.UnixNano())
	} else {
		since = it.Time.Sub(at.Time)
	}
	dst = binary.AppendVarint(dst, int64(since))
	dst = binary.AppendUvarint(dst, distance(it.Seq, it.prev))
	dst = appendText(dst, it.Channel)
	dst = appendText(dst, it.Type)
	if it.Key != "" {
		dst = appendText(dst, it.Key)
	}
	if it.Trace != "" {
		dst = appendText(dst, it.Trace)
	}
	if it.Append != "" {
		dst = appendText(dst, it.Append)
	}
	return appendText(dst, it.Payload)
}

func appendText[T string | []byte](dst []byte, s T) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

// The value of a large block is compressed: it is written to the log of commits, which is not, and again to a sorted file.
const (
	packedMark = 0xff // the first byte of a compressed block; others begin with flags, which are less
	packMin    = 512
	packMax    = 64 << 20
)

// pack returns the value of a block, in dst's memory or the block's.
func pack(dst, block []byte) []byte {
	if len(block) < packMin {
		return block
	}
	dst = slices.Grow(dst[:0], 1+s2.MaxEncodedLen(len(block)))
	dst = append(dst, packedMark)
	packed := s2.Encode(dst[1:cap(dst)], block)
	if len(packed) >= len(block)/8*7 {
		return block
	}
	return dst[:1+len(packed)]
}

// unpack is the reverse of pack. The block does not share the value's memory.
func unpack(value []byte) ([]byte, error) {
	if len(value) == 0 || value[0] != packedMark {
		return slices.Clone(value), nil
	}
	if n, err := s2.DecodedLen(value[1:]); err != nil || n > packMax {
		return nil, errMalformed
	}
	block, err := s2.Decode(nil, value[1:])
	if err != nil {
		return nil, errMalformed
	}
	return block, nil
}

// readBlock adds the items of a block to dst. They share its memory.
func readBlock(dst []item, block []byte) ([]item, error) {
	r := reader{buf: block}
	var at item
	for len(r.buf) > 0 {
		flags := r.byte()
		var it item
		it.Seq = at.Seq + r.number()
		since := time.Duration(r.signed())
		if at.Seq == 0 {
			it.Time = time.Unix(0, int64(since))
		} else {
			it.Time = at.Time.Add(since)
		}
		it.prev = before(it.Seq, r.number())
		it.Channel, it.Type = string(r.text()), string(r.text())
		if flags&flagKey != 0 {
			it.Key = string(r.text())
		}
		if flags&flagTrace != 0 {
			it.Trace = string(r.text())
		}
		if flags&flagAppend != 0 {
			it.Append = string(r.text())
		}
		it.Payload = r.text()
		it.Bare, it.purge, it.End = flags&flagBare != 0, flags&flagPurge != 0, flags&flagEnd != 0
		if r.bad || it.Seq <= at.Seq || it.Channel == "" {
			return dst, errMalformed
		}
		dst = append(dst, it)
		at = it
	}
	return dst, nil
}

// reader decodes what was appended. An error is sticky.
type reader struct {
	buf []byte
	bad bool
}

func (r *reader) byte() byte {
	if len(r.buf) == 0 {
		r.bad = true
		return 0
	}
	b := r.buf[0]
	r.buf = r.buf[1:]
	return b
}

func (r *reader) number() uint64 {
	n, size := binary.Uvarint(r.buf)
	return took(r, n, size)
}

func (r *reader) signed() int64 {
	n, size := binary.Varint(r.buf)
	return took(r, n, size)
}

func took[T uint64 | int64](r *reader, n T, size int) T {
	if size <= 0 {
		r.bad, r.buf = true, nil
		return 0
	}
	r.buf = r.buf[size:]
	return n
}

func (r *reader) text() []byte {
	n := r.number()
	if n > uint64(len(r.buf)) {
		r.bad, r.buf = true, nil
		return nil
	}
	s := r.buf[:n:n]
	r.buf = r.buf[n:]
	return s
}
