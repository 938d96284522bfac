package web

import "time"

// SetReadTimeout changes how long a request's head, and all of it, may take. Call
// it before Serve.
func (s *Server) SetReadTimeout(d time.Duration) {
	s.http.ReadHeaderTimeout, s.http.ReadTimeout = d, d
}
