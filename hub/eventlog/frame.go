package eventlog

import (
	"bytes"
	"math"
	"strconv"
	"time"
)

// timestampLayout is RFC 3339 in UTC with milliseconds, always 24 bytes.
const timestampLayout = "2006-01-02T15:04:05.000Z"

// Frame is an event as bytes on the wire, made once and shared by every stream:
// one HTTP/1.1 chunk (RFC 9112, section 7.1) around one event in the
// text/event-stream format (WHATWG HTML, section 9.2.6). It never changes.
type Frame struct {
	buf  []byte
	head uint8 // length of the chunk's size line
}

// SSE returns the bare event: id, event and one data line, and the blank line.
// That of the empty frame is nil, as is its chunk.
func (f Frame) SSE() []byte {
	if f.buf == nil {
		return nil
	}
	return f.buf[f.head : len(f.buf)-2]
}

// Chunk returns the event framed as one HTTP/1.1 chunk.
func (f Frame) Chunk() []byte { return f.buf }

// NewFrame frames text, which must be whole SSE lines and at least one, as a
// chunk. (One of nothing would end the body.)
func NewFrame(text []byte) Frame {
	buf := make([]byte, 0, len(text)+12)
	buf = strconv.AppendUint(buf, uint64(len(text)), 16)
	buf = append(buf, '\r', '\n')
	head := uint8(len(buf))
	buf = append(buf, text...)
	return Frame{append(buf, '\r', '\n'), head}
}

// AppendNotice appends to dst an event of the server's own, which is not in the
// log: its data is {"channelName":…,"type":…,"payload":"…"} with the payload, a
// JSON text, as a string. An empty channel is left out.
func AppendNotice(dst []byte, at Position, channel, typ string, payload []byte) []byte {
	dst = appendHead(dst, at, typ)
	dst = append(dst, `data: {`...)
	if channel != "" {
		dst = append(dst, `"channelName":`...)
		dst = AppendString(dst, channel)
		dst = append(dst, ',')
	}
	dst = append(dst, `"type":`...)
	dst = AppendString(dst, typ)
	dst = append(dst, `,"payload":`...)
	dst = AppendString(dst, payload)
	return append(dst, "}\n\n"...)
}

// AppendDirect appends to dst an event that looks as if it were published, but is on
// no channel and in no log.
func AppendDirect(dst []byte, at Position, typ string, payload []byte, when time.Time) []byte {
	dst = appendHead(dst, at, typ)
	dst = append(dst, `data: {"type":`...)
	dst = AppendString(dst, typ)
	dst = append(dst, `,"payload":`...)
	dst = appendLine(dst, payload)
	dst = append(dst, timestampKey...)
	dst = append(dst, Stamp(when)...)
	return append(dst, "\"}\n\n"...)
}

// AppendBare appends to dst an event whose data line is the given JSON.
func AppendBare(dst []byte, at Position, typ string, data []byte) []byte {
	dst = appendHead(dst, at, typ)
	dst = append(dst, "data: "...)
	dst = appendLine(dst, data)
	return append(dst, "\n\n"...)
}

func appendHead(dst []byte, at Position, typ string) []byte {
	dst = append(dst, "id: "...)
	dst = append(dst, at.Epoch...)
	dst = append(dst, '-')
	dst = strconv.AppendUint(dst, at.Seq, 10)
	dst = append(dst, "\nevent: "...)
	dst = append(dst, typ...)
	return append(dst, '\n')
}

// AppendString appends s, valid UTF-8, as a JSON string (RFC 8259, section 7).
func AppendString[T string | []byte](dst []byte, s T) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	from := 0
	for i := range len(s) {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[from:i]...)
		from = i + 1
		if c < 0x20 {
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		} else {
			dst = append(dst, '\\', c)
		}
	}
	dst = append(dst, s[from:]...)
	return append(dst, '"')
}

