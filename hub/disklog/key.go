package disklog

import (
	"encoding/binary"
	"errors"
)

// The first bytes of the store's keys.
const (
	kindEntry   = 'c' // channel and the last sequence number in a block → entry
	kindBlock   = 'b' // first sequence number → block
	kindMeta    = 'm' // name → text or number
	kindSegment = 's' // first sequence number → segment
)

// Names of metadata.
const (
	metaVersion = "version" // of how everything is written
	metaEpoch   = "epoch"
	metaHead    = "head"    // a number that was given; the blocks may go further
	metaNoEnds  = "endless" // present until the first channel ends
	metaFloor   = "floor"   // the number through which everything was dropped
)

const version = "1"

var errMalformed = errors.New("malformed")

func blockKey(dst []byte, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, kindBlock), seq)
}

func segmentKey(seq uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{kindSegment}, seq)
}

func metaKey(name string) []byte { return append([]byte{kindMeta}, name...) }

func number(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// channelKey is the common prefix of a channel's entries.
func channelKey(dst []byte, channel string) []byte {
	dst = append(dst, kindEntry, byte(len(channel)))
	return append(dst, channel...)
}

func entryKey(dst []byte, channel string, last uint64) []byte {
	return binary.BigEndian.AppendUint64(channelKey(dst, channel), last)
}

// entryBounds returns the first key that a channel's entries may have, and one behind the last.
func entryBounds(channel string) (lower, upper []byte) {
	return entryKey(nil, channel, 0), append(entryKey(nil, channel, ^uint64(0)), 0)
}

// keySeq returns the number that a key ends with.
func keySeq(key []byte) uint64 {
	if len(key) < 8 {
		return 0
	}
	return binary.BigEndian.Uint64(key[len(key)-8:])
}

// entry describes a channel's part of a block. Its key contains the number of its last event.
type entry struct {
	last    uint64
	first   uint64
	prev    uint64 // the channel's event before the first; 0 if there is none
	count   uint64 // 0 is a purge
	ordinal uint64 // of the last event among all of the channel
	bytes   uint64 // of all payloads of the channel through the last event
	end     bool   // the last event is the end of the channel
}

func (e *entry) append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, e.count)
	dst = binary.AppendUvarint(dst, e.last-e.first)
	dst = binary.AppendUvarint(dst, distance(e.first, e.prev))
	dst = binary.AppendUvarint(dst, e.ordinal)
	dst = binary.AppendUvarint(dst, e.bytes)
	if e.end {
		dst = append(dst, 1)
	}
	return dst
}

// distance encodes prev relative to seq, 0 for none.
func distance(seq, prev uint64) uint64 {
	if prev == 0 {
		return 0
	}
	return seq - prev
}

// before is the reverse of distance.
func before(seq, distance uint64) uint64 {
	if distance == 0 || distance > seq {
		return 0
	}
	return seq - distance
}

func readEntry(key, value []byte) (entry, error) {
	r := reader{buf: value}
	e := entry{last: keySeq(key), count: r.number()}
	e.first = e.last - r.number()
	e.prev = before(e.first, r.number())
	e.ordinal, e.bytes = r.number(), r.number()
	e.end = len(r.buf) > 0
	if r.bad || e.first > e.last {
		return entry{}, errMalformed
	}
	return e, nil
}
