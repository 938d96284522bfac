package gate

import (
	"net/netip"
	"sync"
)

// The cost of a stream in bytes, beside the names of its channels: the memory for it and for each of its subscriptions
// in the hub, in presence, and in its first announcements, garbage included.
const (
	streamCost       = 1 << 10
	subscriptionCost = 1 << 10
)

// subscriptionBytes is the default of Options.SubscriptionBudget.
const subscriptionBytes = 512 << 20

// costOf returns the cost of a stream on these channels.
func costOf(channels []string) int64 {
	cost := int64(streamCost)
	for _, name := range channels {
		cost += subscriptionCost + int64(len(name))
	}
	return cost
}

// Subscriptions bounds the memory of streams and their channels' names: in total, and half of that for one address and
// for one identity. A stream counts until its grace has passed, because presence keeps its names as long. Its methods
// are safe for concurrent use.
type Subscriptions struct {
	Limit int64 // static

	mu         sync.Mutex
	held       int64
	refused    uint64
	byAddress  map[netip.Addr]int64
	byIdentity map[string]int64
}

// acquire counts a stream, or returns whose limit it exceeds.
func (x *Subscriptions) acquire(p *seat) (over string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case x.held+p.cost > x.Limit:
		over = "The streams of all clients"
	case x.byAddress[p.addr]+p.cost > x.Limit/2:
		over = "The streams of this address"
	case p.identity != "" && x.byIdentity[p.identity]+p.cost > x.Limit/2:
		over = "The streams of these credentials"
	}
	if over != "" {
		x.refused++
		return over
	}
	if x.byAddress == nil {
		x.byAddress, x.byIdentity = make(map[netip.Addr]int64), make(map[string]int64)
	}
	x.add(p, p.cost)
	return ""
}

// release reverses take.
func (x *Subscriptions) release(p seat) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.add(&p, -p.cost)
}

func (x *Subscriptions) add(p *seat, cost int64) {
	x.held += cost
	if x.byAddress[p.addr] += cost; x.byAddress[p.addr] == 0 {
		delete(x.byAddress, p.addr)
	}
	if p.identity == "" {
		return
	}
	if x.byIdentity[p.identity] += cost; x.byIdentity[p.identity] == 0 {
		delete(x.byIdentity, p.identity)
	}
}

// State returns the total, the most that one address and one identity hold, and the number of refused streams.
func (x *Subscriptions) State() (held, ofAddress, ofIdentity int64, refused uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, n := range x.byAddress {
		ofAddress = max(ofAddress, n)
	}
	for _, n := range x.byIdentity {
		ofIdentity = max(ofIdentity, n)
	}
	return x.held, ofAddress, ofIdentity, x.refused
}
