package eventlog

import (
	"encoding/binary"
	"slices"
)

// maxJoined is how many bytes of payload are joined into one event at most.
const maxJoined = 1 << 20

// JoinPieces makes each run of records that are pieces of one text a single record: their payloads joined, with the sequence
// number and the time of the last. A run is of one channel, one key and one type, with no other record between them, and of at most
// 1 MiB of payload; a longer one gives several. What is returned may share recs, which is not changed. The records made are in no log.
func JoinPieces(recs []*Record, epoch string) []*Record {
	var joined []*Record // nil as long as there is nothing to join
	for i := 0; i < len(recs); {
		n := run(recs[i:])
		if n > 1 && joined == nil {
			joined = slices.Clone(recs[:i])
		}
		switch {
		case n > 1:
			joined = append(joined, join(recs[i:i+n], epoch))
		case joined != nil:
			joined = append(joined, recs[i])
		}
		i += n
	}
	if joined == nil {
		return recs
	}
	return joined
}

// continues reports whether r is the piece behind before.
func (r *Record) continues(before *Record) bool {
	return r.pieceLen > 0 && !before.End() && before.hist.name == r.hist.name && string(before.piece()) == string(r.piece()) && string(before.typeText()) == string(r.typeText())
}

// run returns how many of the records, one at the least, are joined into one.
func run(recs []*Record) int {
	n, size := 1, int(recs[0].payLen)
	for n < len(recs) && recs[n].continues(recs[n-1]) {
		if size += int(recs[n].payLen); size > maxJoined {
			break
		}
		n++
	}
	return n
}

// lastText returns the kept pieces at the channel's end that are joined into one, or its last record alone.
func (h *history) lastText() []*Record {
	kept := h.recs[h.first:]
	from := len(kept) - 1
	for size := int(kept[from].payLen); from > 0 && kept[from].continues(kept[from-1]); from-- {
		if size += int(kept[from-1].payLen); size > maxJoined {
			break
		}
	}
	return kept[from:]
}

// join makes one record of pieces. Their payloads are JSON strings, so what stands between the quotes is joined as it is.
func join(recs []*Record, epoch string) *Record {
	last := recs[len(recs)-1]
	size := 2
	for _, r := range recs {
		size += int(r.payLen)
	}
	payload := append(make([]byte, 0, size), '"')
	pieces := 0
	for _, r := range recs {
		text := r.Payload()
		payload = append(payload, text[1:len(text)-1]...)
		pieces += r.pieces()
	}
	ev := Event{Channel: last.hist.name, Type: last.Type(), Payload: append(payload, '"'), Append: last.Append(), End: last.End()}
	d := encode(&ev, epoch, decimalDigits(last.Seq), last.Timestamp(), pieces)
	d.seal(epoch, last.Seq)
	r := new(Record)
	*r = d.Record
	r.hist = last.hist
	r.flags |= isJoined
	end := len(r.buf) + int(r.pieceLen)
	r.buf = binary.BigEndian.AppendUint64(r.buf[:end], recs[0].First())
	r.buf = binary.BigEndian.AppendUint32(r.buf, uint32(pieces))[:end-int(r.pieceLen)]
	return r
}

// First returns the sequence number of the first event that the record is made of: its own, but for one of [JoinPieces].
func (r *Record) First() uint64 {
	if r.flags&isJoined == 0 {
		return r.Seq
	}
	return binary.BigEndian.Uint64(r.behind(int(r.pieceLen), 8))
}

// pieces returns how many events the record is made of.
func (r *Record) pieces() int {
	if r.flags&isJoined == 0 {
		return 1
	}
	return int(binary.BigEndian.Uint32(r.behind(int(r.pieceLen)+8, 4)))
}
