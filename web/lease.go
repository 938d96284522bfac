package web

import (
	"net/netip"
	"time"

	"github.com/gin-gonic/gin"

	"rollcall/web/auth"
)

// lease is what admits a stream: its grant, and its place within the limits.
type lease struct {
	server *Server
	grant  *auth.Grant
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

// lend counts a stream on these channels against the limits, until Release.
func (s *Server) lend(c *gin.Context, g *auth.Grant, channels []string) (*lease, *fault) {
	a := s.access
	l := &lease{s, g, seat{auth.AddressKey(s.from(c.Request).Addr), g.Identity(), costOf(channels)}}
	if f := s.mayConnect(c, g); f != nil {
		return nil, f
	}
	if !a.byAddress.Acquire(l.addr) {
		return nil, limited(c, fullRetry, "too_many_connections", "This address has as many streams open as it may.")
	}
	if l.identity != "" && !a.byIdentity.Acquire(l.identity) {
		a.byAddress.Release(l.addr)
		return nil, limited(c, fullRetry, "too_many_connections", "These credentials have as many streams open as they may.")
	}
	if over := s.limits.subscriptions.take(&l.seat); over != "" {
		l.disconnect()
		return nil, limited(c, fullRetry, "too_many_subscriptions", over+" have as many subscriptions, in bytes, as they may.")
	}
	return l, nil
}

// Release ends what lend began. The names of the channels count for a grace still, as long as presence keeps them.
func (l *lease) Release(grace time.Duration) {
	l.disconnect()
	if grace <= 0 {
		l.server.limits.subscriptions.give(l.seat)
		return
	}
	seat, subscriptions := l.seat, &l.server.limits.subscriptions
	time.AfterFunc(grace, func() { subscriptions.give(seat) })
}

// disconnect ends what Acquire began.
func (l *lease) disconnect() {
	l.server.access.byAddress.Release(l.addr)
	if l.identity != "" {
		l.server.access.byIdentity.Release(l.identity)
	}
}

// Holds reports whether the grant still stands.
func (l *lease) Holds() bool { return l.server.access.auth.Holds(l.grant) }

// Expires returns when the grant ends; zero for never.
func (l *lease) Expires() time.Time { return l.grant.Expires }

// GrantedTo returns the client that the credentials name; "" for none.
func (l *lease) GrantedTo() string { return l.grant.ClientID }
