package gate

import (
	"errors"
	"net/http"
	"net/netip"

	"github.com/gin-gonic/gin"

	"rollcall/web/auth"
	"rollcall/web/reply"
)

// Caller is the sender of a request: its address and the grant of its credentials. [Gate.Caller] finds it once, and
// handlers pass it on.
type Caller struct {
	*auth.Grant
	Addr netip.Addr // invalid for the peer of a socket file

	key     netip.Addr // the key of limits, see [auth.AddressKey]
	remote  string     // http.Request.RemoteAddr
	counted bool       // by the limit of connects already, before the backend was asked
}

// Host returns the caller's address without a port.
func (who Caller) Host() string { return hostOf(who.Addr, who.remote) }

// hostOf returns an address as text; the peer of a unix socket has none.
func hostOf(addr netip.Addr, remote string) string {
	if !addr.IsValid() {
		return remote
	}
	return addr.String()
}

// Blocked is the answer to the credentials of a client that an operator keeps away. Streams are answered with 204.
var Blocked = reply.NewFault(http.StatusForbidden, "blocked",
	"The client of these credentials is blocked. Try again when the block has ended or an operator has lifted it.")

// BlockedAddress is Blocked for the addresses of a network that an operator keeps away.
var BlockedAddress = reply.NewFault(http.StatusForbidden, Blocked.Code,
	"This address is blocked. Try again when the block has ended or an operator has lifted it.")

// Caller returns the sender of a request. It refuses wrong credentials, those of a blocked client, and a blocked address.
// A key's requests are accepted from there, so that a backend can publish and lift the block; its streams are not, see
// [Gate.Lend].
func (k *Gate) Caller(c *gin.Context) (Caller, *reply.Fault) {
	who := Caller{Addr: k.From(c.Request).Addr, remote: c.Request.RemoteAddr}
	who.key = auth.AddressKey(who.Addr)
	a := &k.access
	if retry, ok := a.byAddress.AllowAuth(who.key); !ok && a.auth.Presents(c.Request) {
		return who, reply.Limited(c, retry, "too_many_failures", "Too many credentials from this address were refused. Try again later.")
	}
	var err error
	if who.Grant, err = a.auth.Authenticate(c.Request); err != nil {
		return who, k.attempted(c, who, k.refusedCredentials(c, who.key, err))
	}
	if who.ClientID != "" && k.node.Blocks.Refuses(who.ClientID) {
		return who, k.attempted(c, who, Blocked)
	}
	if who.Kind != auth.APIKey && k.node.Blocks.RefusesAddr(who.Addr) {
		return who, k.attempted(c, who, BlockedAddress)
	}
	return who, nil
}

// refusedCredentials is the answer to credentials that are refused (RFC 6750, section 3.1) or can't be checked.
func (k *Gate) refusedCredentials(c *gin.Context, addr netip.Addr, why error) *reply.Fault {
	switch {
	case errors.Is(why, auth.ErrKeyLater):
		c.Header("Retry-After", "10")
		return reply.NewFault(http.StatusServiceUnavailable, "keys_unavailable", "The keys for tokens could not be fetched. Try again.")
	case errors.Is(why, auth.ErrAmbiguous), errors.Is(why, auth.ErrKeyInURL):
		return reply.NewFault(http.StatusBadRequest, "invalid_credentials", "The request has "+why.Error()+".")
	}
	k.access.refused.Add(1)
	k.access.byAddress.FailedAuth(addr)
	c.Header("WWW-Authenticate", `Bearer error="invalid_token"`)
	return reply.NewFault(http.StatusUnauthorized, "unauthorized", "The credentials are refused: "+why.Error()+".")
}

// Forbidden answers a request that the grant does not cover: 401 for anonymous callers, who may authenticate, 403 for
// everyone else.
func (k *Gate) Forbidden(c *gin.Context, who Caller, field, what string) *reply.Fault {
	if who.Kind == auth.Anonymous {
		c.Header("WWW-Authenticate", "Bearer")
		return k.attempted(c, who, k.Denied(&reply.Fault{Status: http.StatusUnauthorized, Code: "unauthorized",
			Message: what + " needs credentials: an API key or a token.", Field: field}))
	}
	why := " is not allowed with these credentials."
	switch {
	case who.NoChannels() && who.Kind == auth.Asked:
		why += ` The backend's answer names no channels; it needs them, such as {"channels":{"subscribe":["news"]}}.`
	case who.NoChannels():
		why += ` The token names no channels; it needs the claim channels, such as {"subscribe":["news"],"publish":["chat"]}.`
	}
	return k.attempted(c, who, k.Denied(&reply.Fault{Status: http.StatusForbidden, Code: "forbidden", Message: what + why, Field: field}))
}

// Denied counts a request that its grant does not cover, and returns f.
func (k *Gate) Denied(f *reply.Fault) *reply.Fault {
	k.access.denied.Add(1)
	return f
}

// MayAdmin refuses callers that may not act on others. what they would do begins the message.
func (k *Gate) MayAdmin(c *gin.Context, what string) *reply.Fault {
	who, f := k.Caller(c)
	if f != nil {
		return f
	}
	if !who.Admin() {
		return k.Forbidden(c, who, "", what)
	}
	return nil
}
