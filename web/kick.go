package web

import (
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"rollcall/hub"
	"rollcall/presence"
)

// kick ends a stream by the operator's will, wherever it is.
func (s *Server) kick(conn *presence.Connection) {
	if s.cluster != nil {
		if err := s.cluster.kick(conn); err != nil {
			s.opts.Log.Warn("the other servers are not told to end a stream", "connectionId", conn.ID, "error", err)
		}
	}
	if conn.Handle != nil {
		s.kickHere(conn)
	} else if !conn.Anonymous {
		s.blocks.kicked(conn.ClientID) // it may come back to this server
	}
}

// kickAll is kick for all streams of a client. It says how many these are, and whether
// the client is online, which it may be without any.
func (s *Server) kickAll(id string) (streams int, online bool) {
	_, conns, online := s.registry.Client(id)
	for _, conn := range conns {
		s.kick(conn)
	}
	return len(conns), online
}

// kickHere ends a stream of this server. Its EventSource comes back once by itself:
// named, it is then told to stay away; nameless, it is told not to hurry.
func (s *Server) kickHere(conn *presence.Connection) {
	why := hub.Kicked
	if conn.Anonymous {
		why.Retry = 24 * time.Hour
	} else {
		s.blocks.kicked(conn.ClientID)
	}
	conn.Handle.(*stream).end(why)
}

// endClient ends all streams of a client on this server.
func (s *Server) endClient(id string) {
	_, conns, _ := s.registry.Client(id)
	for _, conn := range conns {
		if conn.Handle != nil {
			s.kickHere(conn)
		}
	}
}

// errTooManyBlocks is the error of keepAway where as many clients are blocked as may be.
var errTooManyBlocks = errors.New(strconv.Itoa(maxBlocks) + " clients are blocked, which is the most. Lift a block, or wait until one is over.")

// keepAway blocks a client for a time, on all servers, and ends its streams.
func (s *Server) keepAway(id string, d time.Duration, by string) error {
	if s.blocks.full(id) {
		return errTooManyBlocks
	}
	s.blocks.put(block{clientID: id, since: time.Now(), until: time.Now().Add(d), by: by})
	if s.cluster != nil {
		value, _ := json.Marshal(sharedBlock{by, time.Now()}) // strings and a time
		if err := s.cluster.roster.PutShared(id, value, d); err != nil {
			s.opts.Log.Warn("the other servers are not told of a block", "clientId", id, "error", err)
		}
	}
	s.kickAll(id)
	s.endWatchers(id)
	return nil
}

// endWatchers ends the presence streams of this server that were opened with a client's credentials.
func (s *Server) endWatchers(id string) {
	s.watching.Range(func(key, _ any) bool {
		if w := key.(*watcher); w.GrantedTo() == id {
			w.end(hub.Kicked)
		}
		return true
	})
}

// letBack ends a block on all servers, and says whether there was one.
func (s *Server) letBack(id string) bool {
	was := s.blocks.unblock(id)
	if was && s.cluster != nil {
		if err := s.cluster.roster.DeleteShared(id); err != nil {
			s.opts.Log.Warn("the other servers are not told of the end of a block", "clientId", id, "error", err)
		}
	}
	return was
}
