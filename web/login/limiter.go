package login

import (
	"container/list"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	freeFailures = 5
	userWait     = time.Minute     // at most, for guesses at one user
	addrWait     = 5 * time.Minute // at most, for guesses from one address
	forgetAfter  = 15 * time.Minute
	maxKeys      = 10_000 // addresses, and as many users
	maxFamiliar  = 16     // addresses for each user
)

// Limiter slows down password guessing, per address and per user. Five failures are free; then the next attempt must
// wait 1 s, 2 s, 4 s and so on, at most one minute for a user and five for an address. Failures are forgotten 15
// minutes after the last one. An IPv6 /64 counts as one address. Make it with NewLimiter.
//
// Guesses from elsewhere do not delay a user at a familiar address: one from which the user has logged in, or one of
// the server's own machine. Only the address's limit applies there.
type Limiter struct {
	mu       sync.Mutex // guards the fields below
	addrs    failures
	users    failures
	familiar map[string][]string // addresses by user with a past login, the latest last
}

// NewLimiter returns a limiter without recorded failures.
func NewLimiter() *Limiter {
	return &Limiter{addrs: newFailures(addrWait), users: newFailures(userWait), familiar: make(map[string][]string)}
}

// Attempt is a guess that may be made.
type Attempt struct {
	limiter    *Limiter
	addr, user string
	bookings   [2]booking // guarded by Limiter.mu
}

// StartAttempt asks whether the address may guess the user's password now. If so, wait is
// 0 and the attempt counts as a failure from this moment on, before the password
// is looked at, so that guesses made at the same time cannot slip through. The
// caller reports a right one with Attempt.Succeeded, and nothing else: an attempt
// that was given up stays a failure.
//
// Otherwise attempt is nil, nothing was counted and wait is how long the address
// and the user must both wait still. addr is an IP with or without a port;
// anything else counts as it is.
// Without a user, only the address counts.
func (l *Limiter) StartAttempt(addr, user string) (attempt *Attempt, wait time.Duration) {
	now := time.Now()
	addr, user = addrKey(addr), cut(user)
	l.mu.Lock()
	defer l.mu.Unlock()
	familiar := user == "" || addr == loopback || slices.Contains(l.familiar[user], addr)
	wait = l.addrs.wait(addr, now)
	if !familiar {
		wait = max(wait, l.users.wait(user, now))
	}
	if wait > 0 {
		return nil, wait
	}
	a := &Attempt{limiter: l, addr: addr, user: user, bookings: [2]booking{l.addrs.book(addr, now)}}
	if !familiar {
		a.bookings[1] = l.users.book(user, now)
	}
	return a, 0
}

// Succeeded removes this attempt, and only this one, from the failures: a user with an account cannot clear the
// guesses at another. A second call does nothing. The address becomes familiar.
func (a *Attempt) Succeeded() {
	a.limiter.mu.Lock()
	defer a.limiter.mu.Unlock()
	a.limiter.addrs.unbook(a.bookings[0])
	a.limiter.users.unbook(a.bookings[1])
	a.bookings = [2]booking{}
	a.limiter.remember(a.user, a.addr)
}

// remember makes the address familiar. l.mu is held. Only users with an account get here.
func (l *Limiter) remember(user, addr string) {
	if user == "" {
		return
	}
	addrs := slices.DeleteFunc(l.familiar[user], func(a string) bool { return a == addr })
	if len(addrs) == maxFamiliar {
		addrs = slices.Delete(addrs, 0, 1)
	}
	l.familiar[strings.Clone(user)] = append(addrs, strings.Clone(addr))
}

// failures are the recorded failures of all addresses or of all users.
type failures struct {
	longest time.Duration // static
	byKey   map[string]*list.Element
	order   *list.List // of *failing, by last
}

// failing is one key that failed.
type failing struct {
	key    string
	count  int
	last   time.Time
	number uint64 // of the last booking
}

// booking is the changes of an attempt; the zero value is none.
type booking struct {
	entry  *failing
	number uint64
	before time.Time // failing.last
}

func newFailures(longest time.Duration) failures {
	return failures{longest: longest, byKey: make(map[string]*list.Element), order: list.New()}
}

// wait returns how long the key must wait still; 0 or less is not at all.
func (f *failures) wait(key string, now time.Time) time.Duration {
	element := f.byKey[key]
	if element == nil {
		return 0
	}
	entry := element.Value.(*failing)
	if entry.count < freeFailures {
		return 0
	}
	doubled := min(entry.count-freeFailures, 16)
	return min(time.Second<<doubled, f.longest) - now.Sub(entry.last)
}

// book counts a failure.
func (f *failures) book(key string, now time.Time) booking {
	for front := f.order.Front(); front != nil; front = f.order.Front() {
		oldest := front.Value.(*failing)
		if now.Sub(oldest.last) < forgetAfter && (len(f.byKey) < maxKeys || f.byKey[key] != nil) {
			break
		}
		f.order.Remove(front)
		delete(f.byKey, oldest.key)
	}
	element := f.byKey[key]
	if element == nil {
		element = f.order.PushBack(&failing{key: strings.Clone(key)})
		f.byKey[element.Value.(*failing).key] = element
	}
	f.order.MoveToBack(element)
	entry := element.Value.(*failing)
	before := entry.last
	entry.count++
	entry.number++
	entry.last = now
	return booking{entry, entry.number, before}
}

// unbook takes a booking back. The wait that it began ends, unless there was
// another since.
func (f *failures) unbook(b booking) {
	if b.entry == nil {
		return
	}
	b.entry.count--
	if b.number == b.entry.number && !b.before.IsZero() {
		b.entry.last = b.before
	}
	if element := f.byKey[b.entry.key]; b.entry.count == 0 && element != nil && element.Value == b.entry {
		f.order.Remove(element)
		delete(f.byKey, b.entry.key)
	}
}

// loopback is the common key of all addresses of the server's own machine.
const loopback = "loopback"

// addrKey returns the key of an address.
func addrKey(addr string) string {
	ip, err := netip.ParseAddr(addr)
	if err != nil {
		port, err := netip.ParseAddrPort(addr)
		if err != nil {
			return cut(addr)
		}
		ip = port.Addr()
	}
	if ip = ip.Unmap().WithZone(""); ip.IsLoopback() {
		return loopback
	}
	if ip.Is4() {
		return ip.String()
	}
	net, _ := ip.Prefix(64) // fails for no IPv6 address
	return net.String()
}

// cut limits a key's memory. No account's name is longer.
func cut(key string) string { return key[:min(len(key), maxName+1)] }
