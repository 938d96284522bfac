package eventlog

import (
	"bytes"
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
		dst = AppendAddress(dst, channel)
		dst = append(dst, ',')
	}
	dst = append(dst, `"type":`...)
	dst = AppendString(dst, typ)
	dst = append(dst, `,"payload":`...)
	dst = AppendString(dst, payload)
	return append(dst, "}\n\n"...)
}

// AppendAddress appends an event's addressee as a member of a JSON object: "channelName", or "clientId" for a client's
// channel.
func AppendAddress(dst []byte, channel string) []byte {
	if id := ClientOf(channel); id != "" {
		return AppendString(append(dst, `"clientId":`...), id)
	}
	return AppendString(append(dst, `"channelName":`...), channel)
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

// AppendText appends to dst an event whose data is the text, on a data line for each of
// its lines.
func AppendText(dst []byte, at Position, typ string, text []byte) []byte {
	dst = appendHead(dst, at, typ)
	for more := true; more; {
		dst = append(dst, "data: "...)
		end := bytes.IndexAny(text, "\r\n")
		if more = end >= 0; !more {
			end = len(text)
		}
		dst = append(append(dst, text[:end]...), '\n')
		if more && bytes.HasPrefix(text[end:], []byte("\r\n")) {
			end++
		}
		text = text[min(end+1, len(text)):]
	}
	return append(dst, '\n')
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

// Stamp formats t as events show it: RFC 3339 in UTC, with milliseconds.
func Stamp(t time.Time) string { return t.UTC().Format(timestampLayout) }
