package hooks

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"rollcall/hub/outbox"
	"rollcall/presence/peers"
)

// Options configure Hooks.
type Options struct {
	Log       *slog.Logger // nil logs nothing
	Store     outbox.Store // nil means one in memory; the caller closes its own
	Endpoints []Endpoint
	Grace     time.Duration // of presence
	Roster    peers.Roster  // nil for a single server

	roots *tls.Config // for tests
	pace  *pace       // for tests
}

// pace holds the durations, which tests shorten.
type pace struct {
	gather     time.Duration // events into a batch
	rank       time.Duration // how long a server waits for each server before it in the roster to report
	settle     time.Duration // how long clients have to return after a restart
	store      time.Duration // between attempts to use a store that can't be used, and of one
	checkpoint time.Duration // between two times that the table is stored
	lease      time.Duration // an endpoint whose cursor was not renewed for this long may be taken over
	renew      time.Duration
	timeout    time.Duration // of one attempt
	giveUp     time.Duration // after which a batch is a dead letter
	first      time.Duration // pause after a failure, which doubles
	most       time.Duration // to this
	closing    time.Duration // how long waiting batches are still sent at the end
}

// usualPace returns the pace for presence with a grace.
func usualPace(grace time.Duration) *pace {
	return &pace{
		gather: 100 * time.Millisecond, rank: 3 * time.Second, settle: grace + 15*time.Second, store: time.Second,
		checkpoint: 10 * time.Second, lease: 10 * time.Second, renew: 3 * time.Second, timeout: 15 * time.Second,
		giveUp: 10 * time.Minute, first: time.Second, most: time.Minute, closing: 5 * time.Second,
	}
}

// memoryBudget limits a store in memory.
const memoryBudget = 64 << 20

// MaxEndpoints bounds the endpoints of a server.
const MaxEndpoints = 32

// Hooks sends webhooks. Its methods are safe for concurrent use.
type Hooks struct {
	log    *slog.Logger
	store  outbox.Store
	pace   *pace
	roots  *tls.Config
	roster peers.Roster
	self   string // among the servers that share the store
	teller *teller
	stop   context.CancelFunc // ends the senders
	ctx    context.Context

	mu      sync.Mutex // guards senders
	senders []*sender
}

// New returns Hooks that accept changes and report nothing before Start. Close ends it.
func New(ctx context.Context, o Options) (*Hooks, error) {
	h := &Hooks{log: o.Log, store: o.Store, pace: o.pace, roots: o.roots, roster: o.Roster, self: rand.Text()[:12]}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	if h.store == nil {
		h.store = outbox.NewMemory(memoryBudget)
	}
	if h.pace == nil {
		h.pace = usualPace(o.Grace)
	}
	if err := CheckEndpoints(o.Endpoints); err != nil {
		return nil, err
	}
	h.teller = newTeller(h)
	if err := h.teller.load(ctx); err != nil {
		return nil, fmt.Errorf("webhooks: %w", err)
	}
	h.ctx, h.stop = context.WithCancel(context.Background())
	for i := range o.Endpoints {
		s, err := newSender(ctx, h, &o.Endpoints[i])
		if err != nil {
			h.stop()
			return nil, fmt.Errorf("webhooks: %w", err)
		}
		h.senders = append(h.senders, s)
	}
	return h, nil
}

// CheckEndpoints returns what is wrong with a list of endpoints, or nil.
func CheckEndpoints(list []Endpoint) error {
	if len(list) > MaxEndpoints {
		return fmt.Errorf("there are %d endpoints; allowed are %d", len(list), MaxEndpoints)
	}
	seen := map[string]bool{}
	for i := range list {
		if err := list[i].Check(); err != nil {
			return fmt.Errorf("webhooks[%d].%w", i, err)
		}
		if seen[list[i].id()] {
			return fmt.Errorf("webhooks[%d].url is there twice", i)
		}
		seen[list[i].id()] = true
	}
	return nil
}

// Start begins reporting. present reports whether a client is on a channel, or online for presence.Everyone.
func (h *Hooks) Start(present func(channel, clientID string) bool) {
	h.teller.present = present
	go h.teller.run()
	for _, s := range h.senders {
		go s.run(h.ctx)
	}
}

// Replace replaces the endpoints. One with the same URL continues at its position.
func (h *Hooks) Replace(ctx context.Context, list []Endpoint) error {
	if err := CheckEndpoints(list); err != nil {
		return err
	}
	h.mu.Lock()
	before := slices.Clone(h.senders)
	h.mu.Unlock()
	next := make([]*sender, len(list))
	for i := range list {
		at := slices.IndexFunc(before, func(s *sender) bool { return s.id == list[i].id() })
		if at >= 0 {
			next[i] = before[at]
			continue
		}
		s, err := newSender(ctx, h, &list[i])
		if err != nil {
			return fmt.Errorf("webhooks: %w", err)
		}
		next[i] = s
	}
	h.mu.Lock()
	h.senders = next
	h.mu.Unlock()
	for i, s := range next {
		if slices.Contains(before, s) {
			s.replace(&list[i])
		} else {
			go s.run(h.ctx)
		}
	}
	for _, s := range before {
		if !slices.Contains(next, s) {
			s.close()
		}
	}
	return nil
}

// Close reports pending changes, and sends waiting batches for a short time, at most until ctx ends.
func (h *Hooks) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, h.pace.closing)
	defer cancel()
	err := h.teller.close(ctx)
	for _, s := range h.all() {
		err = errors.Join(err, s.drain(ctx))
	}
	h.stop()
	for _, s := range h.all() {
		<-s.done
	}
	return err
}

// all returns the senders.
func (h *Hooks) all() []*sender {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.senders)
}

// told wakes the senders.
func (h *Hooks) told() {
	for _, s := range h.all() {
		s.signal()
	}
}

// rank returns how many servers of the roster report before this one.
func (h *Hooks) rank() int {
	if h.roster == nil {
		return 0
	}
	nodes := h.roster.Nodes()
	n := 0
	for _, node := range nodes[min(1, len(nodes)):] {
		if self := nodes[0]; node.Name < self.Name || node.Name == self.Name && node.Session < self.Session {
			n++
		}
	}
	return n
}
