package web

import (
	"sync"
	"time"
)

// returnWindow is how long after a kick the EventSource's own attempt to come
// back is expected.
const returnWindow = time.Minute

// maxBlocks bounds how many clients are remembered.
const maxBlocks = 100_000

// blocks knows which clients are to stay away. The zero value is ready.
type blocks struct {
	mu      sync.Mutex
	until   map[string]time.Time // blocked clients
	returns map[string]returning // kicked clients
}

// returning is a kicked client: so many of its streams will try to come back.
type returning struct {
	streams int
	until   time.Time
}

// block keeps a client away for the given time.
func (b *blocks) block(clientID string, d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.until == nil {
		b.until = make(map[string]time.Time)
	}
	if len(b.until) >= maxBlocks {
		now := time.Now()
		for id, until := range b.until {
			if now.After(until) || len(b.until) >= maxBlocks {
				delete(b.until, id)
			}
		}
	}
	b.until[clientID] = time.Now().Add(d)
}

// kicked has one stream of the client turned away when it comes back with a
// position, as an EventSource does by itself; a page that is loaded anew has none.
func (b *blocks) kicked(clientID string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if b.returns == nil || len(b.returns) >= maxBlocks {
		b.returns = make(map[string]returning)
	}
	r := b.returns[clientID]
	if now.After(r.until) {
		r.streams = 0
	}
	b.returns[clientID] = returning{r.streams + 1, now.Add(returnWindow)}
}

// turnAway reports whether a client that asks for a stream is to stay away.
func (b *blocks) turnAway(clientID string, comesBack bool) bool {
	if clientID == "" {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if until, ok := b.until[clientID]; ok {
		if now.Before(until) {
			return true
		}
		delete(b.until, clientID)
	}
	r, ok := b.returns[clientID]
	if !ok || !comesBack {
		return false
	}
	if r.streams--; r.streams == 0 || now.After(r.until) {
		delete(b.returns, clientID)
	} else {
		b.returns[clientID] = r
	}
	return now.Before(r.until)
}
