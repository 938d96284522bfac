package roster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Limits of an entry.
const (
	MaxID    = 256      // bytes
	MaxValue = 64 << 10 // bytes
)

// requestTimeout bounds every request to NATS.
const requestTimeout = 2 * time.Second

// Errors. Their text goes on with a reason.
var (
	// ErrUnavailable: NATS can't be reached.
	ErrUnavailable = errors.New("the cluster's roster is not available")
	// ErrInvalid: an id or a value is not within the limits.
	ErrInvalid = errors.New("not valid for the roster")
	// ErrMismatch: the stream exists and is not as asked for.
	ErrMismatch = errors.New("the roster's stream exists and does not fit the settings")
	// ErrClosed: the roster was closed.
	ErrClosed = errors.New("the roster is closed")
)

// Options say where a roster is and which node this is.
type Options struct {
	Stream   string        // name of the JetStream stream, created if missing
	Prefix   string        // of all subjects; no other stream may have <prefix>.*.>
	Node     string        // this node's name, for others to see
	Replicas int           // of the stream; 0 means 1 for a new stream and any number for an existing one
	OnDisk   bool          // store in files; otherwise in memory, and the servers' restart empties it
	Bytes    int64         // most that the stream may take; 0 is no limit
	Lease    time.Duration // how long a node counts as up after its last renewal; 0 means 15 s, at least 1 s
	// Info returns JSON about this node for others to see: version, load. It is called
	// for each renewal of the lease, a third of it apart, by a goroutine of the roster's.
	Info func() []byte
	Log  *slog.Logger
}

// Roster is one node's part in the table. Make it with Open.
type Roster struct {
	// Static.
	nc      *nats.Conn
	js      jetstream.JetStream
	opts    Options
	log     *slog.Logger
	names   names
	began   time.Time
	beat    time.Duration // between the heartbeats of a silent consumer
	ctx     context.Context
	stop    context.CancelFunc
	hard    atomic.Bool // end without a farewell, as in a crash
	running sync.WaitGroup
	once    sync.Once
	own     *outgoing
	out     *outbox
	reaper  *reaper
	heard   chan Word
	asked   chan Question
	renew   chan struct{} // capacity one; asks for a renewal now

	// Owned by the publishing goroutine.
	lease lease
	acks  acks

	// Owned by the following goroutine, except nodes.
	view view

	caught atomic.Int64 // when the view was last known to be up to date, ns since began; 0 is never
	skew   atomic.Int64 // the servers' clock less ours, ns

	mu      sync.Mutex
	session string               // the present one
	mine    map[string]time.Time // sessions of ours, and when they were begun
	nodes   map[string]*node     // others, by session
	renewed time.Time            // when the own lease was last known to hold
	info    []byte               // as last sent
	trouble string               // why the view is not up to date, "" for nothing
	failing time.Time            // since when nothing can be published; zero if publishing works
	failure string               // why
}

// Open joins the roster: it makes or checks the stream and takes a lease, and waits
// for that until ctx ends. The connection stays the caller's; it should go on
// connecting without end and should not buffer while it does.
//
// Errors: ErrUnavailable, ErrMismatch.
func Open(ctx context.Context, nc *nats.Conn, opts Options) (*Roster, error) {
	if opts.Lease == 0 {
		opts.Lease = 15 * time.Second
	}
	opts.Lease = max(opts.Lease, time.Second)
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(requestTimeout))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	r := &Roster{
		nc: nc, js: js, opts: opts, log: opts.Log, names: names{opts.Prefix}, began: time.Now(),
		beat:  min(max(opts.Lease/10, 100*time.Millisecond), time.Second),
		out:   newOutbox(),
		heard: make(chan Word, 64),
		asked: make(chan Question, mostAsked),
		renew: make(chan struct{}, 1),
		mine:  make(map[string]time.Time),
		nodes: make(map[string]*node),
	}
	r.own = newOwn()
	r.reaper = &reaper{wake: make(chan struct{}, 1), due: make(map[string]time.Time)}
	r.view = view{Roster: r, shared: make(map[string]shared), orphans: make(map[string]time.Time)}
	r.ctx, r.stop = context.WithCancel(context.Background())
	if err := r.begin(ctx); err != nil {
		r.stop()
		r.acks.close()
		return nil, err
	}
	ask, err := r.answerQuestions()
	var tell *nats.Subscription
	if err == nil {
		tell, err = r.listen()
	}
	if err != nil {
		r.stop()
		r.acks.close()
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	for _, f := range []func(){r.publish, r.follow, r.reap, r.out.run(r.ctx)} {
		r.running.Go(f)
	}
	context.AfterFunc(r.ctx, func() { _, _ = tell.Unsubscribe(), ask.Unsubscribe() })
	return r, nil
}

