package roster

import (
	"context"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// reaper purges the remains of ended sessions from the stream.
type reaper struct {
	wake chan struct{} // capacity one

	mu  sync.Mutex
	due map[string]time.Time // sessions, and when to look at them
}

func (p *reaper) add(session string, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.due[session]; !ok {
		p.due[session] = at
		signal(p.wake)
	}
}

// next returns a session that is due, or how long to wait for one.
func (p *reaper) next() (session string, wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	wait = time.Hour
	for s, at := range p.due {
		if wait = min(wait, time.Until(at)); wait <= 0 {
			return s, 0
		}
	}
	return "", wait
}

// done notes that a session was dealt with, or, with a time, is to be looked at again.
func (p *reaper) done(session string, again time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if again.IsZero() {
		delete(p.due, session)
	} else {
		p.due[session] = again
	}
}

// reap runs until the roster ends. Other nodes do the same with the same sessions;
// that does no harm.
func (r *Roster) reap() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for r.ctx.Err() == nil {
		session, wait := r.reaper.next()
		if session == "" {
			timer.Reset(wait)
			select {
			case <-timer.C:
			case <-r.reaper.wake:
			case <-r.ctx.Done():
			}
			continue
		}
		_, c, err := r.leaseOf(r.ctx, session)
		switch {
		case err == nil && c != nil: // the stream still has its lease
			if r.known(session) {
				r.reaper.done(session, time.Time{})
			} else {
				r.reaper.done(session, time.Now().Add(time.Second))
			}
			continue
		case err == nil: // and it can't come back
			err = r.sweep(r.ctx, session)
		}
		if err != nil {
			r.reaper.done(session, time.Now().Add(time.Second))
			continue
		}
		r.reaper.done(session, time.Time{})
	}
}

// known reports whether a session is up.
func (r *Roster) known(session string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.nodes[session] != nil || r.session == session
}

// sweep purges the entries of a session.
func (r *Roster) sweep(ctx context.Context, session string) error {
	ctx, cancel := r.during(ctx)
	defer cancel()
	s, err := r.js.Stream(ctx, r.opts.Stream)
	if err != nil {
		return err
	}
	return s.Purge(ctx, jetstream.WithPurgeSubject(r.names.entries(session)))
}
