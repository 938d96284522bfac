package api

import (
	"cmp"
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"rollcall/web/gate"
	"rollcall/web/node"
	"rollcall/web/reply"
	"rollcall/web/stream"
)

// holder says which server has a connection.
type holder int

const (
	nobody holder = iota
	thisServer
	another // which has to check the secret
)

// ownConnection returns the connection of the path, to which the secret of the request belongs. The secret is the
// permission.
func (a *API) ownConnection(c *gin.Context) (o node.Command, at holder, f *reply.Fault) {
	o = node.Command{ConnectionID: reply.PathParam(c, "connectionId")}
	secret := cmp.Or(c.GetHeader(gate.SecretHeader), c.Query("secret"))
	conn, known := a.node.Registry.Connection(o.ConnectionID), a.node.Registry.Knows(o.ConnectionID)
	switch {
	case secret == "":
		return o, nobody, a.gate.Denied(&reply.Fault{Status: http.StatusForbidden, Code: "missing_secret",
			Message: "secret is missing; send the secret from the stream's registered event as ?secret= or in the header Stream-Secret", Field: "secret"})
	case a.node.Secrets.Fits(o.ConnectionID, secret):
		return o, thisServer, nil
	case conn != nil && conn.Handle != nil || a.node.Cluster == nil && known:
		return o, nobody, a.gate.Denied(&reply.Fault{Status: http.StatusForbidden, Code: "wrong_secret",
			Message: "secret does not belong to this stream", Field: "secret"})
	case a.node.Cluster != nil && known:
		o.Secret = secret
		return o, another, nil
	}
	return o, nobody, nil
}

// leave answers POST /presence/connections/{connectionId}/leave, which a closing page sends: behind a proxy, its
// stream would stay open for a while. Unknown connections are answered with 204.
func (a *API) leave(c *gin.Context) *reply.Fault {
	o, at, f := a.ownConnection(c)
	if f != nil {
		return f
	}
	o.Now = c.Query("now") == "1"
	switch at {
	case thisServer:
		a.node.LeaveChecked(o)
	case another:
		a.node.TellLeave(o)
	}
	c.Status(http.StatusNoContent)
	return nil
}

// maxInfoBody limits the body of a request that sets an info, which may have white space.
const maxInfoBody = 4 * reply.MaxInfo

// setInfo answers PUT /presence/connections/{connectionId}/info. Each change is sent to all members, so the rate is
// that of publishes.
func (a *API) setInfo(c *gin.Context) *reply.Fault {
	o, at, f := a.ownConnection(c)
	if f != nil {
		return f
	}
	if f := a.gate.MayInform(c); f != nil {
		return f
	}
	body := reply.NewBody(&a.gate.Limits.Subscribing)
	defer body.Release()
	if f := body.Fill(c, maxInfoBody); f != nil {
		return f
	}
	if o.Info, f = stream.CheckInfo(body.Bytes()); f != nil {
		return f
	}
	if o.Info == nil {
		return reply.Invalid("invalid_info", "info", "is missing; send a JSON object of at most %d bytes as the body", reply.MaxInfo)
	}
	switch conn := a.node.Registry.Connection(o.ConnectionID); {
	case at == nobody || conn == nil:
		return notOnline
	case conn.InfoIsFixed:
		return a.infoIsFixed()
	case at == another:
		a.node.TellInfo(o)
	default:
		switch err := a.node.SetInfo(o.ConnectionID, o.Info); {
		case errors.Is(err, node.ErrInfoIsFixed):
			return a.infoIsFixed()
		case err != nil:
			return notOnline
		}
	}
	c.Status(http.StatusNoContent)
	return nil
}

func (a *API) infoIsFixed() *reply.Fault {
	return a.gate.Denied(reply.NewFault(http.StatusForbidden, "fixed_info", "The client's credentials say what presence shows of it."))
}
