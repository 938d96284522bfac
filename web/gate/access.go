package gate

import (
	"errors"
	"net/http"
	"net/netip"
	"sync/atomic"

	"github.com/gin-gonic/gin"

	"rollcall/web/auth"
	"rollcall/web/reply"
)

// Access knows who a request is and what it may take.
type Access struct {
	Auth       *auth.Authenticator
	trusted    auth.TrustedProxies
	ByAddress  *auth.Limiter[netip.Addr]
	ByIdentity *auth.Limiter[string]
	Verifier   atomic.Pointer[auth.Verifier] // for the dashboard; nil without tokens
	Refused    atomic.Uint64                 // credentials
	Denied     atomic.Uint64                 // requests for what a grant does not allow
}

func newAccess(o *Options) (*Access, error) {
	who := auth.Options{Open: true}
	if o.Access != nil {
		who = *o.Access
	}
	authenticator, err := auth.New(who)
	if err != nil {
		return nil, err
	}
	a := &Access{
		Auth: authenticator, trusted: o.TrustedProxies,
		ByAddress: auth.NewLimiter[netip.Addr](o.AddressLimits), ByIdentity: auth.NewLimiter[string](o.IdentityLimits),
	}
	a.Verifier.Store(who.Verifier)
	return a, nil
}

// From returns where a request comes from.
func (k *Gate) From(r *http.Request) auth.Source { return k.Access.trusted.ClientAddr(r) }

// RemoteHost returns the client's address without a port.
func (k *Gate) RemoteHost(r *http.Request) string {
	if addr := k.From(r).Addr; addr.IsValid() {
		return addr.String()
	}
	return r.RemoteAddr // a socket file's peer has none
}

// BaseURL returns scheme and host as the visitor reached them.
func (k *Gate) BaseURL(r *http.Request) string {
	at := k.From(r)
	return at.Scheme + "://" + at.Host
}

// GrantKey is where a request's grant is left in a gin.Context that needs it twice.
const GrantKey = "grant"

// Blocked is the answer to the credentials of a client that an operator keeps away. Streams are answered with 204.
var Blocked = reply.NewFault(http.StatusForbidden, "blocked", "The client of these credentials is blocked. Try again when an operator has lifted the block, or when its time is over.")

// Grant tells who a request is and what it may do. It refuses the credentials of a blocked client, whatever they are for.
func (k *Gate) Grant(c *gin.Context) (*auth.Grant, *reply.Fault) {
	if g, ok := c.Get(GrantKey); ok {
		return g.(*auth.Grant), nil
	}
	a := k.Access
	addr := auth.AddressKey(k.From(c.Request).Addr)
	if retry, ok := a.ByAddress.AllowAuth(addr); !ok && a.Auth.Presents(c.Request) {
		return nil, reply.Limited(c, retry, "too_many_failures", "Too many credentials from this address were refused. Try again later.")
	}
	g, err := a.Auth.Authenticate(c.Request)
	switch {
	case err == nil && g.ClientID != "" && k.node.Blocks.Refuses(g.ClientID):
		return nil, Blocked
	case err == nil:
		return g, nil
	case errors.Is(err, auth.ErrKeyLater):
		c.Header("Retry-After", "10")
		return nil, reply.NewFault(http.StatusServiceUnavailable, "keys_unavailable", "The keys that check tokens could not be fetched. Try again.")
	case errors.Is(err, auth.ErrAmbiguous), errors.Is(err, auth.ErrKeyInURL):
		return nil, reply.NewFault(http.StatusBadRequest, "invalid_credentials", "The request has "+err.Error()+".")
	}
	a.Refused.Add(1)
	a.ByAddress.FailedAuth(addr)
	return nil, unauthorized(c, err)
}

// unauthorized is the answer to a credential that is refused (RFC 6750, section 3.1).
func unauthorized(c *gin.Context, why error) *reply.Fault {
	c.Header("WWW-Authenticate", `Bearer error="invalid_token"`)
	return reply.NewFault(http.StatusUnauthorized, "unauthorized", "The credentials are refused: "+why.Error()+".")
}

// Forbidden is the answer to what a grant does not allow: who has not said who it
// is may do so, others may not.
func (k *Gate) Forbidden(c *gin.Context, g *auth.Grant, field, what string) *reply.Fault {
	k.Access.Denied.Add(1)
	if g.Kind == auth.Anonymous {
		c.Header("WWW-Authenticate", "Bearer")
		return &reply.Fault{Status: http.StatusUnauthorized, Code: "unauthorized", Message: what + " takes credentials: an API key or a token.", Field: field}
	}
	return &reply.Fault{Status: http.StatusForbidden, Code: "forbidden", Message: what + " is not allowed to these credentials.", Field: field}
}

// MayAdmin refuses who may not act on others.
func (k *Gate) MayAdmin(c *gin.Context) *reply.Fault {
	g, f := k.Grant(c)
	if f == nil && !g.Admin() {
		f = k.Forbidden(c, g, "", "Ending other clients' streams")
	}
	return f
}

// MayConnect checks the rate at which streams are opened.
func (k *Gate) MayConnect(c *gin.Context, g *auth.Grant) *reply.Fault {
	if retry, ok := k.Access.ByAddress.AllowConnect(auth.AddressKey(k.From(c.Request).Addr)); !ok {
		return reply.Limited(c, retry, "too_many_connects", "Too many streams were opened from this address in a short time.")
	}
	if id := g.Identity(); id != "" {
		if retry, ok := k.Access.ByIdentity.AllowConnect(id); !ok {
			return reply.Limited(c, retry, "too_many_connects", "Too many streams were opened with these credentials in a short time.")
		}
	}
	return nil
}

// MayPublish checks the rate of a publisher, before its body is read.
func (k *Gate) MayPublish(c *gin.Context, g *auth.Grant) *reply.Fault {
	addr := auth.AddressKey(k.From(c.Request).Addr)
	retry, ok := k.Access.ByAddress.AllowPublish(addr)
	if id := g.Identity(); ok && id != "" {
		retry, ok = k.Access.ByIdentity.AllowPublish(id)
	}
	if !ok {
		return reply.Limited(c, retry, "too_many_publishes", "Publishes come too fast. Nothing was published; try again later, or put more events in one request.")
	}
	return nil
}

// MayPublishBytes checks how much a publisher sends.
func (k *Gate) MayPublishBytes(c *gin.Context, g *auth.Grant, n int) *reply.Fault {
	addr := auth.AddressKey(k.From(c.Request).Addr)
	retry, ok := k.Access.ByAddress.AllowBytes(addr, n)
	if id := g.Identity(); ok && id != "" {
		retry, ok = k.Access.ByIdentity.AllowBytes(id, n)
	}
	if !ok {
		return reply.Limited(c, retry, "too_many_bytes", "Too many bytes are published in a short time. Nothing was published; try again later.")
	}
	return nil
}
