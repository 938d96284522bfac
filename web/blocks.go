package web

import (
	"slices"
	"strings"
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
	blocked map[string]block
	returns map[string]returning // kicked clients
}

// block keeps one client away.
type block struct {
	clientID     string
	since, until time.Time
	by           string // who wanted it
	refused      int    // streams that were turned away
}

// returning is a kicked client: so many of its streams will try to come back.
type returning struct {
	streams int
	until   time.Time
}

// put keeps a client away.
func (b *blocks) put(one block) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if b.blocked == nil {
		b.blocked = make(map[string]block)
	}
	if len(b.blocked) >= maxBlocks {
		for id, bl := range b.blocked {
			if now.After(bl.until) || len(b.blocked) >= maxBlocks {
				delete(b.blocked, id)
			}
		}
	}
	if was, ok := b.blocked[one.clientID]; ok {
		one.refused = was.refused
	}
	one.clientID = strings.Clone(one.clientID) // it may be a part of a whole form
	b.blocked[one.clientID] = one
}

// unblock lets a client in again, and says whether it was blocked.
func (b *blocks) unblock(clientID string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	bl, ok := b.blocked[clientID]
	delete(b.blocked, clientID)
	delete(b.returns, clientID)
	return ok && time.Now().Before(bl.until)
}

// of returns a client's block, if it is blocked.
func (b *blocks) of(clientID string) (block, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	bl, ok := b.blocked[clientID]
	return bl, ok && time.Now().Before(bl.until)
}

// list returns the blocks that hold, the newest first.
func (b *blocks) list() []block {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	var list []block
	for _, bl := range b.blocked {
		if now.Before(bl.until) {
			list = append(list, bl)
		}
	}
	slices.SortFunc(list, func(x, y block) int { return y.since.Compare(x.since) })
	return list
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
	if bl, ok := b.blocked[clientID]; ok {
		if now.Before(bl.until) {
			bl.refused++
			b.blocked[clientID] = bl
			return true
		}
		delete(b.blocked, clientID)
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
