package node

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

// MaxBlocks bounds how many clients are blocked, and how many kicked ones are remembered.
const MaxBlocks = 100_000

// Blocks holds the blocked clients. The zero value is ready.
type Blocks struct {
	mu      sync.Mutex
	blocked map[string]Block
	returns map[string]returning // kicked clients
}

// Block keeps one client away.
type Block struct {
	ClientID     string
	Since, Until time.Time
	By           string // the operator or API that blocked it
	Reason       string // as the operator wrote it; may be empty
	Refused      int    // streams that were turned away
}

// returning is a kicked client: so many of its streams will try to come back.
type returning struct {
	streams int
	until   time.Time
}

// full reports whether there is no room for a block of one more client.
func (b *Blocks) full(clientID string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.blocked) < MaxBlocks {
		return false
	}
	now := time.Now()
	maps.DeleteFunc(b.blocked, func(_ string, bl Block) bool { return !now.Before(bl.Until) })
	_, known := b.blocked[clientID]
	return !known && len(b.blocked) >= MaxBlocks
}

// store blocks a client. The caller that begins a block checks full first: blocks of other servers count here too.
func (b *Blocks) store(one Block) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.blocked == nil {
		b.blocked = make(map[string]Block)
	}
	if was, ok := b.blocked[one.ClientID]; ok {
		one.Refused = was.Refused
	}
	one.ClientID = strings.Clone(one.ClientID) // it may be a part of a whole form
	one.Reason = strings.Clone(one.Reason)
	b.blocked[one.ClientID] = one
}

// unblock ends a block, and reports whether the client was blocked.
func (b *Blocks) unblock(clientID string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	bl, ok := b.blocked[clientID]
	delete(b.blocked, clientID)
	delete(b.returns, clientID)
	return ok && time.Now().Before(bl.Until)
}

// Of returns a client's block, if it is blocked.
func (b *Blocks) Of(clientID string) (Block, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	bl, ok := b.blocked[clientID]
	return bl, ok && time.Now().Before(bl.Until)
}

// List returns the blocks that hold, the newest first.
func (b *Blocks) List() []Block {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	var list []Block
	for _, bl := range b.blocked {
		if now.Before(bl.Until) {
			list = append(list, bl)
		}
	}
	slices.SortFunc(list, func(x, y Block) int { return y.Since.Compare(x.Since) })
	return list
}

// kicked makes one stream of the client be refused when it reconnects with a position, as an EventSource does by
// itself; a reloaded page has none.
func (b *Blocks) kicked(clientID string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if b.returns == nil {
		b.returns = make(map[string]returning)
	}
	if len(b.returns) >= MaxBlocks {
		maps.DeleteFunc(b.returns, func(_ string, r returning) bool { return now.After(r.until) })
	}
	if _, known := b.returns[clientID]; !known && len(b.returns) >= MaxBlocks {
		return // it may come back once more
	}
	r := b.returns[clientID]
	if now.After(r.until) {
		r.streams = 0
	}
	b.returns[clientID] = returning{r.streams + 1, now.Add(returnWindow)}
}

// Refuses reports whether a client is blocked, and counts the refusal.
func (b *Blocks) Refuses(clientID string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	bl, ok := b.blocked[clientID]
	switch {
	case !ok:
		return false
	case !time.Now().Before(bl.Until):
		delete(b.blocked, clientID)
		return false
	}
	bl.Refused++
	b.blocked[clientID] = bl
	return true
}

// TurnAway reports whether a client that asks for a stream is to stay away.
func (b *Blocks) TurnAway(clientID string, comesBack bool) bool {
	if clientID == "" {
		return false
	}
	if b.Refuses(clientID) {
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
