package hooks

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"rollcall/hub/outbox"
)

// sender sends to one endpoint.
type sender struct {
	h       *Hooks
	id      string
	wake    chan struct{} // capacity one
	now     chan struct{} // capacity one: an attempt at once
	ctx     context.Context
	stop    context.CancelFunc
	done    chan struct{}
	drained chan struct{} // closed by the goroutine when nothing waits, once closing
	closing chan struct{}
	once    sync.Once

	// Owned by the goroutine.
	after   uint64 // of the cursor
	rev     uint64
	renewed time.Time
	fails   int // in a row
	began   time.Time

	mu       sync.Mutex // guards the fields below
	endpoint *Endpoint
	client   *http.Client
	status   Status
	sent     []Attempt // the newest last
}

// newSender returns a sender that does not run yet. It sees to it that the endpoint has a cursor.
func newSender(ctx context.Context, h *Hooks, e *Endpoint) (*sender, error) {
	s := &sender{
		h: h, id: e.id(), wake: make(chan struct{}, 1), now: make(chan struct{}, 1), done: make(chan struct{}),
		drained: make(chan struct{}), closing: make(chan struct{}), began: time.Now(),
	}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.replace(e)
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	return s, s.countDead(ctx)
}

// replace sends to the endpoint as it is described now.
func (s *sender) replace(e *Endpoint) {
	s.mu.Lock()
	old := s.client
	if s.endpoint == nil || s.endpoint.AllowPrivate != e.AllowPrivate {
		s.client = newClient(e.AllowPrivate, s.h.roots)
	}
	one := *e
	s.endpoint = &one
	renewed := old != s.client
	s.mu.Unlock()
	if old != nil && renewed {
		old.CloseIdleConnections()
	}
}

// current returns the endpoint and its HTTP client.
func (s *sender) current() (*Endpoint, *http.Client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.endpoint, s.client
}

func (s *sender) shown() string {
	e, _ := s.current()
	return e.Shown()
}

func (s *sender) signal() { poke(s.wake) }

// poke gives a channel of capacity one a value.
func poke(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// drain waits until the sender has nothing to send, or ctx ends.
func (s *sender) drain(ctx context.Context) error {
	s.once.Do(func() { close(s.closing) })
	if s.h.store.Shared() && !s.isHeld() {
		return nil // another server's
	}
	select {
	case <-s.drained:
		return nil
	case <-s.done:
		return nil
	case <-ctx.Done():
		if s.h.store.Durable() {
			return nil // it is sent after the restart, or by another server
		}
		return errors.New("webhooks: some events were not sent to " + s.shown())
	}
}

// close ends a sender whose endpoint is gone.
func (s *sender) close() {
	s.stop()
	<-s.done
	_, client := s.current()
	client.CloseIdleConnections()
}

// run sends until ctx, or the sender's own, ends.
func (s *sender) run(ctx context.Context) {
	defer close(s.done)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)()
	for s.hold(ctx) == nil {
		err := s.send(ctx)
		if ctx.Err() != nil {
			break
		}
		s.setHeld(false)
		s.h.log.Info("webhooks: no longer sending to this endpoint", "endpoint", s.shown(), "reason", err)
	}
	if s.rev > 0 && s.isHeld() { // another server may take over at once
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.h.pace.store)
		defer cancel()
		_ = s.renew(ctx, "")
	}
	_, client := s.current()
	client.CloseIdleConnections()
}

// send sends waiting batches as long as this server holds the cursor.
func (s *sender) send(ctx context.Context) error {
	for {
		entries, err := s.h.store.Read(ctx, s.after, readStep)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			s.h.log.Debug("webhooks: the store can't be read; trying again", "endpoint", s.shown(), "error", err)
			if err := s.wait(ctx, time.After(s.h.pace.store), nil); err != nil {
				return err
			}
			continue
		}
		for i := range entries {
			if err := s.deliver(ctx, &entries[i]); err != nil {
				return err
			}
		}
		if len(entries) > 0 {
			continue
		}
		s.setWaiting(0, time.Time{})
		if err := s.renew(ctx, s.h.self); err != nil && !transient(err) {
			return err
		}
		select {
		case <-s.closing:
			if s.after >= s.h.teller.at.Load() {
				s.setDrained()
			}
		default:
		}
		if err := s.wait(ctx, nil, s.wake); err != nil {
			return err
		}
	}
}

// setDrained records that nothing waits. Only the goroutine calls it.
func (s *sender) setDrained() {
	select {
	case <-s.drained:
	default:
		close(s.drained)
	}
}

// transient reports whether an error of the store may be temporary: as far as known, this server still holds the
// cursor.
func transient(err error) bool { return !errors.Is(err, errLost) }

