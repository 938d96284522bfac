package auth

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// Limits apply to one address, or to one identity. Zero is no limit.
//
// A bucket holds the tokens of two seconds, or of a minute for failures, and at
// least one; after a quiet time they can be used at once.
type Limits struct {
	ConnectsPerSecond  float64 // streams begun
	PublishesPerSecond float64 // publish requests
	BytesPerSecond     float64 // of their bodies; at least 4096, unless 0
	Connections        int     // open at the same time
	FailedAuth         int     // refused credentials a minute
}

// LimiterStats counts refusals by limit, and remembered users.
type LimiterStats struct {
	Connects, Publishes, Bytes, Connections, FailedAuth uint64

	Known int // addresses or identities
}

// The buckets of a user.
const (
	connects = iota
	publishes
	bodyBytes
	failures
	buckets
)

const (
	shards   = 16
	maxIdle  = 4096 // users without a connection that a shard remembers
	minBytes = 4096 // of BytesPerSecond
)

// Limiter applies Limits to users, which are addresses (see [AddressKey]) or
// identities. When there are too many, it forgets the least recently seen ones, but
// never users with a connection. Its methods may be called concurrently.
type Limiter[K comparable] struct {
	rates       [buckets]rate.Limit // 0: no limit
	bursts      [buckets]int
	connections int
	seed        maphash.Seed
	refused     [buckets]atomic.Uint64
	full        atomic.Uint64 // connections refused
	shards      [shards]limiterShard[K]
}

type limiterShard[K comparable] struct {
	mu    sync.Mutex
	users map[K]*user[K]
	idle  user[K] // ring of users without a connection; next was seen last
	count int     // on the ring
}

type user[K comparable] struct {
	key         K
	buckets     [buckets]*rate.Limiter // made when first needed
	connections int
	prev, next  *user[K] // on the ring, or nil
}

// NewLimiter returns a Limiter.
func NewLimiter[K comparable](limits Limits) *Limiter[K] {
	l := &Limiter[K]{connections: limits.Connections, seed: maphash.MakeSeed()}
	bytes := limits.BytesPerSecond
	if bytes > 0 {
		bytes = max(bytes, minBytes)
	}
	for i, perSecond := range [buckets]float64{
		connects: limits.ConnectsPerSecond, publishes: limits.PublishesPerSecond, bodyBytes: bytes,
		failures: float64(limits.FailedAuth) / 60,
	} {
		l.rates[i] = rate.Limit(max(0, perSecond))
		l.bursts[i] = max(1, int(min(2*perSecond, 1<<30)))
	}
	l.bursts[failures] = max(1, limits.FailedAuth)
	for i := range l.shards {
		s := &l.shards[i]
		s.users = make(map[K]*user[K])
		s.idle.prev, s.idle.next = &s.idle, &s.idle
	}
	return l
}

// AddressKey returns the key of an address for limits: an IPv6 address counts as its
// /64, which usually belongs to one customer.
func AddressKey(addr netip.Addr) netip.Addr {
	addr = addr.Unmap().WithZone("")
	if addr.Is6() {
		network, _ := addr.Prefix(64) // an IPv6 address has 64 bits
		return network.Addr()
	}
	return addr
}

// AllowConnect takes one stream from the user's bucket. If the bucket is empty, it returns how long to wait, as do the
// other methods.
func (l *Limiter[K]) AllowConnect(key K) (retry time.Duration, ok bool) {
	return l.take(key, connects, 1)
}

// AllowPublish takes one publish request.
func (l *Limiter[K]) AllowPublish(key K) (retry time.Duration, ok bool) {
	return l.take(key, publishes, 1)
}

// AllowBytes takes the bytes of a body. A body larger than a bucket needs a full bucket, and leaves it that far below
// empty.
func (l *Limiter[K]) AllowBytes(key K, n int) (retry time.Duration, ok bool) {
	return l.take(key, bodyBytes, n)
}

// AllowAuth reports whether a credential of the user may be looked at. It takes
// nothing.
func (l *Limiter[K]) AllowAuth(key K) (retry time.Duration, ok bool) {
	if l.rates[failures] == 0 {
		return 0, true
	}
	s := l.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.users[key]
	if u == nil || u.buckets[failures] == nil {
		return 0, true
	}
	return l.wait(failures, u.buckets[failures].TokensAt(time.Now()), 1)
}

