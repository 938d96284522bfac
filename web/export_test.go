package web

import (
	"strconv"
	"time"

	"rollcall/web/node"
)

// SetReadTimeout changes how long a request's head, and all of it, may take. Call
// it before Serve.
func (s *Server) SetReadTimeout(d time.Duration) {
	s.http.ReadHeaderTimeout, s.http.ReadTimeout = d, d
}

// SetBodyLimits sets what all bodies take at most, before the server has any.
func (s *Server) SetBodyLimits(publishing, subscribing int64) {
	s.gate.Limits.Publishing.Limit, s.gate.Limits.Subscribing.Limit = publishing, subscribing
}

// BodyBytes returns what the bodies of publishers and of subscribers take.
func (s *Server) BodyBytes() (publishing, subscribing int64) {
	return s.gate.Limits.Publishing.Held.Load(), s.gate.Limits.Subscribing.Held.Load()
}

// SetFormLimit sets what all forms of the admin UI take at most, before there are any.
func (s *Server) SetFormLimit(n int64) { s.gate.Limits.Forms.Limit = n }

// FillBlocks blocks as many clients as can be, c0 and so on.
func (s *Server) FillBlocks(until time.Time) {
	for i := range node.MaxBlocks {
		_ = s.node.KeepAway(node.Target{ClientID: "c" + strconv.Itoa(i)}, time.Until(until), "a test", "")
	}
}

// SetOlderTotal sets what all streams together hold of the store's events.
func (s *Server) SetOlderTotal(n int64) { s.node.OlderRoom.Limit = n }

// OlderHeld returns what they hold.
func (s *Server) OlderHeld() int64 { return s.node.OlderRoom.Held.Load() }

// SubscriptionBytes returns what the subscriptions of all streams count for.
func (s *Server) SubscriptionBytes() int64 {
	held, _, _, _ := s.gate.Limits.Subscriptions.State()
	return held
}

// KeepPlaces has the places of devices kept whose streams were given something.
func (s *Server) KeepPlaces() { s.compat.KeepPlaces() }

// PlacesDue returns how many places of devices are not kept yet.
func (s *Server) PlacesDue() int { return s.compat.PlacesDue() }