// wait returns when one of the channels gives something. Meanwhile the cursor is renewed, which fails with errLost.
func (s *sender) wait(ctx context.Context, timer <-chan time.Time, wake <-chan struct{}) error {
	var renew <-chan time.Time
	if s.h.store.Shared() {
		ticker := time.NewTicker(s.h.pace.renew)
		defer ticker.Stop()
		renew = ticker.C
	}
	closing := s.closing
	select {
	case <-closing:
		closing = nil // it was noticed before
	default:
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer:
			return nil
		case <-wake:
			return nil
		case <-closing:
			return nil
		case <-renew:
			if err := s.renew(ctx, s.h.self); err != nil {
				if !transient(err) || time.Since(s.renewed) > s.h.pace.lease {
					return errLost
				}
			}
		}
	}
}

// deliver sends an entry until the endpoint has accepted it or it is given up, and moves the cursor. It fails if this
// server has lost the cursor, or with ctx.
func (s *sender) deliver(ctx context.Context, entry *outbox.Entry) error {
	if gap := entry.Seq - s.after - 1; gap > 0 {
		s.count(func(st *Status) { st.Lost += gap })
		s.h.log.Error("webhooks: batches were dropped before they were sent: the endpoint takes too little", "endpoint", s.shown(), "batches", gap)
	}
	var b batch
	if err := json.Unmarshal(entry.Data, &b); err != nil {
		s.h.log.Error("webhooks: a batch can't be read", "error", err)
		s.after = entry.Seq
		return nil
	}
	for attempts := 0; ; attempts++ {
		e, client := s.current()
		events := e.of(b.Events)
		if len(events) == 0 {
			s.after = entry.Seq
			return nil
		}
		s.setWaiting(s.h.teller.at.Load()-s.after, b.Made)
		body, err := json.Marshal(message{b.ID, events})
		if err != nil {
			return err
		}
		a := Attempt{At: time.Now(), ID: b.ID, Seq: entry.Seq, Events: len(events), Nth: attempts + 1, Body: body}
		if s.fails > 0 && s.overdue(&b) {
			return s.bury(ctx, entry.Seq, &b, &a)
		}
		if a.Answer, err = s.attempt(ctx, e, client, b.ID, body); err != nil {
			return err
		}
		s.note(&a)
		if a.OK() {
			s.fails, s.after = 0, entry.Seq
			s.count(func(st *Status) { st.Delivered += uint64(len(events)) })
			return s.moved(ctx)
		}
		s.fails++
		s.h.log.Warn("webhooks: an endpoint did not take a message", "endpoint", e.Shown(), "id", b.ID, "attempt", attempts+1, "reason", a.Err)
		if s.overdue(&b) {
			continue // it is buried
		}
		if err := s.pause(ctx, a.After); err != nil {
			return err
		}
	}
}

// overdue reports whether a batch has been retried for long enough. After a restart its time begins again.
func (s *sender) overdue(b *batch) bool {
	from := b.Made
	if s.began.After(from) {
		from = s.began
	}
	return time.Since(from) >= s.h.pace.giveUp
}

// attempt posts a message, while the cursor is renewed.
func (s *sender) attempt(ctx context.Context, e *Endpoint, client *http.Client, id string, body []byte) (Answer, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answer, came := Answer{}, make(chan struct{})
	go func() {
		defer close(came)
		answer = post(ctx, client, e, id, body, s.h.pace.timeout)
	}()
	for {
		err := s.wait(ctx, nil, came)
		select {
		case <-came:
			if err == nil || ctx.Err() == nil && answer.OK() {
				return answer, nil
			}
			return answer, err
		default:
		}
		if err != nil {
			cancel()
			<-came
			return answer, err
		}
	}
}

// pause waits before the next attempt. An operator may end it.
func (s *sender) pause(ctx context.Context, asked time.Duration) error {
	d := min(s.h.pace.first<<min(s.fails-1, 20), s.h.pace.most)
	d = max(d/2+rand.N(d/2+1), min(asked, s.h.pace.most))
	s.count(func(st *Status) { st.NextAt = time.Now().Add(d) })
	defer s.count(func(st *Status) { st.NextAt = time.Time{} })
	return s.wait(ctx, time.After(d), s.now)
}

// moved stores the cursor. It does not wait for an unavailable store: at worst a message is sent twice.
func (s *sender) moved(ctx context.Context) error {
	if err := s.renew(ctx, s.h.self); err != nil && !transient(err) {
		return err
	}
	if !s.h.store.Durable() {
		return s.h.trim(ctx)
	}
	return nil
}

// trim drops the entries that all endpoints have passed.
func (h *Hooks) trim(ctx context.Context) error {
	through := h.teller.at.Load()
	for _, s := range h.all() {
		v, err := h.store.Get(ctx, cursorName(s.id))
		if err != nil {
			return err
		}
		var c cursor
		if err := json.Unmarshal(v.Data, &c); err != nil {
			return err
		}
		through = min(through, c.After)
	}
	return h.store.Trim(ctx, through)
}
