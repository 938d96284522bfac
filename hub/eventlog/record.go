package eventlog

import (
	"math"
	"strconv"
	"time"
)

// Record is an event that the log accepted. Its exported parts never change;
// the rest belongs to the log.
type Record struct {
	Seq uint64

	buf              []byte
	payload, payLen  uint32 // the payload's place in buf
	typ              uint16 // the type's place in buf
	typLen, chunkLen uint8
	flags            flags
	// What stands in buf behind its length, in this order: an event without any of it pays nothing for it.
	traceLen, exceptLen, pieceLen uint8

	hist         *history      // static; its name is the channel
	at           time.Duration // since the log began, when it was accepted
	older, newer *Record       // all kept records; guarded by Memory.mu
}

// flags are what an event is, but for its texts.
type flags uint8

const (
	isBare flags = 1 << iota
	isEnd
	isJoined // pieces made one, see JoinPieces
)

// Channel returns the channel's name.
func (r *Record) Channel() string { return r.hist.name }

// Type returns the event's type.
func (r *Record) Type() string { return string(r.typeText()) }

func (r *Record) typeText() []byte { return r.buf[r.typ : r.typ+uint16(r.typLen)] }

// Payload returns the event's payload, one line of JSON, shared.
func (r *Record) Payload() []byte { return r.buf[r.payload : r.payload+r.payLen] }

// Frame returns the event's frame.
func (r *Record) Frame() Frame { return Frame{r.buf, r.chunkLen} }

// Bare reports whether the event is nothing but its payload: it has no timestamp, and
// its frame does not name its channel.
func (r *Record) Bare() bool { return r.flags&isBare != 0 }

// End reports whether the event is the last one of its channel.
func (r *Record) End() bool { return r.flags&isEnd != 0 }

// Traced reports whether the event has a trace.
func (r *Record) Traced() bool { return r.traceLen > 0 }

// behind returns n bytes of what stands behind the frame.
func (r *Record) behind(from int, n uint8) []byte {
	from += len(r.buf)
	return r.buf[from : from+int(n)]
}

// Trace returns the event's trace, "" for none.
func (r *Record) Trace() string { return string(r.behind(0, r.traceLen)) }

// IsExcept reports whether the event is not for the connection with this id.
func (r *Record) IsExcept(connection string) bool {
	return r.exceptLen > 0 && string(r.behind(int(r.traceLen), r.exceptLen)) == connection
}

// Excepts reports whether there is a connection that the event is not for.
func (r *Record) Excepts() bool { return r.exceptLen > 0 }

// Except returns the id of the connection that the event is not for, "" for none.
func (r *Record) Except() string { return string(r.behind(int(r.traceLen), r.exceptLen)) }

// Append returns the key of the text that the event is a piece of, "" for none.
func (r *Record) Append() string { return string(r.piece()) }

func (r *Record) piece() []byte { return r.behind(int(r.traceLen)+int(r.exceptLen), r.pieceLen) }

// Timestamp returns when the event was accepted, RFC 3339 with milliseconds; ""
// for a bare event.
func (r *Record) Timestamp() string {
	if r.Bare() {
		return ""
	}
	from := int(r.payload+r.payLen) + len(timestampKey)
	return string(r.buf[from : from+len(timestampLayout)])
}

const timestampKey = `,"timestamp":"`

// draft is an encoded record without its sequence number, which only the holder of the log's lock can assign. The
// first room bytes of buf are reserved for it.
type draft struct {
	Record
	room int
}

// size returns about how many bytes an event's frame has, but for the size of its chunk and its id.
func (ev *Event) size() int {
	n := len("\nevent: \ndata: \n\n\r\n") + len(ev.Type) + len(ev.Payload)
	if !ev.Bare {
		n += len(`{"channelName":"","type":"","payload":,"timestamp":""}`) + len(ev.Channel) + len(ev.Type) + len(timestampLayout)
	}
	if ev.Append != "" {
		n += len(`,"append":""`) + len(ev.Append)
	}
	if ev.End {
		n += len(endKey)
	}
	return n
}

const endKey = `,"end":true`