// begin makes the stream and takes the first lease.
func (r *Roster) begin(ctx context.Context) error {
	for {
		_, err := r.ensure(ctx)
		if err == nil {
			err = r.acks.open(r.nc)
		}
		if err == nil {
			err = r.keep(ctx)
		}
		if err == nil || errors.Is(err, ErrMismatch) {
			return err
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	}
}

// Close takes this node and its entries off the roster, as far as NATS can be
// reached, and ends Changes.
func (r *Roster) Close() error {
	r.once.Do(func() {
		r.own.close()
		r.stop()
		r.running.Wait()
		if !r.hard.Load() {
			r.farewell()
		}
		r.acks.close()
	})
	return nil
}

// Changes delivers the changes of the table in batches, in order, to one reader. The first batch, which may be empty,
// is the initial state. Close closes the channel. A slow reader gets larger batches.
func (r *Roster) Changes() <-chan []Change { return r.out.ch }

// Nodes returns the nodes that are up, this one first and the others by name.
func (r *Roster) Nodes() []Node {
	entries := r.own.count()
	r.mu.Lock()
	defer r.mu.Unlock()
	list := []Node{{Name: r.opts.Node, Session: r.session, Self: true, Since: r.mine[r.session], Renewed: r.renewed, Info: r.info, Entries: entries}}
	for session, n := range r.nodes {
		list = append(list, Node{Name: n.name, Session: session, Since: n.since, Renewed: n.seen, Info: n.info, Entries: len(n.entries)})
	}
	slices.SortFunc(list[1:], func(a, b Node) int {
		return 2*strings.Compare(a.Name, b.Name) + strings.Compare(a.Session, b.Session)
	})
	return list
}

// Session returns the session under which this node's entries are now.
func (r *Roster) Session() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.session
}

// Degraded reports whether this node's view of others, or theirs of it, may be out of date: since when, and why.
func (r *Roster) Degraded() (since time.Time, reason string, degraded bool) {
	caught := r.began
	ns := r.caught.Load()
	if ns != 0 {
		caught = r.began.Add(time.Duration(ns))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch late := time.Since(caught); {
	case !r.nc.IsConnected():
		return caught, "there is no connection to NATS", true
	case r.trouble != "":
		return caught, r.trouble, true
	case ns == 0:
		return caught, "the table is still being read", true
	case late > r.silence():
		return caught, "nothing was heard for " + late.Round(time.Millisecond).String(), true
	case !r.failing.IsZero() && time.Since(r.failing) > r.opts.Lease/2:
		return r.failing, "other nodes do not receive this node's entries: " + r.failure, true
	}
	return time.Time{}, "", false
}

// silence is the longest plausible silence of a working consumer.
func (r *Roster) silence() time.Duration { return max(5*r.beat, 2*time.Second) }

func (r *Roster) setDegraded(reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trouble = reason
}

// during returns a context for one request.
func (r *Roster) during(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, requestTimeout)
}

// answer returns a context for acknowledgements. Waiting for a lost one must not cost the lease.
func (r *Roster) answer(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, min(requestTimeout, r.opts.Lease/4))
}

// pause waits, and reports whether to go on.
func (r *Roster) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-r.ctx.Done():
		return false
	}
}

func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
