package eventlog

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

// sseEvent is an event as a browser dispatches it.
type sseEvent struct {
	id, typ, data string
}

// sseStream is what a browser makes of a stream.
type sseStream struct {
	events []sseEvent
	lastID string
	retry  int // milliseconds; -1 if never set
	rest   bool
}

// readSSE reads a whole stream as section 9.2.6 of the HTML standard has it,
// written from its text and sharing nothing with the package.
func readSSE(body []byte) sseStream {
	// "Streams must be decoded using the UTF-8 decode algorithm", which strips one
	// byte order mark and replaces what is ill-formed.
	text := strings.TrimPrefix(strings.ToValidUTF8(string(body), "�"), "\uFEFF")
	s := sseStream{retry: -1}
	var data, typ, id string
	for len(text) > 0 {
		end := strings.IndexAny(text, "\r\n")
		if end < 0 {
			break // an unfinished line
		}
		line := text[:end]
		if strings.HasPrefix(text[end:], "\r\n") {
			end++
		}
		text = text[end+1:]
		if line == "" { // dispatch
			s.lastID = id
			if data != "" {
				ev := sseEvent{s.lastID, "message", strings.TrimSuffix(data, "\n")}
				if typ != "" {
					ev.typ = typ
				}
				s.events = append(s.events, ev)
			}
			data, typ = "", ""
			continue
		}
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "event":
			typ = value
		case "data":
			data += value + "\n"
		case "id":
			if !strings.Contains(value, "\x00") {
				id = value
			}
		case "retry":
			if value != "" && strings.Trim(value, "0123456789") == "" {
				s.retry, _ = strconv.Atoi(value)
			}
		}
	}
	// "Once the end of the file is reached, any pending data must be discarded."
	s.rest = data != "" || typ != "" || text != ""
	return s
}

// The reader reads the standard's own examples as the standard says.
func TestReadSSE(t *testing.T) {
	for _, c := range []struct {
		body   string
		events []sseEvent
		lastID string
	}{
		{"data: YHOO\ndata: +2\ndata: 10\n\n", []sseEvent{{"", "message", "YHOO\n+2\n10"}}, ""},
		{": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event",
			[]sseEvent{{"1", "message", "first event"}, {"", "message", "second event"}}, ""},
		{"data\n\ndata\ndata\n\ndata:", []sseEvent{{"", "message", ""}, {"", "message", "\n"}}, ""},
		{"data:test\n\ndata: test\n\n", []sseEvent{{"", "message", "test"}, {"", "message", "test"}}, ""},
		{"event: add\r\ndata: 73\r\n\r\nid: 7\revent: remove\rdata: 21\r\r", []sseEvent{{"", "add", "73"}, {"7", "remove", "21"}}, "7"},
		{"\uFEFFid: 1\nevent: x\n\nid: a\x00b\ndata: y\n\n", []sseEvent{{"1", "message", "y"}}, "1"},
	} {
		got := readSSE([]byte(c.body))
		if !slices.Equal(got.events, c.events) || got.lastID != c.lastID {
			t.Errorf("%q: %q, last id %q", c.body, got.events, got.lastID)
		}
	}
	if got := readSSE([]byte("retry: 3000\nretry: 3s\nretry:\n\n")); got.retry != 3000 {
		t.Errorf("retry %d", got.retry)
	}
}