// FailedAuth takes one refused credential.
func (l *Limiter[K]) FailedAuth(key K) {
	if l.rates[failures] == 0 {
		return
	}
	s := l.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.user(key).bucket(l, failures).AllowN(time.Now(), 1)
}

// Acquire counts a connection of the user, unless the user is at its limit. After
// true, call Release once.
func (l *Limiter[K]) Acquire(key K) bool {
	if l.connections == 0 {
		return true
	}
	s := l.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.user(key)
	if u.connections >= l.connections {
		l.full.Add(1)
		return false
	}
	if u.connections++; u.connections == 1 {
		s.busy(u)
	}
	return true
}

// Release reverses Acquire.
func (l *Limiter[K]) Release(key K) {
	if l.connections == 0 {
		return
	}
	s := l.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := s.users[key]; u != nil && u.connections > 0 {
		if u.connections--; u.connections == 0 {
			s.rest(u)
		}
	}
}

// Stats counts since the beginning.
func (l *Limiter[K]) Stats() LimiterStats {
	stats := LimiterStats{
		Connects: l.refused[connects].Load(), Publishes: l.refused[publishes].Load(),
		Bytes: l.refused[bodyBytes].Load(), FailedAuth: l.refused[failures].Load(), Connections: l.full.Load(),
	}
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.Lock()
		stats.Known += len(s.users)
		s.mu.Unlock()
	}
	return stats
}

// Most returns the greatest number of connections of any user. Without a limit none are counted.
func (l *Limiter[K]) Most() int {
	most := 0
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.Lock()
		for _, u := range s.users {
			most = max(most, u.connections)
		}
		s.mu.Unlock()
	}
	return most
}

// take takes n from a bucket, all or nothing.
func (l *Limiter[K]) take(key K, which, n int) (time.Duration, bool) {
	if l.rates[which] == 0 || n <= 0 {
		return 0, true
	}
	now := time.Now()
	s := l.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	bucket, burst := s.user(key).bucket(l, which), l.bursts[which]
	retry, ok := l.wait(which, bucket.TokensAt(now), min(n, burst))
	for ok && n > 0 {
		part := min(n, burst)
		bucket.ReserveN(now, part) // may go below empty
		n -= part
	}
	return retry, ok
}

// wait reports whether a bucket has enough, and else when it will.
func (l *Limiter[K]) wait(which int, have float64, want int) (time.Duration, bool) {
	missing := float64(want) - have
	if missing <= 1e-6 { // a rounding error
		return 0, true
	}
	l.refused[which].Add(1)
	seconds := min(missing/float64(l.rates[which]), 3600)
	return time.Duration(seconds * float64(time.Second)), false
}

func (l *Limiter[K]) shard(key K) *limiterShard[K] {
	return &l.shards[maphash.Comparable(l.seed, key)%shards]
}

func (u *user[K]) bucket(l *Limiter[K], which int) *rate.Limiter {
	if u.buckets[which] == nil {
		u.buckets[which] = rate.NewLimiter(l.rates[which], l.bursts[which])
	}
	return u.buckets[which]
}

// user finds or makes a user and notes that it was seen.
func (s *limiterShard[K]) user(key K) *user[K] {
	u := s.users[key]
	switch {
	case u == nil:
		u = &user[K]{key: key}
		s.users[key] = u
		s.rest(u)
	case u.next != nil:
		s.busy(u)
		s.rest(u)
	}
	return u
}

// busy takes a user off the ring.
func (s *limiterShard[K]) busy(u *user[K]) {
	u.prev.next, u.next.prev = u.next, u.prev
	u.prev, u.next = nil, nil
	s.count--
}

// rest puts a user on the ring, and forgets the one that has rested longest if there are too many.
func (s *limiterShard[K]) rest(u *user[K]) {
	u.prev, u.next = &s.idle, s.idle.next
	u.prev.next, u.next.prev = u, u
	if s.count++; s.count > maxIdle {
		oldest := s.idle.prev
		s.busy(oldest)
		delete(s.users, oldest.key)
	}
}
