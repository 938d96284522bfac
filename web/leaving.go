package web

import (
	"rollcall/hub"
)

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
