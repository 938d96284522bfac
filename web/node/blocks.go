package node

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// returnWindow is how long after a kick the EventSource's own attempt to come
// back is expected.
const returnWindow = time.Minute

// MaxBlocks bounds how many blocks there are, and how many kicked clients are remembered.
const MaxBlocks = 100_000

// Blocks holds the blocked clients and networks. The zero value is ready.
type Blocks struct {
	mu      sync.Mutex
	blocked map[Target]Block
	lengths []int                // of the networks in blocked, and of some that were
	returns map[string]returning // kicked clients
}

// Target is what a block is of: a client, or the addresses of a network.
type Target struct {
	ClientID string
	Network  netip.Prefix // masked; not valid for a client
}

// String returns the client's id, or the network.
func (t Target) String() string {
	if t.Network.IsValid() {
		return NetworkText(t.Network)
	}
	return t.ClientID
}

// Block keeps one client, or one network, away.
type Block struct {
	Target
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

// full reports whether there is no room for one more block.
func (b *Blocks) full(of Target) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.blocked) < MaxBlocks {
		return false
	}
	now := time.Now()
	maps.DeleteFunc(b.blocked, func(_ Target, bl Block) bool { return !now.Before(bl.Until) })
	_, known := b.blocked[of]
	return !known && len(b.blocked) >= MaxBlocks
}

// store keeps a block. The caller that begins a block checks full first: blocks of other servers count here too.
func (b *Blocks) store(one Block) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.blocked == nil {
		b.blocked = make(map[Target]Block)
	}
	if was, ok := b.blocked[one.Target]; ok {
		one.Refused = was.Refused
	}
	one.ClientID = strings.Clone(one.ClientID) // it may be a part of a whole form
	one.Reason = strings.Clone(one.Reason)
	b.blocked[one.Target] = one
	if bits := one.Network.Bits(); one.Network.IsValid() && !slices.Contains(b.lengths, bits) {
		b.lengths = append(b.lengths, bits)
	}
}

// unblock ends a block, and reports whether there was one.
func (b *Blocks) unblock(of Target) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	bl, ok := b.blocked[of]
	delete(b.blocked, of)
	delete(b.returns, of.ClientID)
	return ok && time.Now().Before(bl.Until)
}

// Of returns a client's block, if it is blocked.
func (b *Blocks) Of(clientID string) (Block, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	bl, ok := b.blocked[Target{ClientID: clientID}]
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

// Counts returns how many clients and networks are blocked.
func (b *Blocks) Counts() (clients, networks int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	for of, bl := range b.blocked {
		switch {
		case !now.Before(bl.Until):
		case of.Network.IsValid():
			networks++
		default:
			clients++
		}
	}
	return clients, networks
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
	return b.refuses(Target{ClientID: clientID})
}

// refuses is Refuses with the lock held.
func (b *Blocks) refuses(of Target) bool {
	bl, ok := b.blocked[of]
	switch {
	case !ok:
		return false
	case !time.Now().Before(bl.Until):
		delete(b.blocked, of)
		return false
	}
	bl.Refused++
	b.blocked[of] = bl
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
