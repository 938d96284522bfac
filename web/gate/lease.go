package gate

import (
	"net/netip"
	"time"

	"github.com/gin-gonic/gin"

	"rollcall/web/auth"
	"rollcall/web/reply"
)

// lease is what admits a stream: its grant, and its place within the limits.
type lease struct {
	gate  *Gate
	grant *auth.Grant
	seat
}

// seat is what a stream takes of the limits.
type seat struct {
	addr     netip.Addr
	identity string
	cost     int64 // of its subscriptions
}

// fullRetry is when a stream that found no place may come back.
const fullRetry = 10 * time.Second

// Lend counts a stream on these channels against the limits, until Release.
func (k *Gate) Lend(c *gin.Context, g *auth.Grant, channels []string) (*lease, *reply.Fault) {
	a := k.Access
	l := &lease{k, g, seat{auth.AddressKey(k.From(c.Request).Addr), g.Identity(), costOf(channels)}}
	if f := k.MayConnect(c, g); f != nil {
		return nil, f
	}
	if !a.ByAddress.Acquire(l.addr) {
		return nil, reply.Limited(c, fullRetry, "too_many_connections", "This address has as many streams open as it may.")
	}
	if l.identity != "" && !a.ByIdentity.Acquire(l.identity) {
		a.ByAddress.Release(l.addr)
		return nil, reply.Limited(c, fullRetry, "too_many_connections", "These credentials have as many streams open as they may.")
	}
	if over := k.Limits.Subscriptions.take(&l.seat); over != "" {
		l.disconnect()
		return nil, reply.Limited(c, fullRetry, "too_many_subscriptions", over+" have as many subscriptions, in bytes, as they may.")
	}
	return l, nil
}

// Release ends what lend began. The names of the channels count for a grace still, as long as presence keeps them.
func (l *lease) Release(grace time.Duration) {
	l.disconnect()
	if grace <= 0 {
		l.gate.Limits.Subscriptions.give(l.seat)
		return
	}
	seat, subscriptions := l.seat, &l.gate.Limits.Subscriptions
	time.AfterFunc(grace, func() { subscriptions.give(seat) })
}

// disconnect ends what Acquire began.
func (l *lease) disconnect() {
	l.gate.Access.ByAddress.Release(l.addr)
	if l.identity != "" {
		l.gate.Access.ByIdentity.Release(l.identity)
	}
}

// Holds reports whether the grant still stands.
func (l *lease) Holds() bool { return l.gate.Access.Auth.Holds(l.grant) }

// Expires returns when the grant ends; zero for never.
func (l *lease) Expires() time.Time { return l.grant.Expires }

// GrantedTo returns the client that the credentials name; "" for none.
func (l *lease) GrantedTo() string { return l.grant.ClientID }