// appendLine appends s with every line end replaced by a space. In valid JSON a raw line end is white space between
// tokens, so the value is unchanged; and no input can begin a new field of the event.
func appendLine(dst, s []byte) []byte {
	at := len(dst)
	dst = append(dst, s...)
	if bytes.IndexByte(s, '\n') < 0 && bytes.IndexByte(s, '\r') < 0 {
		return dst
	}
	for i := at; i < len(dst); i++ {
		if dst[i] == '\n' || dst[i] == '\r' {
			dst[i] = ' '
		}
	}
	return dst
}

// Record is an event that the log accepted. Its exported parts never change;
// the rest belongs to the log.
type Record struct {
	Seq uint64

	buf              []byte
	payload, payLen  uint32 // the payload's place in buf
	typ              uint16 // the type's place in buf
	typLen, chunkLen uint8
	bare             bool
	traceLen         uint8 // bytes of the trace in buf, after its length

	hist         *history      // static; its name is the channel
	at           time.Duration // since the log began, when it was accepted
	older, newer *Record       // all kept records; guarded by Memory.mu
}

// Channel returns the channel's name.
func (r *Record) Channel() string { return r.hist.name }

// Type returns the event's type.
func (r *Record) Type() string { return string(r.buf[r.typ : r.typ+uint16(r.typLen)]) }

// Payload returns the event's payload, one line of JSON, shared.
func (r *Record) Payload() []byte { return r.buf[r.payload : r.payload+r.payLen] }

// Frame returns the event's frame.
func (r *Record) Frame() Frame { return Frame{r.buf, r.chunkLen} }

// Bare reports whether the event is nothing but its payload: it has no timestamp, and
// its frame does not name its channel.
func (r *Record) Bare() bool { return r.bare }

// Traced reports whether the event has a trace.
func (r *Record) Traced() bool { return r.traceLen > 0 }

// Trace returns the event's trace, "" for none.
func (r *Record) Trace() string { return string(r.buf[len(r.buf) : len(r.buf)+int(r.traceLen)]) }

// Timestamp returns when the event was accepted, RFC 3339 with milliseconds; ""
// for a bare event.
func (r *Record) Timestamp() string {
	if r.bare {
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

// encode writes the frame of ev into a draft, with room for a sequence number of
// the given count of digits.
func encode(ev *Event, epoch string, digits int, stamp string) draft {
	size := len("\nevent: \ndata: \n\n\r\n") + len(ev.Type) + len(ev.Payload)
	if !ev.Bare {
		size += len(`{"channelName":"","type":"","payload":,"timestamp":""}`) + len(ev.Channel) + len(ev.Type) + len(stamp)
	}
	room := idRoom(size, epoch, digits)
	var d draft
	if len(ev.Trace) <= math.MaxUint8 {
		d.traceLen = uint8(len(ev.Trace))
	}
	buf := make([]byte, room, room+size+int(d.traceLen))
	d.room = room
	buf = append(buf, "\nevent: "...)
	d.typ, d.typLen = uint16(len(buf)), uint8(len(ev.Type))
	buf = append(buf, ev.Type...)
	buf = append(buf, "\ndata: "...)
	if !ev.Bare {
		buf = append(buf, `{"channelName":`...)
		buf = AppendString(buf, ev.Channel)
		buf = append(buf, `,"type":`...)
		buf = AppendString(buf, ev.Type)
		buf = append(buf, `,"payload":`...)
	}
	d.payload, d.payLen = uint32(len(buf)), uint32(len(ev.Payload))
	buf = appendLine(buf, ev.Payload)
	if d.bare = ev.Bare; !d.bare {
		buf = append(buf, timestampKey...)
		buf = append(buf, stamp...)
		buf = append(buf, `"}`...)
	}
	d.buf = append(buf, "\n\n\r\n"...)
	if d.traceLen > 0 {
		d.buf = append(d.buf, ev.Trace...)[:len(d.buf)] // behind the frame: an event without one pays nothing for it
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
		all := d.buf[:len(d.buf)+int(d.traceLen)]
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

// Stamp formats t as events show it: RFC 3339 in UTC, with milliseconds.
func Stamp(t time.Time) string { return t.UTC().Format(timestampLayout) }
