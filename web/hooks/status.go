package hooks

import (
	"context"
	"slices"
	"time"
)

// Status is how an endpoint is.
type Status struct {
	ID        string // of the endpoint, for people's and programs' use
	URL       string // without secrets
	Types     []string
	Channels  string // patterns
	Secrets   int
	Held      bool      // this server sends to it
	Waiting   uint64    // batches
	Oldest    time.Time // of the waiting batches; zero for none
	Failing   int       // attempts in a row that failed
	NextAt    time.Time // of the next attempt, after a failure
	LastOK    time.Time
	LastErr   string // of the last attempt; "" if it succeeded
	Attempts  uint64
	Failures  uint64
	Delivered uint64 // events
	Dead      int    // dead letters that are kept
	Buried    uint64 // batches that were given up
	Lost      uint64 // batches that were dropped without an attempt
}

// Attempt is one that was made.
type Attempt struct {
	At     time.Time
	ID     string
	Seq    uint64
	Events int
	Nth    int // of this batch, from 1
	Answer
	Body []byte
}

// attemptsKept is how many of an endpoint's attempts are remembered, with bodies of at most bodyKept bytes.
const (
	attemptsKept = 20
	bodyKept     = 64 << 10
)

// Endpoints returns how all endpoints are. Of one that another server sends to, that one has the figures.
func (h *Hooks) Endpoints() []Status {
	var list []Status
	for _, s := range h.all() {
		s.mu.Lock()
		st := s.status
		st.ID, st.URL, st.Secrets = s.id, s.endpoint.Shown(), len(s.endpoint.Secrets)
		st.Types, st.Channels = slices.Clone(s.endpoint.Types), s.endpoint.Channels.String()
		s.mu.Unlock()
		list = append(list, st)
	}
	return list
}

// Attempts returns the last attempts of an endpoint by this server, the newest first.
func (h *Hooks) Attempts(id string) []Attempt {
	s := h.find(id)
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	list := slices.Clone(s.sent)
	slices.Reverse(list)
	return list
}

// Dropped returns how many changes were not reported because the queue was full.
func (h *Hooks) Dropped() uint64 { return h.teller.dropped.Load() }

// Retry retries a failing endpoint at once. It reports whether there is such an endpoint.
func (h *Hooks) Retry(id string) bool {
	s := h.find(id)
	if s == nil {
		return false
	}
	poke(s.now)
	return true
}

// Test sends a message without events to an endpoint.
func (h *Hooks) Test(ctx context.Context, id string) (Answer, bool) {
	s := h.find(id)
	if s == nil {
		return Answer{}, false
	}
	name := newID()
	return s.extra(ctx, name, []byte(`{"id":"`+name+`","events":[]}`), 0, 0), true
}

// SendAgain sends a message that was sent before, which is one of Attempts.
func (h *Hooks) SendAgain(ctx context.Context, id string, seq uint64) (Answer, bool) {
	for _, a := range h.Attempts(id) {
		if a.Seq == seq && a.Body != nil {
			return h.find(id).extra(ctx, a.ID, a.Body, a.Seq, a.Events), true
		}
	}
	return Answer{}, false
}

// extra sends a message out of turn.
func (s *sender) extra(ctx context.Context, id string, body []byte, seq uint64, events int) Answer {
	e, client := s.current()
	a := Attempt{At: time.Now(), ID: id, Seq: seq, Events: events, Nth: 1, Body: body}
	a.Answer = post(ctx, client, e, id, body, s.h.pace.timeout)
	s.note(&a)
	return a.Answer
}

func (h *Hooks) find(id string) *sender {
	list := h.all()
	if i := slices.IndexFunc(list, func(s *sender) bool { return s.id == id }); i >= 0 {
		return list[i]
	}
	return nil
}

// note remembers an attempt.
func (s *sender) note(a *Attempt) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status.Attempts++
	s.status.LastErr = a.Err
	if a.OK() {
		s.status.LastOK, s.status.Failing = a.At, 0
	} else {
		s.status.Failures++
		s.status.Failing++
	}
	if s.sent = append(s.sent, *a); len(s.sent) > attemptsKept {
		s.sent = slices.Delete(s.sent, 0, 1)
	}
	if last := &s.sent[len(s.sent)-1]; len(last.Body) > bodyKept {
		last.Body = nil
	}
}

func (s *sender) count(change func(*Status)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.status)
}

func (s *sender) setHeld(held bool) { s.count(func(st *Status) { st.Held = held }) }

func (s *sender) isHeld() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status.Held
}

func (s *sender) setWaiting(n uint64, oldest time.Time) {
	s.count(func(st *Status) { st.Waiting, st.Oldest = n, oldest })
}
