package bench

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
)

// chunked frames data in chunks of the given sizes, the last of them over and over.
func chunked(data []byte, sizes []int, end bool) []byte {
	var out []byte
	for i := 0; len(data) > 0; i++ {
		n := min(max(sizes[min(i, len(sizes)-1)], 1), len(data))
		out = fmt.Appendf(out, "%x\r\n%s\r\n", n, data[:n])
		data = data[n:]
	}
	if end {
		out = append(out, "0\r\n\r\n"...)
	}
	return out
}

func TestChunksRefused(t *testing.T) {
	for _, raw := range []string{"x", "\r\n", ";a=b\r\n", "5\r\nhelloX", "-1\r\n", "1234567890abcdef0\r\n"} {
		var c chunks
		if data, _, err := c.decode([]byte(raw)); !errors.Is(err, errChunk) {
			t.Errorf("%q decodes to %q, error %v, want errChunk", raw, data, err)
		}
	}
}

func TestChunksTolerated(t *testing.T) {
	for _, raw := range []string{"5\r\nhello\r\n", "5\nhello\n", "005;a=\"b\"\r\nhello\r\n", "5 \r\nhello\r\n", "2\r\nhe\r\n3\r\nllo\r\n"} {
		var c chunks
		data, ended, err := c.decode([]byte(raw))
		if string(data) != "hello" || ended || err != nil {
			t.Errorf("%q decodes to %q, ended %t, error %v", raw, data, ended, err)
		}
	}
}

// FuzzChunks frames data, cuts the result and puts it together again.
func FuzzChunks(f *testing.F) {
	f.Add([]byte("hello"), uint16(2), uint16(3), true)
	f.Add([]byte("\r\n0\r\n\r\n"), uint16(1), uint16(1), true)
	f.Add(bytes.Repeat([]byte("data\n\n"), 999), uint16(300), uint16(777), false)
	f.Fuzz(func(t *testing.T, data []byte, size, cut uint16, end bool) {
		raw := chunked(data, []int{int(size)}, end)
		var c chunks
		var got []byte
		var ended bool
		for len(raw) > 0 {
			n := min(int(cut)+1, len(raw))
			part, last, err := c.decode(raw[:n])
			if err != nil {
				t.Fatal(err)
			}
			got, ended, raw = append(got, part...), ended || last, raw[n:]
		}
		if !bytes.Equal(got, data) || ended != end {
			t.Errorf("got %d bytes, ended %t; want %d, %t", len(got), ended, len(data), end)
		}
	})
}

// FuzzChunksHostile decodes anything at all without failing otherwise than by an error.
func FuzzChunksHostile(f *testing.F) {
	f.Add([]byte("5\r\nhello\r\n0\r\n\r\n"), []byte("fffffffffffffff\r\nx"))
	f.Fuzz(func(t *testing.T, one, two []byte) {
		var c chunks
		for _, raw := range [][]byte{one, two} {
			size := len(raw)
			data, _, err := c.decode(raw)
			if len(data) > size {
				t.Fatalf("%d bytes out of %d", len(data), size)
			}
			if err != nil {
				return
			}
		}
	})
}
