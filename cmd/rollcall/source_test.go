package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/cmd/rollcall/torture"
)

// sse is an event as it came.
type sse struct {
	id, kind, data string
	base           string // of the server it came from
}

// payload returns the payload as text.
func (e sse) payload() string {
	var data struct{ Payload json.RawMessage }
	var text string
	if json.Unmarshal([]byte(e.data), &data) != nil || json.Unmarshal(data.Payload, &text) != nil {
		return e.data
	}
	return text
}

// position returns an id's epoch and number.
func position(id string) (epoch string, seq uint64) {
	epoch, text, _ := strings.Cut(id, "-")
	seq, _ = strconv.ParseUint(text, 10, 64)
	return epoch, seq
}

// source reads a stream as an EventSource does: whenever that ends it comes back, with the last id, and here to the next of
// its servers. It stays away after a 204.
type source struct {
	path string
	on   func(sse)     // called for each event, in order; nil keeps them
	live *atomic.Int64 // how many streams have registered and not ended; nil is not counted

	mu       sync.Mutex
	bases    []string
	at       int
	conn     net.Conn
	last     string
	all      []sse
	opened   int
	statuses []int // of what was no stream
	ended    bool

	cancel context.CancelFunc
	done   chan struct{}
}

// open starts a source that keeps what comes, until the test's end.
func open(t *testing.T, path string, bases ...string) *source {
	t.Helper()
	s := &source{path: path, bases: bases}
	s.run(t)
	s.until(t, "the stream has begun", func(all []sse) bool { return len(all) > 0 })
	return s
}

func (s *source) run(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel, s.done = cancel, make(chan struct{})
	t.Cleanup(s.close)
	go func() {
		defer close(s.done)
		for ctx.Err() == nil && s.visit(ctx) {
			select {
			case <-time.After(time.Duration(5+rand.IntN(95)) * time.Millisecond):
			case <-ctx.Done():
			}
		}
		s.mu.Lock()
		s.ended = true
		s.mu.Unlock()
	}()
}

// close ends the source.
func (s *source) close() {
	s.cancel()
	s.drop()
	<-s.done
}

// drop ends the present stream, as a network does.
func (s *source) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil {
		_ = s.conn.Close()
	}
}

// move has the source go on with another server.
func (s *source) move(base string) {
	s.mu.Lock()
	s.bases, s.at = []string{base}, 0
	s.mu.Unlock()
	s.drop()
}

// visit reads one stream to its end. It returns false for what there is no coming back from.
func (s *source) visit(ctx context.Context) bool {
	s.mu.Lock()
	base := s.bases[s.at%len(s.bases)]
	last := s.last
	s.at++
	s.mu.Unlock()
	conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		return true
	}
	defer conn.Close()
	s.mu.Lock()
	s.conn = conn
	s.mu.Unlock()
	if ctx.Err() != nil {
		return false
	}
	header := ""
	if last != "" {
		header = "Last-Event-ID: " + last + "\r\n"
	}
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", s.path, header)
	answer, err := http.ReadResponse(bufio.NewReaderSize(conn, 1024), nil)
	if err != nil {
		return true
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.statuses = append(s.statuses, answer.StatusCode)
		return false
	}
	s.mu.Lock()
	s.opened++
	s.mu.Unlock()
	live := false
	_ = torture.Scan(answer.Body, func(m torture.Message) { // how a stream ends, its last event says
		if m.Kind == "registered" && s.live != nil && !live {
			live = true
			s.live.Add(1)
		}
		s.take(sse{id: m.ID, kind: m.Kind, data: m.Data, base: base})
	})
	if live {
		s.live.Add(-1)
	}
	return true
}

func (s *source) take(e sse) {
	s.mu.Lock()
	if e.id != "" {
		s.last = e.id
	}
	if s.on == nil {
		s.all = append(s.all, e)
	}
	s.mu.Unlock()
	if s.on != nil {
		s.on(e)
	}
}

// events returns what came.
func (s *source) events() []sse {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.all)
}

// streams returns how many streams there were.
func (s *source) streams() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened
}

// away returns the status that the source stays away for, 0 for none.
func (s *source) away() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended || len(s.statuses) == 0 {
		return 0
	}
	return s.statuses[len(s.statuses)-1]
}

// until waits until the condition holds for what came.
func (s *source) until(t *testing.T, what string, ok func([]sse) bool) {
	t.Helper()
	t.Cleanup(func() {
		if t.Failed() {
			all := s.events()
			t.Logf("%s got %d events in %d streams: %.2000q", s.path, len(all), s.streams(), all[max(0, len(all)-20):])
		}
	})
	until(t, what, func() bool { return ok(s.events()) })
}

// only returns the events of these kinds.
func only(all []sse, kinds ...string) (list []sse) {
	for _, e := range all {
		if slices.Contains(kinds, e.kind) {
			list = append(list, e)
		}
	}
	return list
}

// wantAll waits until the source has these events of the type message, and checks that it got each once, in order.
func (s *source) wantAll(t *testing.T, want []kept) {
	t.Helper()
	s.until(t, fmt.Sprintf("%d events have come", len(want)), func(all []sse) bool { return len(only(all, "message")) >= len(want) })
	got := only(s.events(), "message")
	for i, e := range got {
		if i >= len(want) || e.id != want[i].ID || e.payload() != want[i].Payload {
			t.Fatalf("event %d of %d is %v; %d were published, the one here is %v", i, len(got), e, len(want), want[min(i, len(want)-1)])
		}
	}
	if gaps := only(s.events(), "gap"); len(gaps) > 0 {
		t.Errorf("gaps were told of: %v", gaps)
	}
}

// merged returns the histories of the channels in the order of the log.
func merged(t *testing.T, client *http.Client, base string, channels ...string) (all []kept) {
	t.Helper()
	for _, channel := range channels {
		all = append(all, history(t, client, base, channel)...)
	}
	slices.SortFunc(all, func(a, b kept) int {
		_, x := position(a.ID)
		_, y := position(b.ID)
		return int(x) - int(y)
	})
	return all
}
