package web

import (
	"time"

	"rollcall/hub"
	"rollcall/presence"
)

// admission is what lets a stream stay: it is over when its credentials are, and gives back what the stream took of the limits.
type admission interface {
	Holds() bool        // whether the credentials still stand
	Expires() time.Time // when they end; zero for never
	GrantedTo() string  // the client that they name; "" for none
	Release(grace time.Duration)
}

// sweep ends the streams whose grants no longer stand.
func (s *Server) sweep() {
	var gone []*stream
	s.registry.Each(func(r presence.Ref) {
		for _, conn := range r.Connections() {
			if st, ours := conn.Handle.(*stream); ours && !st.admission.Holds() {
				gone = append(gone, st)
			}
		}
	})
	for _, st := range gone {
		st.end(hub.Expired)
	}
	s.watching.Range(func(key, _ any) bool {
		if w := key.(*watcher); !w.admission.Holds() {
			w.end(hub.Expired)
		}
		return true
	})
}
