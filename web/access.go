package web

import (
	"errors"
	"math"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"

	"rollcall/hub"
	"rollcall/web/auth"
)

// access knows who a request is and what it may take.
type access struct {
	auth       *auth.Authenticator
	trusted    auth.TrustedProxies
	byAddress  *auth.Limiter[netip.Addr]
	byIdentity *auth.Limiter[string]
	verifier   atomic.Pointer[auth.Verifier] // for the dashboard; nil without tokens
	refused    atomic.Uint64                 // credentials
	denied     atomic.Uint64                 // requests for what a grant does not allow
}

func newAccess(o *Options) (*access, error) {
	who := auth.Options{Open: true}
	if o.Access != nil {
		who = *o.Access
	}
	authenticator, err := auth.New(who)
	if err != nil {
		return nil, err
	}
	a := &access{
		auth: authenticator, trusted: o.TrustedProxies,
		byAddress: auth.NewLimiter[netip.Addr](o.AddressLimits), byIdentity: auth.NewLimiter[string](o.IdentityLimits),
	}
	a.verifier.Store(who.Verifier)
	return a, nil
}

// from returns where a request comes from.
func (s *Server) from(r *http.Request) auth.Source { return s.access.trusted.ClientAddr(r) }

// remoteHost returns the client's address without a port.
func (s *Server) remoteHost(r *http.Request) string {
	if addr := s.from(r).Addr; addr.IsValid() {
		return addr.String()
	}
	return r.RemoteAddr // a socket file's peer has none
}

// baseURL returns scheme and host as the visitor reached them.
func (s *Server) baseURL(r *http.Request) string {
	at := s.from(r)
	return at.Scheme + "://" + at.Host
}

// grantKey is where a request's grant is left in a gin.Context that needs it twice.
const grantKey = "grant"

// blocked is the answer to the credentials of a client that an operator keeps away. Streams are answered with 204.
var blocked = &fault{http.StatusForbidden, "blocked", "The client of these credentials is blocked. Try again when an operator has lifted the block, or when its time is over.", ""}

// grant tells who a request is and what it may do. It refuses the credentials of a blocked client, whatever they are for.
func (s *Server) grant(c *gin.Context) (*auth.Grant, *fault) {
	if g, ok := c.Get(grantKey); ok {
		return g.(*auth.Grant), nil
	}
	a := s.access
	addr := auth.AddressKey(s.from(c.Request).Addr)
	if retry, ok := a.byAddress.AllowAuth(addr); !ok && a.auth.Presents(c.Request) {
		return nil, limited(c, retry, "too_many_failures", "Too many credentials from this address were refused. Try again later.")
	}
	g, err := a.auth.Authenticate(c.Request)
	switch {
	case err == nil && g.ClientID != "" && s.blocks.refuses(g.ClientID):
		return nil, blocked
	case err == nil:
		return g, nil
	case errors.Is(err, auth.ErrKeyLater):
		c.Header("Retry-After", "10")
		return nil, &fault{http.StatusServiceUnavailable, "keys_unavailable", "The keys that check tokens could not be fetched. Try again.", ""}
	case errors.Is(err, auth.ErrAmbiguous), errors.Is(err, auth.ErrKeyInURL):
		return nil, &fault{http.StatusBadRequest, "invalid_credentials", "The request has " + err.Error() + ".", ""}
	}
	a.refused.Add(1)
	a.byAddress.FailedAuth(addr)
	return nil, unauthorized(c, err)
}

// unauthorized is the answer to a credential that is refused (RFC 6750, section 3.1).
func unauthorized(c *gin.Context, why error) *fault {
	c.Header("WWW-Authenticate", `Bearer error="invalid_token"`)
	return &fault{http.StatusUnauthorized, "unauthorized", "The credentials are refused: " + why.Error() + ".", ""}
}

// forbidden is the answer to what a grant does not allow: who has not said who it
// is may do so, others may not.
func (s *Server) forbidden(c *gin.Context, g *auth.Grant, field, what string) *fault {
	s.access.denied.Add(1)
	if g.Kind == auth.Anonymous {
		c.Header("WWW-Authenticate", "Bearer")
		return &fault{http.StatusUnauthorized, "unauthorized", what + " takes credentials: an API key or a token.", field}
	}
	return &fault{http.StatusForbidden, "forbidden", what + " is not allowed to these credentials.", field}
}

// limited is the answer to what comes too often.
func limited(c *gin.Context, retry time.Duration, code, text string) *fault {
	c.Header("Retry-After", strconv.Itoa(int(math.Ceil(max(retry, time.Second).Seconds()))))
	return &fault{http.StatusTooManyRequests, code, text, ""}
}

// refuseStream ends a request for a stream with f. What may pass is told in a goodbye,
// which EventSource comes back from; to it, any other status is final.
func (s *Server) refuseStream(c *gin.Context, resume string, f *fault) {
	if f == blocked {
		c.Status(http.StatusNoContent)
		return
	}
	var why hub.Reason
	switch f.status {
	case http.StatusTooManyRequests:
		why = hub.Limited
	case http.StatusServiceUnavailable:
		why = hub.Overloaded
	default:
		refuse(c, f)
		return
	}
	wait, _ := strconv.Atoi(c.Writer.Header().Get("Retry-After"))
	why.Text, why.Retry = f.Message, time.Duration(wait)*time.Second+rand.N(4*time.Second)
	s.turnAway(c, resume, why)
}

// mayAdmin refuses who may not act on others.
func (s *Server) mayAdmin(c *gin.Context) *fault {
	g, f := s.grant(c)
	if f == nil && !g.Admin() {
		f = s.forbidden(c, g, "", "Ending other clients' streams")
	}
	return f
}

// mayConnect checks the rate at which streams are opened.
func (s *Server) mayConnect(c *gin.Context, g *auth.Grant) *fault {
	if retry, ok := s.access.byAddress.AllowConnect(auth.AddressKey(s.from(c.Request).Addr)); !ok {
		return limited(c, retry, "too_many_connects", "Too many streams were opened from this address in a short time.")
	}
	if id := g.Identity(); id != "" {
		if retry, ok := s.access.byIdentity.AllowConnect(id); !ok {
			return limited(c, retry, "too_many_connects", "Too many streams were opened with these credentials in a short time.")
		}
	}
	return nil
}

// mayPublish checks the rate of a publisher, before its body is read.
func (s *Server) mayPublish(c *gin.Context, g *auth.Grant) *fault {
	addr := auth.AddressKey(s.from(c.Request).Addr)
	retry, ok := s.access.byAddress.AllowPublish(addr)
	if id := g.Identity(); ok && id != "" {
		retry, ok = s.access.byIdentity.AllowPublish(id)
	}
	if !ok {
		return limited(c, retry, "too_many_publishes", "Publishes come too fast. Nothing was published; try again later, or put more events in one request.")
	}
	return nil
}

// mayPublishBytes checks how much a publisher sends.
func (s *Server) mayPublishBytes(c *gin.Context, g *auth.Grant, n int) *fault {
	addr := auth.AddressKey(s.from(c.Request).Addr)
	retry, ok := s.access.byAddress.AllowBytes(addr, n)
	if id := g.Identity(); ok && id != "" {
		retry, ok = s.access.byIdentity.AllowBytes(id, n)
	}
	if !ok {
		return limited(c, retry, "too_many_bytes", "Too many bytes are published in a short time. Nothing was published; try again later.")
	}
	return nil
}
