package web

import (
	"strconv"
	"time"
)

// SetReadTimeout changes how long a request's head, and all of it, may take. Call
// it before Serve.
func (s *Server) SetReadTimeout(d time.Duration) {
	s.http.ReadHeaderTimeout, s.http.ReadTimeout = d, d
}

// SetBodyLimits sets what all bodies take at most, before the server has any.
func (s *Server) SetBodyLimits(publishing, subscribing int64) {
	s.limits.publishing.limit, s.limits.subscribing.limit = publishing, subscribing
}

// BodyBytes returns what the bodies of publishers and of subscribers take.
func (s *Server) BodyBytes() (publishing, subscribing int64) {
	return s.limits.publishing.held.Load(), s.limits.subscribing.held.Load()
}

// FillBlocks blocks as many clients as can be, c0 and so on.
func (s *Server) FillBlocks(until time.Time) {
	for i := range maxBlocks {
		s.blocks.put(block{clientID: "c" + strconv.Itoa(i), since: time.Now(), until: until, by: "a test"})
	}
}

// SetOlderTotal sets what all streams together hold of the store's events.
func (s *Server) SetOlderTotal(n int64) { s.olderTotal = n }

// OlderHeld returns what they hold.
func (s *Server) OlderHeld() int64 { return s.olderHeld.Load() }

// SubscriptionBytes returns what the subscriptions of all streams count for.
func (s *Server) SubscriptionBytes() int64 {
	held, _, _, _ := s.limits.subscriptions.state()
	return held
}

// KeepPlaces has the places of devices kept whose streams were given something.
func (s *Server) KeepPlaces() { s.devices.enqueueMoved() }

// PlacesDue returns how many places of devices are not kept yet.
func (s *Server) PlacesDue() int {
	s.devices.mu.Lock()
	defer s.devices.mu.Unlock()
	return len(s.devices.due) + len(s.devices.flushing)
}

// SetFormLimit sets what all forms of the admin UI take at most, before there are any.
func (s *Server) SetFormLimit(n int64) { s.limits.forms.limit = n }
