package hub

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// frame is one event as a client's parser sees it.
type frame struct {
	id, typ, data string
	hasID         bool
	retry         int    // ms; -1 if there was none
	raw           string // its lines and the blank one
}

// body is the JSON of a frame's data.
type body struct {
	ChannelName string          `json:"channelName"`
	Type        string          `json:"type"`
	Payload     json.RawMessage `json:"payload"`
	Timestamp   string          `json:"timestamp"`
}

// json reads the frame's data.
func (f frame) json(t failer) body {
	t.Helper()
	var b body
	if err := json.Unmarshal([]byte(f.data), &b); err != nil {
		t.Fatalf("data %q: %v", f.data, err)
	}
	return b
}

// text returns the payload of an event of the server's own, a string.
func (b body) text(t failer) string {
	t.Helper()
	var s string
	if err := json.Unmarshal(b.Payload, &s); err != nil {
		t.Fatalf("payload %s is not a string", b.Payload)
	}
	return s
}

// wire reads a stream's bytes: HTTP/1.1 chunks if chunked (RFC 9112, section
// 7.1), in them text/event-stream (WHATWG HTML, section 9.2.6). It shares no code
// with what makes them and is strict about what this server must keep to.
type wire struct {
	chunked bool

	stage    chunkStage
	sizeLine []byte
	left     int

	line     []byte
	raw      []byte
	now      frame
	pending  bool // now has fields
	frames   []frame
	comments int
	err      error
}

type chunkStage int

const (
	inSize chunkStage = iota
	inData
	afterData // CR LF
	afterLast // CR LF of an empty trailer
	atEnd
)

// feed reads some more bytes.
func (w *wire) feed(b []byte) {
	for _, c := range b {
		if w.err != nil {
			return
		}
		if w.chunked {
			w.chunk(c)
		} else {
			w.text(c)
		}
	}
}

func (w *wire) chunk(c byte) {
	switch w.stage {
	case inSize:
		w.sizeLine = append(w.sizeLine, c)
		if c != '\n' {
			return
		}
		digits, ok := strings.CutSuffix(string(w.sizeLine), "\r\n")
		n, err := strconv.ParseUint(digits, 16, 31)
		if !ok || err != nil || strings.HasPrefix(digits, "0") && digits != "0" {
			w.err = fmt.Errorf("size line %q", w.sizeLine)
			return
		}
		w.sizeLine = w.sizeLine[:0]
		if w.left, w.stage = int(n), inData; n == 0 {
			w.left, w.stage = 2, afterLast
			if w.pending || len(w.line) > 0 {
				w.err = fmt.Errorf("the body ends within an event")
			}
		}
	case inData:
		w.text(c)
		if w.left--; w.left == 0 {
			w.left, w.stage = 2, afterData
		}
	case afterData, afterLast:
		if c != "\n\r"[w.left-1] {
			w.err = fmt.Errorf("%q behind a chunk", c)
		}
		if w.left--; w.left > 0 {
			return
		}
		if w.stage == afterLast {
			w.stage = atEnd
		} else {
			w.stage = inSize
		}
	case atEnd:
		w.err = fmt.Errorf("%q behind the last chunk", c)
	}
}

func (w *wire) text(c byte) {
	w.raw = append(w.raw, c)
	if c == '\r' {
		w.err = fmt.Errorf("a carriage return in the stream")
		return
	}
	if c != '\n' {
		w.line = append(w.line, c)
		return
	}
	line := string(w.line)
	w.line = w.line[:0]
	if !utf8.ValidString(line) {
		w.err = fmt.Errorf("line %q is not UTF-8", line)
		return
	}
	if line == "" {
		if w.pending {
			w.now.raw = string(w.raw)
			w.frames = append(w.frames, w.now)
		}
		w.now, w.pending, w.raw = frame{}, false, w.raw[:0]
		return
	}
	if !w.pending {
		w.now.retry = -1
	}
	field, value, _ := strings.Cut(line, ":")
	value = strings.TrimPrefix(value, " ")
	switch field {
	case "":
		w.comments++
		return
	case "id":
		w.now.id, w.now.hasID = value, true
	case "event":
		w.now.typ = value
	case "data":
		if w.now.data != "" {
			w.err = fmt.Errorf("two data lines")
		}
		w.now.data = value
	case "retry":
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 {
			w.err = fmt.Errorf("line %q", line)
		}
		w.now.retry = n
	default:
		w.err = fmt.Errorf("field %q", line)
	}
	w.pending = true
}

// partial reports whether the bytes end within a frame or a chunk.
func (w *wire) partial() bool {
	return w.pending || len(w.line) > 0 || w.chunked && (w.stage != inSize && w.stage != atEnd || len(w.sizeLine) > 0)
}

// parse reads a whole stream and fails if that isn't one.
func parse(t failer, chunked bool, b []byte) *wire {
	t.Helper()
	w := &wire{chunked: chunked}
	w.feed(b)
	if w.err != nil {
		t.Fatalf("%v in %q", w.err, b)
	}
	return w
}

// The reader must not let through what it is there to find.
func TestWire(t *testing.T) {
	good := "5\r\n:\n\n: \r\n" + "2\r\n\n\n\r\n" + "17\r\nid: e-1\nevent: a\ndata: \r\n3\r\n1\n\n\r\n0\r\n\r\n"
	w := parse(t, true, []byte(good))
	want := []frame{{id: "e-1", typ: "a", data: "1", hasID: true, retry: -1, raw: "id: e-1\nevent: a\ndata: 1\n\n"}}
	if !slices.Equal(w.frames, want) || w.comments != 2 || w.partial() || w.stage != atEnd {
		t.Errorf("%+v", w)
	}
	for _, bad := range []string{
		"x\r\n", "3\n", "03\r\n", "1\r\nab", "1\r\n\nx", "0\r\n\r\nx", "0\r\nx", "2\r\n\r\n\r\n", "2\r\nid\r\n0\r\n",
		"c\r\ndata: 1\ndata: 2\n", "8\r\nnonsense\r\n1\r\n\n\r\n", "2\r\n\xff\n\r\n",
	} {
		w := &wire{chunked: true}
		if w.feed([]byte(bad)); w.err == nil && !bytes.HasPrefix([]byte(bad), []byte("c")) {
			t.Errorf("%q is let through", bad)
		}
	}
	for cut := range len(good) {
		w := &wire{chunked: true}
		if w.feed([]byte(good[:cut])); w.err != nil {
			t.Errorf("%q: %v", good[:cut], w.err)
		}
	}
}
