package gate

import (
	"net/netip"
	"time"

	"github.com/gin-gonic/gin"

	"rollcall/web/auth"
	"rollcall/web/reply"
)

// lease is a stream's admission: its grant, and its seat within the limits.
type lease struct {
	gate  *Gate
	grant *auth.Grant
	seat
}

// seat is what a stream occupies of the limits.
type seat struct {
	addr     netip.Addr
	identity string
	cost     int64 // of its subscriptions
}

// fullRetry is when a stream that found no place may come back.
const fullRetry = 10 * time.Second

// Lend counts a stream on these channels against the limits, until Release.
func (k *Gate) Lend(c *gin.Context, who Caller, channels []string) (*lease, *reply.Fault) {
	if who.Kind == auth.APIKey && k.node.Blocks.RefusesAddr(who.Addr) {
		return nil, BlockedAddress
	}
	if f := k.MayConnect(c, who); f != nil {
		return nil, f
	}
	a, l := &k.access, &lease{k, who.Grant, seat{who.key, who.Identity(), costOf(channels)}}
	if !a.byAddress.Acquire(l.addr) {
		return nil, reply.Limited(c, fullRetry, "too_many_connections", "This address has reached its limit of open streams.")
	}
	if l.identity != "" && !a.byIdentity.Acquire(l.identity) {
		a.byAddress.Release(l.addr)
		return nil, reply.Limited(c, fullRetry, "too_many_connections", "These credentials have reached their limit of open streams.")
	}
	if over := k.Limits.Subscriptions.acquire(&l.seat); over != "" {
		l.disconnect()
		return nil, reply.Limited(c, fullRetry, "too_many_subscriptions", over+" have reached their limit of subscriptions, in bytes.")
	}
	return l, nil
}

// Release ends a lease. The names of the channels still count for a grace, because presence keeps them.
func (l *lease) Release(grace time.Duration) {
	l.disconnect()
	if grace <= 0 {
		l.gate.Limits.Subscriptions.release(l.seat)
		return
	}
	seat, subscriptions := l.seat, &l.gate.Limits.Subscriptions
	time.AfterFunc(grace, func() { subscriptions.release(seat) })
}

// disconnect reverses Acquire.
func (l *lease) disconnect() {
	l.gate.access.byAddress.Release(l.addr)
	if l.identity != "" {
		l.gate.access.byIdentity.Release(l.identity)
	}
}

// Holds reports whether the grant still stands.
func (l *lease) Holds() bool { return l.gate.access.auth.Holds(l.grant) }

// Expires returns when the grant ends; zero for never.
func (l *lease) Expires() time.Time { return l.grant.Expires }

// GrantedTo returns the client that the credentials name; "" for none.
func (l *lease) GrantedTo() string { return l.grant.ClientID }
