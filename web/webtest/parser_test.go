package webtest

import (
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// The first four are the standard's own examples.
func TestParser(t *testing.T) {
	for name, c := range map[string]struct {
		stream string
		want   []Event
		lastID string
		retry  time.Duration
	}{
		"two lines":       {"data: YHOO\ndata: +2\ndata: 10\n\n", []Event{{"message", "", "YHOO\n+2\n10"}}, "", 0},
		"ids":             {": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n", []Event{{"message", "1", "first event"}, {"message", "", "second event"}, {"message", "", " third event"}}, "", 0},
		"empty and none":  {"data\n\ndata\ndata\n\ndata:", []Event{{"message", "", ""}, {"message", "", "\n"}}, "", 0},
		"a space or none": {"data:test\n\ndata: test\n\n", []Event{{"message", "", "test"}, {"message", "", "test"}}, "", 0},
		"line ends":       {"data: a\rdata: b\r\ndata: c\n\r\ndata: d\r\r", []Event{{"message", "", "a\nb\nc"}, {"message", "", "d"}}, "", 0},
		"byte order mark": {"\uFEFFdata: a\n\n\uFEFFdata: b\n\n", []Event{{"message", "", "a"}}, "", 0},
		"type":            {"event: add\ndata: 1\n\ndata: 2\n\nevent:  x\ndata\n\n", []Event{{"add", "", "1"}, {"message", "", "2"}, {" x", "", ""}}, "", 0},
		"type alone":      {"event: add\n\ndata: 1\n\n", []Event{{"message", "", "1"}}, "", 0},
		"id alone":        {"id: 5\n\ndata: 1\n\n", []Event{{"message", "5", "1"}}, "5", 0},
		"id unfinished":   {"id: 5\n\nid: 6\n", nil, "5", 0},
		"id with NUL":     {"id: 5\ndata\n\nid: 6\x00\ndata\n\n", []Event{{"message", "5", ""}, {"message", "5", ""}}, "5", 0},
		"retry":           {"retry: 10\nretry: 1s\nretry:\nretry: -2\n", nil, "", 10 * time.Millisecond},
		"unknown":         {"foo: 1\nData: 2\n data: 3\n\n", nil, "", 0},
		"invalid UTF-8":   {"data: \xff\n\n", []Event{{"message", "", "\uFFFD"}}, "", 0},
	} {
		for _, r := range []io.Reader{strings.NewReader(c.stream), iotest.OneByteReader(strings.NewReader(c.stream))} {
			p := NewParser(r)
			var got []Event
			for {
				ev, err := p.Next()
				if err == io.EOF {
					break
				} else if err != nil {
					t.Fatal(err)
				}
				got = append(got, ev)
			}
			if !slices.Equal(got, c.want) || p.LastID != c.lastID || p.Retry != c.retry {
				t.Errorf("%s: %q, last id %q, retry %v", name, got, p.LastID, p.Retry)
			}
		}
	}
}

func TestParserComment(t *testing.T) {
	p := NewParser(strings.NewReader("data: 1\nid: 7\n\n:\n\n: two\ndata: 2\n\n"))
	for _, want := range []string{"", " two"} {
		if got, err := p.Comment(); got != want || err != nil {
			t.Errorf("comment %q, error %v, want %q", got, err, want)
		}
	}
	if ev, err := p.Next(); ev != (Event{"message", "7", "2"}) || err != nil {
		t.Errorf("after the comments: %q, error %v", ev, err)
	}
}
