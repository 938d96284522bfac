package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// fault is what a testServer does wrong, once on every stream.
type fault string

const (
	faultless fault = ""
	drops     fault = "drops an event"
	repeats   fault = "sends an event twice"
	swaps     fault = "sends an event after its successor"
	strays    fault = "sends an event of another channel"
	forgets   fault = "does not resume"
	hangsUp   fault = "ends the stream"
)

// faultAt is the event of a stream that is treated wrongly.
const faultAt = 3

// entry is one published event.
type entry struct{ channel, payload string }

// testServer is a small, slow and simple SSE server that keeps everything.
type testServer struct {
	*httptest.Server
	fault fault

	mu       sync.Mutex
	pieces   bool // events are flushed in small pieces
	log      []entry
	changed  chan struct{}
	refusals int // POSTs still to be refused with 429
}

func newTestServer(t *testing.T, f fault) *testServer {
	s := &testServer{fault: f, changed: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /subscribe", s.subscribe)
	mux.HandleFunc("POST /publish", s.publish)
	mux.HandleFunc("POST /pub/{channel}", s.publishRaw)
	s.Server = httptest.NewServer(mux)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

// published returns how many events there are.
func (s *testServer) published() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.log)
}

// set changes the server under its lock.
func (s *testServer) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (s *testServer) append(entries ...entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, entries...)
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *testServer) publish(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	refuse := s.refusals > 0
	s.refusals--
	s.mu.Unlock()
	if refuse {
		w.Header().Set("Retry-After", "0")
		w.WriteHeader(http.StatusTooManyRequests)
		return
	}
	var body struct {
		Events []struct{ ChannelName, Type, Payload string }
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var entries []entry
	for _, e := range body.Events {
		entries = append(entries, entry{e.ChannelName, e.Payload})
	}
	s.append(entries...)
	fmt.Fprint(w, `{"events":[]}`)
}

func (s *testServer) publishRaw(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.append(entry{r.PathValue("channel"), string(body)})
	w.WriteHeader(http.StatusCreated)
}

// subscribe streams what is on the channels after the position, or from now on.
func (s *testServer) subscribe(w http.ResponseWriter, r *http.Request) {
	channels := strings.Split(r.URL.Query().Get("channels"), ",")
	s.mu.Lock()
	next := len(s.log)
	s.mu.Unlock()
	if id, err := strconv.Atoi(r.Header.Get("Last-Event-ID")); err == nil && s.fault != forgets {
		next = id
	}
	w.Header().Set("Content-Type", "text/event-stream")
	s.send(w, fmt.Sprintf("id: %d\nevent: registered\ndata: {}\n\n", next))
	var held string
	for sent := 0; ; {
		s.mu.Lock()
		entries, changed := s.log[next:], s.changed
		s.mu.Unlock()
		for _, e := range entries {
			next++
			wanted := slices.Contains(channels, e.channel)
			if !wanted && s.fault != strays {
				continue
			}
			sent++
			text := fmt.Sprintf("id: %d\nevent: message\ndata: {\"payload\":%q}\n\n", next, e.payload)
			if wrong := sent == faultAt; wrong {
				switch s.fault {
				case drops:
					continue
				case repeats:
					text += text
				case swaps:
					held = text
					continue
				case hangsUp:
					return
				}
			} else if !wanted {
				continue
			}
			s.send(w, text+held)
			held = ""
		}
		select {
		case <-r.Context().Done():
			return
		case <-changed:
		}
	}
}

// send writes text: whole, or in many pieces.
func (s *testServer) send(w http.ResponseWriter, text string) {
	s.mu.Lock()
	size := len(text)
	if s.pieces {
		size = 7
	}
	s.mu.Unlock()
	for len(text) > 0 {
		n := min(size, len(text))
		fmt.Fprint(w, text[:n])
		http.NewResponseController(w).Flush()
		text = text[n:]
	}
}
