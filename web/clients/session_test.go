package clients

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

// heard is an event as a client reports it.
type heard struct {
	Type string `json:"type"`
	ID   string `json:"id"`
	Data string `json:"data"`
}

// session is what a client has reported since it was started. Its methods are safe for concurrent use.
type session struct {
	mu     sync.Mutex
	events []heard
	ended  bool
	why    string        // the stream ended, if the client says so
	moved  chan struct{} // closed at the next report
}

func newSession() *session { return &session{moved: make(chan struct{})} }

// hear notes an event.
func (s *session) hear(e heard) { s.note(func() { s.events = append(s.events, e) }) }

// end notes that the client has given up for good. What it says first counts.
func (s *session) end(why string) {
	s.note(func() {
		if !s.ended {
			s.ended, s.why = true, why
		}
	})
}

func (s *session) note(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
	close(s.moved)
	s.moved = make(chan struct{})
}

// await waits until done says that enough was heard.
func (s *session) await(t *testing.T, what string, done func(events []heard, ended bool) bool) []heard {
	t.Helper()
	late := time.After(patience)
	for {
		s.mu.Lock()
		events, ended, why, moved := s.events[:len(s.events):len(s.events)], s.ended, s.why, s.moved
		s.mu.Unlock()
		if done(events, ended) {
			return events
		}
		how := ""
		if ended {
			how = fmt.Sprintf("; the client gave up (%s)", why)
		} else {
			select {
			case <-moved:
				continue
			case <-late:
			}
		}
		t.Fatalf("waited in vain for %s%s; the client heard %d events, the last of them\n%s",
			what, how, len(events), list(events[max(0, len(events)-10):]))
	}
}

// first waits for n events and returns all there are.
func (s *session) first(t *testing.T, n int) []heard {
	t.Helper()
	return s.await(t, fmt.Sprintf("%d events", n), func(events []heard, _ bool) bool { return len(events) >= n })
}

// awaitType waits for the nth event of a type and returns it and what came after it.
func (s *session) awaitType(t *testing.T, kind string, nth int) []heard {
	t.Helper()
	at := -1
	events := s.await(t, fmt.Sprintf("%s no. %d", kind, nth), func(events []heard, _ bool) bool {
		at = index(events, kind, nth)
		return at >= 0
	})
	return events[at:]
}

// awaitLive waits until n published events were heard.
func (s *session) awaitLive(t *testing.T, n int) []heard {
	t.Helper()
	return s.await(t, fmt.Sprintf("%d published events", n), func(events []heard, _ bool) bool { return len(live(events)) >= n })
}

// awaitEnd waits until the client has given up for good and returns what it says about it.
func (s *session) awaitEnd(t *testing.T) string {
	t.Helper()
	s.await(t, "the client to give up", func(_ []heard, ended bool) bool { return ended })
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.why
}

// index returns the index of the nth event of a type, or -1.
func index(events []heard, kind string, nth int) int {
	for i, e := range events {
		if e.Type == kind {
			if nth--; nth == 0 {
				return i
			}
		}
	}
	return -1
}

// count returns how many events are of a type.
func count(events []heard, kind string) int {
	n := 0
	for _, e := range events {
		if e.Type == kind {
			n++
		}
	}
	return n
}

// live returns the published ones among events.
func live(events []heard) []heard {
	var out []heard
	for _, e := range events {
		switch e.Type {
		case "registered", "lastEvent", "gap", "goodbye":
		default:
			out = append(out, e)
		}
	}
	return out
}

func list(events []heard) string {
	var b strings.Builder
	for _, e := range events {
		fmt.Fprintf(&b, "  %s %s %.200s\n", e.ID, e.Type, e.Data)
	}
	return b.String()
}

// data is what an event's data says.
type data struct {
	ChannelName string
	Type        string
	Payload     json.RawMessage
	Timestamp   string
}

// open decodes the data of an event.
func (e heard) open(t *testing.T) data {
	t.Helper()
	var d data
	if err := json.Unmarshal([]byte(e.Data), &d); err != nil {
		t.Fatalf("the data of %s %s is %q: %v", e.ID, e.Type, e.Data, err)
	}
	if d.Type != e.Type {
		t.Fatalf("the data of %s %s says that its type is %q", e.ID, e.Type, d.Type)
	}
	return d
}

// wantOwn checks that e is one of the server's own events, on this channel, and that its payload is a string of JSON
// that holds at least what want does.
func (e heard) wantOwn(t *testing.T, kind, channel string, want map[string]any) {
	t.Helper()
	if e.Type != kind {
		t.Fatalf("got %s %s %s, want a %s of %q", e.ID, e.Type, e.Data, kind, channel)
	}
	d := e.open(t)
	var text string
	var got map[string]any
	if err := json.Unmarshal(d.Payload, &text); err != nil || json.Unmarshal([]byte(text), &got) != nil {
		t.Fatalf("the payload of %s %s is %s, want a string of JSON", e.ID, e.Type, d.Payload)
	}
	if d.ChannelName != channel {
		t.Errorf("got a %s of %q, want one of %q", kind, d.ChannelName, channel)
	}
	if len(want) == 0 && len(got) != 0 {
		t.Errorf("the payload of the %s of %q is %v, want {}", kind, channel, got)
	}
	for name, value := range want {
		if !same(got[name], value) {
			t.Errorf("the payload of the %s of %q has %s %v, want %v", kind, channel, name, got[name], value)
		}
	}
}

// wantExactly checks that the events heard are those published: each once, in order, whole.
func wantExactly(t *testing.T, got []heard, want []event) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			t.Fatalf("%d of %d events are missing, the first is %+v", len(want)-i, len(want), want[i])
		case i >= len(want):
			t.Fatalf("%d events too many, the first is\n%s", len(got)-i, list(got[i:i+1]))
		}
		g, w := got[i], want[i]
		d := g.open(t)
		if g.ID != w.ID || g.Type != w.Type || d.ChannelName != w.Channel || !same(d.Payload, w.Payload) {
			t.Fatalf("event %d is\n%swant\n  %+v", i, list(got[i:i+1]), w)
		}
		if _, err := time.Parse("2006-01-02T15:04:05.000Z", d.Timestamp); err != nil {
			t.Errorf("event %s: %v", g.ID, err)
		}
	}
}

// same reports whether two values are the same JSON.
func same(a, b any) bool {
	return reflect.DeepEqual(plain(a), plain(b))
}

// plain returns a value as JSON knows it, numbers to the last digit.
func plain(v any) any {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var out any
	if err := dec.Decode(&out); err != nil {
		panic(err)
	}
	return out
}

// epoch returns the part of an id that names the log.
func epoch(id string) string {
	name, _, _ := strings.Cut(id, "-")
	return name
}
