package web

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// returnWindow is how long after a kick the EventSource's own attempt to come
// back is expected.
const returnWindow = time.Minute

// maxBlocks bounds how many clients are blocked, and how many kicked ones are remembered.
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

// full tells whether there is no room for a block of one more client.
func (b *blocks) full(clientID string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.blocked) < maxBlocks {
		return false
	}
	now := time.Now()
	maps.DeleteFunc(b.blocked, func(_ string, bl block) bool { return !now.Before(bl.until) })
	_, known := b.blocked[clientID]
	return !known && len(b.blocked) >= maxBlocks
}

// put keeps a client away. Whoever begins a block asks full before: a block of another server counts here too.
func (b *blocks) put(one block) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.blocked == nil {
		b.blocked = make(map[string]block)
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
	if b.returns == nil {
		b.returns = make(map[string]returning)
	}
	if len(b.returns) >= maxBlocks {
		maps.DeleteFunc(b.returns, func(_ string, r returning) bool { return now.After(r.until) })
	}
	if _, known := b.returns[clientID]; !known && len(b.returns) >= maxBlocks {
		return // it may come back once more
	}
	r := b.returns[clientID]
	if now.After(r.until) {
		r.streams = 0
	}
	b.returns[clientID] = returning{r.streams + 1, now.Add(returnWindow)}
}

// refuses reports whether a client is blocked, and counts the refusal.
func (b *blocks) refuses(clientID string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	bl, ok := b.blocked[clientID]
	switch {
	case !ok:
		return false
	case !time.Now().Before(bl.until):
		delete(b.blocked, clientID)
		return false
	}
	bl.refused++
	b.blocked[clientID] = bl
	return true
}

// turnAway reports whether a client that asks for a stream is to stay away.
func (b *blocks) turnAway(clientID string, comesBack bool) bool {
	if clientID == "" {
		return false
	}
	if b.refuses(clientID) {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
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
