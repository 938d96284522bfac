package torture

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"time"
)

// resumer reads a stream as an EventSource does, and comes back with the last id whenever it ends: at once or later, and at any
// server. While it is restless, it ends streams itself, and stalls.
type resumer struct {
	servers []string
	path    string
	rand    *rand.Rand
	on      func(server, asked string, m Message) // for each event, in order
	refused func(server string, status int)

	mu    sync.Mutex
	now   *stream
	calm  bool
	began bool // a stream has been given something: since settle, one that stays
	last  string
}

func (r *resumer) run(ctx context.Context) {
	for {
		r.mu.Lock()
		s := &stream{stalls: make(chan time.Duration, 1)}
		r.now = s
		last := r.last
		life := r.life()
		r.mu.Unlock()
		server := pick(r.rand, r.servers)
		ending := r.disturb(s, life)
		h2 := strings.Contains(server, "://") && r.rand.IntN(3) == 0
		status := s.run(ctx, server, r.path, last, h2, func(m Message) {
			r.mu.Lock()
			if m.ID != "" {
				r.last = m.ID
			}
			r.mu.Unlock()
			r.on(server, last, m)
			r.mu.Lock()
			r.began = r.began || m.Kind != "goodbye" && r.calm == (life == 0)
			r.mu.Unlock()
		})
		ending()
		if status != 0 && status != 200 && r.refused != nil && ctx.Err() == nil {
			r.refused(server, status)
		}
		if !Pause(ctx, between(r.rand, 0, 50*time.Millisecond)) {
			return
		}
	}
}

// life draws how long a stream may last; 0 is for ever.
func (r *resumer) life() time.Duration {
	if r.calm {
		return 0
	}
	return between(r.rand, 5*time.Millisecond, 800*time.Millisecond)
}

// disturb drops the stream after its life. Some streams stall for the second half of it.
func (r *resumer) disturb(s *stream, life time.Duration) (end func()) {
	if life == 0 {
		return func() {}
	}
	dropping := time.AfterFunc(life, s.drop)
	if r.rand.IntN(5) > 0 {
		return func() { dropping.Stop() }
	}
	stalling := time.AfterFunc(life/2, func() { s.stall(life / 2) })
	return func() { dropping.Stop(); stalling.Stop() }
}

// settle makes the resumer stay, and reconnect only if its stream ends.
func (r *resumer) settle() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calm, r.began = true, false
	if r.now != nil {
		r.now.drop()
	}
}

// hasBegun reports whether a stream has been given something, since settle one that stays.
func (r *resumer) hasBegun() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.began
}
