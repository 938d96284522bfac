package web

import (
	"rollcall/web/admin"
	"rollcall/web/auth"
	"rollcall/web/compat"
	"rollcall/web/node"
	"rollcall/web/totals"
)

// totals returns every kind that is bounded, and what is held of it.
func (s *Server) totals() []totals.Total {
	l, log, edges := &s.gate.Limits, s.node.Log.Stats(), s.node.Edges.Stats()
	subscriptions, ofAddress, ofIdentity, _ := l.Subscriptions.State()
	streams := int64(s.node.Streams())
	clients, networks := s.node.Blocks.Counts()
	addressStreams, identityStreams := s.gate.MostStreams()
	return []totals.Total{
		totals.Count("connections", "Connections, idle ones included", s.Connections(), l.Connections.Limit, "--max-connections"),
		totals.Count("streams", "Streams", streams, int64(s.opts.MaxStreams), "--max-streams"),
		totals.Count("address_streams", "Streams of the busiest address", int64(addressStreams),
			int64(s.opts.AddressLimits.Connections), "--address-connections"),
		totals.Count("identity_streams", "Streams of the busiest key or subject", int64(identityStreams),
			int64(s.opts.IdentityLimits.Connections), "--identity-connections"),
		totals.Count("clocks", "Clocks", s.compat.Clocks(), compat.MaxClocks, ""),
		totals.Count("admin_pages", "Live admin pages", int64(s.admin.Pages()), admin.MaxFeeds, ""),
		totals.Count("blocks", "Blocks", int64(clients+networks), node.MaxBlocks, ""),
		totals.Size("subscriptions", "Subscriptions", subscriptions, l.Subscriptions.Limit, "--subscription-budget"),
		totals.Size("address_subscriptions", "Subscriptions of the busiest address", ofAddress, l.Subscriptions.Limit/2,
			"--subscription-budget"),
		totals.Size("identity_subscriptions", "Subscriptions of the busiest key or subject", ofIdentity, l.Subscriptions.Limit/2,
			"--subscription-budget"),
		totals.Size("authorize_answers", "Answers of the backend", int64(s.gate.Backend().Stats().Held), auth.MaxRemembered, ""),
		totals.Size("events", "Events in memory", log.Bytes, log.Budget, "--history-budget"),
		totals.Size("presence_events", "Presence events in memory", edges.Bytes, edges.Budget, ""),
		totals.Size("publish_bodies", "Bodies of publishers", l.Publishing.Held.Load(), l.Publishing.Limit, "--max-body"),
		totals.Size("subscribe_bodies", "Bodies of subscribers", l.Subscribing.Held.Load(), l.Subscribing.Limit, "--max-body"),
		totals.Size("admin_forms", "Forms of the admin UI", l.Forms.Held.Load(), l.Forms.Limit, "--max-body"),
		totals.Size("store_events", "Events read from the store for streams", s.node.OlderRoom.Held.Load(), s.node.OlderRoom.Limit, ""),
		totals.Size("snapshots", "Snapshots and lists for streams", s.node.Hub.Held(), s.node.Hub.MaxHeld(), ""),
		totals.Size("presence_snapshots", "Snapshots for presence streams", s.node.Watchers.Held(), s.node.Watchers.MaxHeld(), ""),
	}
}
