package web

import (
	"cmp"
	"net/http"

	"github.com/gin-gonic/gin"
)

// leave answers POST /presence/connections/{connectionId}/leave, which a page sends
// when it is closed: behind a proxy, its stream would look alive for a while. The
// stream's secret is the permission. Unknown connections are answered with 204.
func (s *Server) leave(c *gin.Context) {
	id, secret := pathParam(c, "connectionId"), cmp.Or(c.GetHeader(secretHeader), c.Query("secret"))
	o := order{ConnectionID: id, Now: c.Query("now") == "1"}
	var f *fault
	switch conn := s.registry.Connection(id); {
	case secret == "":
		f = &fault{http.StatusForbidden, "missing_secret",
			"secret is missing; the stream's registered event has it, for ?secret= or the header Stream-Secret", "secret"}
	case s.secrets.fits(id, secret):
		s.leaveChecked(o)
	case conn != nil && conn.Handle != nil || s.cluster == nil && s.registry.Knows(id):
		f = &fault{http.StatusForbidden, "wrong_secret", "secret is not that of this stream", "secret"}
	case s.cluster != nil && s.registry.Knows(id):
		o.Secret = secret
		s.tellLeave(o)
	}
	if f != nil {
		s.access.denied.Add(1)
		refuse(c, f)
		return
	}
	c.Status(http.StatusNoContent)
}
