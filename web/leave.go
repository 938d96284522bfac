package web

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"rollcall/hub"
)

// leave answers POST /presence/connections/{connectionId}/leave, which a page sends
// when it is closed: behind a proxy, its stream would look alive for a while. Only
// who was given the stream knows the id, so it is the permission, and an unknown one
// is answered alike.
func (s *Server) leave(c *gin.Context) {
	id, now := pathParam(c, "connectionId"), c.Query("now") == "1"
	if known := s.leaveHere(id, now); known && s.cluster != nil {
		if err := s.cluster.leave(id, now); err != nil {
			s.opts.Log.Warn("the other servers are not told that a client leaves", "connectionId", id, "error", err)
		}
	}
	c.Status(http.StatusNoContent)
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