// encode writes the frame of ev into a draft, with room for a sequence number of the given count of digits. If pieces
// is not 0, the event is the join of that many.
func encode(ev *Event, epoch string, digits int, stamp string, pieces int) draft {
	size := ev.size()
	room := idRoom(size, epoch, digits)
	var d draft
	short := func(s string) uint8 {
		if len(s) <= math.MaxUint8 {
			return uint8(len(s))
		}
		return 0
	}
	d.traceLen, d.exceptLen, d.pieceLen = short(ev.Trace), short(ev.Except), short(ev.Append)
	behind := int(d.traceLen) + int(d.exceptLen) + int(d.pieceLen)
	buf := make([]byte, room, room+size+behind)
	d.room = room
	buf = append(buf, "\nevent: "...)
	d.typ, d.typLen = uint16(len(buf)), uint8(len(ev.Type))
	buf = append(buf, ev.Type...)
	buf = append(buf, "\ndata: "...)
	if !ev.Bare {
		buf = AppendAddress(append(buf, '{'), ev.Channel)
		buf = append(buf, `,"type":`...)
		buf = AppendString(buf, ev.Type)
		buf = append(buf, `,"payload":`...)
	}
	d.payload, d.payLen = uint32(len(buf)), uint32(len(ev.Payload))
	buf = appendLine(buf, ev.Payload)
	if ev.Bare {
		d.flags |= isBare
	} else {
		buf = append(buf, timestampKey...)
		buf = append(buf, stamp...)
		buf = append(buf, '"')
		if d.pieceLen > 0 {
			buf = AppendString(append(buf, `,"append":`...), ev.Append)
		}
		if pieces > 0 {
			buf = strconv.AppendInt(append(buf, `,"pieces":`...), int64(pieces), 10)
		}
		if ev.End {
			buf = append(buf, endKey...)
		}
		buf = append(buf, '}')
	}
	if ev.End {
		d.flags |= isEnd
	}
	buf = append(buf, "\n\n\r\n"...)
	d.buf = buf
	if behind > 0 {
		buf = append(buf, ev.Trace[:d.traceLen]...)
		buf = append(buf, ev.Except[:d.exceptLen]...)
		buf = append(buf, ev.Append[:d.pieceLen]...)
		d.buf = buf[:len(buf)-behind]
	}
	return d
}

// seal assigns the draft's sequence number: the id and the chunk's size are written into the reserved room from right
// to left, and unused room is cut off.
func (d *draft) seal(epoch string, seq uint64) {
	var digits [20]byte
	text := strconv.AppendUint(digits[:0], seq, 10)
	if need := idRoom(len(d.buf)-d.room, epoch, len(text)); need > d.room {
		// Other appends came between and used up the digits: move over.
		by := need - d.room
		all := d.buf[:len(d.buf)+int(d.traceLen)+int(d.exceptLen)+int(d.pieceLen)]
		d.buf = append(make([]byte, by, by+len(all)), all...)[:by+len(d.buf)]
		d.room, d.typ, d.payload = need, d.typ+uint16(by), d.payload+uint32(by)
	}
	at := d.room
	put := func(s string) { at -= len(s); copy(d.buf[at:], s) }
	at -= len(text)
	copy(d.buf[at:], text)
	put("-")
	put(epoch)
	put("id: ")
	size := len(d.buf) - 2 - at
	sse := at
	put("\r\n")
	for ; size > 0; size >>= 4 {
		at--
		d.buf[at] = "0123456789abcdef"[size&15]
	}
	d.Seq = seq
	d.chunkLen = uint8(sse - at)
	d.buf = d.buf[at:]
	d.typ -= uint16(at)
	d.payload -= uint32(at)
}

// idRoom is how many bytes the chunk's size line and the id take before a body of
// size bytes, the chunk's end included.
func idRoom(size int, epoch string, digits int) int {
	id := len("id: -") + len(epoch) + digits
	return hexDigits(id+size-2) + len("\r\n") + id
}

func hexDigits(n int) int {
	d := 1
	for ; n > 15; n >>= 4 {
		d++
	}
	return d
}

func decimalDigits(n uint64) int {
	d := 1
	for ; n > 9; n /= 10 {
		d++
	}
	return d
}
