package web

import (
	"cmp"
	"net/http"

	"github.com/gin-gonic/gin"

	"rollcall/hub"
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

// leaveChecked ends a connection that this server gave the secret for, on all servers.
func (s *Server) leaveChecked(o order) {
	if known := s.leaveHere(o.ConnectionID, o.Now); known && s.cluster != nil {
		s.tellLeave(o)
	}
}

func (s *Server) tellLeave(o order) {
	if err := s.cluster.tell(leaveWord, o); err != nil {
		s.opts.Log.Warn("the other servers are not told that a client leaves", "connectionId", o.ConnectionID, "error", err)
	}
}

// leaveHere ends a connection as if its peer were gone, if it is this server's, and
// with now the grace after it, if it is another's too. It reports whether there was
// such a connection; its end may have come first.
func (s *Server) leaveHere(id string, now bool) (known bool) {
	conn := s.registry.Connection(id)
	if conn == nil {
		return now && s.registry.EndGrace(id)
	}
	st, ours := conn.Handle.(*stream)
	if ours {
		st.atOnce.Store(now)
		st.end(hub.Gone)
	} else if now {
		s.registry.Leave(conn)
	}
	if now {
		s.registry.EndGrace(id) // where the stream had ended before it was told to
	}
	return true
}
