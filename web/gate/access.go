package gate

import (
	"net/http"
	"net/netip"
	"sync/atomic"

	"github.com/gin-gonic/gin"

	"rollcall/web/auth"
	"rollcall/web/reply"
)

// access checks credentials, and applies the limits per address and per identity.
type access struct {
	auth       *auth.Authenticator
	trusted    auth.TrustedProxies
	byAddress  *auth.Limiter[netip.Addr]
	byIdentity *auth.Limiter[string]
	verifier   atomic.Pointer[auth.Verifier] // for the dashboard; nil without tokens
	refused    atomic.Uint64                 // credentials
	denied     atomic.Uint64                 // requests that their grant does not cover
}

func (a *access) init(o *Options) error {
	who := auth.Options{Open: true}
	if o.Access != nil {
		who = *o.Access
	}
	authenticator, err := auth.New(who)
	if err != nil {
		return err
	}
	a.auth, a.trusted = authenticator, o.TrustedProxies
	a.byAddress = auth.NewLimiter[netip.Addr](o.AddressLimits)
	a.byIdentity = auth.NewLimiter[string](o.IdentityLimits)
	a.verifier.Store(who.Verifier)
	return nil
}

// From returns the source of a request.
func (k *Gate) From(r *http.Request) auth.Source { return k.access.trusted.ClientAddr(r) }

// RemoteHost returns the address, without a port, of a request that has no [Caller].
func (k *Gate) RemoteHost(r *http.Request) string { return hostOf(k.From(r).Addr, r.RemoteAddr) }

// BaseURL returns scheme and host as the visitor reached them.
func (k *Gate) BaseURL(r *http.Request) string {
	at := k.From(r)
	return at.Scheme + "://" + at.Host
}

// Open reports whether everybody may do everything.
func (k *Gate) Open() bool { return k.access.auth.Open() }

// Verifier returns the token verifier; nil without tokens.
func (k *Gate) Verifier() *auth.Verifier { return k.access.verifier.Load() }

// Replace puts other origins and other credentials into effect from the next request on, both or neither.
func (k *Gate) Replace(origins []string, who auth.Options) error {
	if _, err := auth.New(who); err != nil {
		return err
	}
	if err := k.allow(origins, &who); err != nil {
		return err
	}
	_ = k.access.auth.Replace(who) // it was found good
	k.access.verifier.Store(who.Verifier)
	return nil
}

// SetMadeKeys replaces the keys that are accepted beside the configured ones, from the next request on.
func (k *Gate) SetMadeKeys(keys []auth.Key) error { return k.access.auth.SetMade(keys) }

// MayConnect checks the rate at which streams are opened.
func (k *Gate) MayConnect(c *gin.Context, who Caller) *reply.Fault {
	if f := k.connects(c, who); f != nil {
		return f
	}
	if id := who.Identity(); id != "" {
		if retry, ok := k.access.byIdentity.AllowConnect(id); !ok {
			return reply.Limited(c, retry, "too_many_connects", "Too many streams were opened with these credentials in a short time.")
		}
	}
	return nil
}

// connects checks the rate of an address, once for each caller.
func (k *Gate) connects(c *gin.Context, who Caller) *reply.Fault {
	if who.counted {
		return nil
	}
	if retry, ok := k.access.byAddress.AllowConnect(who.key); !ok {
		return reply.Limited(c, retry, "too_many_connects", "Too many streams were opened from this address in a short time.")
	}
	return nil
}

// MayPublish checks the rate of a publisher, before its body is read.
func (k *Gate) MayPublish(c *gin.Context, who Caller) *reply.Fault {
	retry, ok := k.access.byAddress.AllowPublish(who.key)
	if id := who.Identity(); ok && id != "" {
		retry, ok = k.access.byIdentity.AllowPublish(id)
	}
	if !ok {
		return reply.Limited(c, retry, "too_many_publishes",
			"Publishes are too frequent. Nothing was published; try again later, or put more events in one request.")
	}
	return nil
}

// MayInform checks the rate at which an address sets the info of its streams: that of publishes. The streams' secrets
// are the permission, so there is no identity.
func (k *Gate) MayInform(c *gin.Context) *reply.Fault {
	if retry, ok := k.access.byAddress.AllowPublish(auth.AddressKey(k.From(c.Request).Addr)); !ok {
		return reply.Limited(c, retry, "too_many_publishes", "Info is set too often from this address. Try again later.")
	}
	return nil
}

// MayPublishBytes checks how much a publisher sends.
func (k *Gate) MayPublishBytes(c *gin.Context, who Caller, n int) *reply.Fault {
	retry, ok := k.access.byAddress.AllowBytes(who.key, n)
	if id := who.Identity(); ok && id != "" {
		retry, ok = k.access.byIdentity.AllowBytes(id, n)
	}
	if !ok {
		return reply.Limited(c, retry, "too_many_bytes",
			"Too many bytes are published in a short time. Nothing was published; try again later.")
	}
	return nil
}
