package web_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http/httputil"
	"testing"

	"rollcall/hub/eventlog"
)

// dechunker reads a chunked body (RFC 9112, section 7.1) and is stricter than it
// must be: sizes are canonical, there are no extensions and no trailers. It
// returns io.EOF behind the last chunk only; a body that stops before is an
// io.ErrUnexpectedEOF. It shares no code with what makes the chunks.
type dechunker struct {
	r    *bufio.Reader
	left int
	done bool
}

func (d *dechunker) Read(p []byte) (int, error) {
	if d.done {
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	if d.left == 0 {
		if err := d.size(); err != nil {
			return 0, err
		}
		if d.left == 0 {
			d.done = true
			if err := d.lineEnd(); err != nil {
				return 0, err
			}
			return 0, io.EOF
		}
	}
	n, err := d.r.Read(p[:min(len(p), d.left)])
	d.left -= n
	if n > 0 && d.left == 0 {
		return n, d.lineEnd()
	}
	return n, noEnd(err)
}

// size reads a size line.
func (d *dechunker) size() error {
	size, digits := 0, 0
	for {
		c, err := d.r.ReadByte()
		if err != nil {
			return noEnd(err)
		}
		switch {
		case c == '\r' && digits > 0:
			d.left = size
			if c, err = d.r.ReadByte(); err == nil && c != '\n' {
				return fmt.Errorf("chunk size %x: %q behind its carriage return", size, c)
			}
			return noEnd(err)
		case digits > 0 && size == 0:
			return fmt.Errorf("chunk size with a leading zero")
		case digits == 7:
			return fmt.Errorf("chunk size %x and more", size)
		case c >= '0' && c <= '9':
			size = size<<4 | int(c-'0')
		case c >= 'a' && c <= 'f':
			size = size<<4 | int(c-'a'+10)
		default:
			return fmt.Errorf("chunk size: %q", c)
		}
		digits++
	}
}

func (d *dechunker) lineEnd() error {
	for _, want := range []byte("\r\n") {
		c, err := d.r.ReadByte()
		if err != nil {
			return noEnd(err)
		}
		if c != want {
			return fmt.Errorf("%q behind a chunk", c)
		}
	}
	return nil
}

func noEnd(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// shortReader gives a few bytes at a time.
type shortReader struct {
	r   io.Reader
	rnd *rand.Rand
}

func (s shortReader) Read(p []byte) (int, error) {
	return s.r.Read(p[:min(len(p), 1+s.rnd.IntN(7))])
}

func dechunk(r io.Reader) ([]byte, error) {
	return io.ReadAll(&dechunker{r: bufio.NewReaderSize(r, 16)})
}

func TestDechunkerIsStrict(t *testing.T) {
	body, err := dechunk(bytes.NewReader([]byte("3\r\nabc\r\n1f\r\n0123456789012345678901234567890\r\n0\r\n\r\n")))
	if err != nil || string(body) != "abc0123456789012345678901234567890" {
		t.Fatalf("%q, %v", body, err)
	}
	for _, bad := range []string{
		"", "0", "0\r\n", "0\r\n\r", "3\r\nabc\r\n", "3\r\nab", // ends too early
		"\r\n", "03\r\nabc\r\n", "00\r\n\r\n", "A\r\n", "3;x\r\nabc\r\n", "3 \r\nabc\r\n", "-1\r\n", "3\nabc\r\n", "12345678\r\n",
		"3\r\nabcd\r\n", "3\r\nabc\n\r", "3\rabc\r\n", "0\r\nX: y\r\n\r\n", "0\r\nxx",
	} {
		if _, err := dechunk(bytes.NewReader([]byte(bad + ""))); err == nil {
			t.Errorf("%q is let through", bad)
		}
	}
}

// FuzzChunks holds the reader of the tests against net/http's, and what the
// server makes of any text against the reader.
func FuzzChunks(f *testing.F) {
	f.Add([]byte("3\r\nabc\r\n0\r\n\r\n"), uint64(1))
	f.Add([]byte("id: e-1\nevent: m\ndata: 1\n\n"), uint64(2))
	f.Add([]byte("0\r\n\r\n"), uint64(3))
	f.Add(bytes.Repeat([]byte("0123456789abcdef\r\n"), 40), uint64(4))
	f.Fuzz(func(t *testing.T, data []byte, seed uint64) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		if body, err := dechunk(shortReader{bytes.NewReader(data), rnd}); err == nil {
			other, err := io.ReadAll(httputil.NewChunkedReader(bytes.NewReader(data)))
			if err != nil || !bytes.Equal(body, other) {
				t.Fatalf("%q is %q, to net/http %q, %v", data, body, other, err)
			}
		}

		var wire []byte
		for rest := data; len(rest) > 0; {
			n := 1 + rnd.IntN(len(rest))
			frame := eventlog.NewFrame(rest[:n])
			if !bytes.Equal(frame.SSE(), rest[:n]) {
				t.Fatalf("the frame of %q has the text %q", rest[:n], frame.SSE())
			}
			wire = append(wire, frame.Chunk()...)
			rest = rest[n:]
		}
		wire = append(wire, "0\r\n\r\n"...)
		body, err := dechunk(shortReader{bytes.NewReader(wire), rnd})
		if err != nil || !bytes.Equal(body, data) {
			t.Fatalf("%q as chunks is read as %q, %v", data, body, err)
		}
		cut := rnd.IntN(len(wire))
		body, err = dechunk(shortReader{bytes.NewReader(wire[:cut]), rnd})
		if err != io.ErrUnexpectedEOF || !bytes.HasPrefix(data, body) {
			t.Fatalf("%q, cut off, is read as %q, %v", wire[:cut], body, err)
		}
	})
}
