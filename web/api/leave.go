package api

import (
	"cmp"
	"net/http"

	"github.com/gin-gonic/gin"

	"rollcall/web/gate"
	"rollcall/web/node"
	"rollcall/web/reply"
)

// leave answers POST /presence/connections/{connectionId}/leave, which a closing page sends: behind a proxy, its
// stream would stay open for a while. The stream's secret is the permission. Unknown connections are answered with
// 204.
func (a *API) leave(c *gin.Context) *reply.Fault {
	id, secret := reply.PathParam(c, "connectionId"), cmp.Or(c.GetHeader(gate.SecretHeader), c.Query("secret"))
	o := node.Command{ConnectionID: id, Now: c.Query("now") == "1"}
	switch conn := a.node.Registry.Connection(id); {
	case secret == "":
		return a.gate.Denied(&reply.Fault{Status: http.StatusForbidden, Code: "missing_secret",
			Message: "secret is missing; send the secret from the stream's registered event as ?secret= or in the header Stream-Secret", Field: "secret"})
	case a.node.Secrets.Fits(id, secret):
		a.node.LeaveChecked(o)
	case conn != nil && conn.Handle != nil || a.node.Cluster == nil && a.node.Registry.Knows(id):
		return a.gate.Denied(&reply.Fault{Status: http.StatusForbidden, Code: "wrong_secret", Message: "secret does not belong to this stream", Field: "secret"})
	case a.node.Cluster != nil && a.node.Registry.Knows(id):
		o.Secret = secret
		a.node.TellLeave(o)
	}
	c.Status(http.StatusNoContent)
	return nil
}
