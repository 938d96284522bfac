package gate

import (
	"errors"
	"math"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"rollcall/web/auth"
	"rollcall/web/reply"
)

// Backend returns the backend that judges reads without credentials; nil for none.
func (k *Gate) Backend() *auth.Backend { return k.access.auth.Backend() }

// MayReadSome reports whether a caller may have any stream. A caller that the backend has yet to judge may.
func (k *Gate) MayReadSome(who Caller) bool {
	return who.MaySubscribeSome() || who.Kind == auth.Anonymous && k.Backend() != nil
}

// Reader is [Gate.Caller] for requests that read these channels; see [Gate.Ask].
func (k *Gate) Reader(c *gin.Context, channels ...string) (Caller, *reply.Fault) {
	who, f := k.Caller(c)
	if f != nil {
		return who, f
	}
	return k.Ask(c, who, channels, "")
}

// Ask asks the backend about a caller without credentials that wants to read channels as the given client. It returns
// all other callers unchanged, and callers to whom all of the channels are open.
func (k *Gate) Ask(c *gin.Context, who Caller, channels []string, clientID string) (Caller, *reply.Fault) {
	backend := k.Backend()
	if backend == nil || who.Kind != auth.Anonymous || openTo(who, channels) {
		return who, nil
	}
	q := backend.Question(c.Request, channels, clientID, who.Host())
	grant, known, err := backend.Remembers(q)
	if !known {
		if f := k.connects(c, who); f != nil {
			return who, f
		}
		who.counted = true
		grant, err = backend.Ask(c.Request.Context(), q)
	}
	if err != nil {
		return who, k.attempted(c, who, k.refusedByBackend(c, err))
	}
	if who.Grant = grant; who.ClientID != "" && k.node.Blocks.Refuses(who.ClientID) {
		return who, k.attempted(c, who, Blocked)
	}
	return who, nil
}

// openTo reports whether a caller may read all of the channels anyway.
func openTo(who Caller, channels []string) bool {
	for _, name := range channels {
		if !who.MaySubscribe(name) {
			return false
		}
	}
	return len(channels) > 0
}

// refusedByBackend is the answer to a request that the backend refuses, or could not be asked about.
func (k *Gate) refusedByBackend(c *gin.Context, why error) *reply.Fault {
	var failed *auth.BackendError
	switch {
	case errors.As(why, &failed):
		c.Header("Retry-After", strconv.Itoa(int(math.Ceil(failed.Retry.Seconds()))))
		text := "The backend that decides who may read could not be asked. Try again."
		if failed.Busy {
			text = "Too many requests wait for the backend that decides who may read. Try again."
		}
		return reply.NewFault(http.StatusServiceUnavailable, "authorize_unavailable", text)
	case errors.Is(why, auth.ErrLogin):
		c.Header("WWW-Authenticate", "Bearer")
		return k.Denied(reply.NewFault(http.StatusUnauthorized, "unauthorized",
			"The backend refuses this request: it wants a login first."))
	}
	return k.Denied(reply.NewFault(http.StatusForbidden, "forbidden",
		"The backend refuses this request: it is not allowed."))
}
