package h2

import (
	"bytes"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// frameHeader is the size of a frame's header (RFC 9113, section 4.1).
const frameHeader = 9

// codec reads and writes frames in memory. It keeps nothing of a connection, so one serves many.
type codec struct {
	in  bytes.Reader
	out bytes.Buffer
	fr  *http2.Framer
}

var codecs = sync.Pool{New: func() any {
	k := &codec{}
	k.fr = http2.NewFramer(&k.out, &k.in)
	k.fr.SetMaxReadFrameSize(maxFrame)
	k.fr.AllowIllegalReads = true // the order of frames is the connection's to check
	k.fr.SetReuseFrames()
	return k
}}

// write has f write frames to the connection.
func (c *conn) write(f func(*http2.Framer) error) {
	k := codecs.Get().(*codec)
	defer codecs.Put(k)
	k.out.Reset()
	if err := f(k.fr); err != nil {
		c.srv.opts.Log.Error("an HTTP/2 frame could not be made", "error", err)
		return
	}
	c.link.Write(k.out.Bytes())
}

// appendData appends the header of a DATA frame.
func appendData(dst []byte, id uint32, size int, end bool) []byte {
	var flags byte
	if end {
		flags = byte(http2.FlagDataEndStream)
	}
	return append(dst, byte(size>>16), byte(size>>8), byte(size), byte(http2.FrameData), flags,
		byte(id>>24), byte(id>>16), byte(id>>8), byte(id))
}

// encoder makes header blocks without a dynamic table, so that it needs nothing of the connection.
type encoder struct {
	out bytes.Buffer
	enc *hpack.Encoder
}

var encoders = sync.Pool{New: func() any {
	k := &encoder{}
	k.enc = hpack.NewEncoder(&k.out)
	k.enc.SetMaxDynamicTableSize(0)
	_ = k.enc.WriteField(hpack.HeaderField{Name: ":status", Value: "200"}) // with the table's new size
	return k
}}

// noTable tells the peer's decoder that there is no dynamic table (RFC 7541, section 6.3).
const noTable = 0x20

// headerBlock returns the header block of an answer.
func headerBlock(status int, h http.Header) []byte {
	k := encoders.Get().(*encoder)
	defer encoders.Put(k)
	k.out.Reset()
	k.out.WriteByte(noTable)
	_ = k.enc.WriteField(hpack.HeaderField{Name: ":status", Value: strconv.Itoa(status)}) // to memory, as all
	for name, values := range h {
		if isOfConnection(name) {
			continue
		}
		name = strings.ToLower(name)
		for _, value := range values {
			_ = k.enc.WriteField(hpack.HeaderField{Name: name, Value: cleanValue.Replace(value)})
		}
	}
	return slices.Clone(k.out.Bytes())
}

var cleanValue = strings.NewReplacer("\r", " ", "\n", " ", "\x00", " ")

// isOfConnection reports whether a field is about an HTTP/1.1 connection (RFC 9113, section 8.2.2).
func isOfConnection(name string) bool {
	switch name {
	case "Connection", "Proxy-Connection", "Keep-Alive", "Transfer-Encoding", "Upgrade":
		return true
	}
	return false
}

// writeHeaders writes a header block.
func (c *conn) writeHeaders(id uint32, block []byte, end bool) {
	c.write(func(fr *http2.Framer) error {
		first := block[:min(len(block), maxFrame)]
		rest := block[len(first):]
		err := fr.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: first, EndStream: end, EndHeaders: len(rest) == 0})
		for err == nil && len(rest) > 0 {
			piece := rest[:min(len(rest), maxFrame)]
			rest = rest[len(piece):]
			err = fr.WriteContinuation(id, len(rest) == 0, piece)
		}
		return err
	})
}
