package web

// totals returns every kind that is bounded, and what is held of it.
func (s *Server) totals() []total {
	l, log, edges := &s.limits, s.log.Stats(), s.edges.Stats()
	subscriptions, ofAddress, ofIdentity, _ := l.subscriptions.state()
	streams := int64(s.Streams())
	return []total{
		countOf("connections", "Connections, idle ones too", s.Connections(), l.connections.limit, "--max-connections"),
		countOf("streams", "Streams", streams, int64(s.opts.MaxStreams), "--max-streams"),
		countOf("address_streams", "Streams of one address, the most", int64(s.access.byAddress.Most()),
			int64(s.opts.AddressLimits.Connections), "--address-connections"),
		countOf("identity_streams", "Streams of one key or subject, the most", int64(s.access.byIdentity.Most()),
			int64(s.opts.IdentityLimits.Connections), "--identity-connections"),
		countOf("clocks", "Clocks", s.clocks.open.Load(), maxClocks, ""),
		countOf("admin_pages", "Live admin pages", int64(s.admin.feeds.count()), maxFeeds, ""),
		countOf("blocks", "Blocked clients", int64(len(s.blocks.list())), maxBlocks, ""),
		sizeOf("subscriptions", "Subscriptions", subscriptions, l.subscriptions.limit, "--subscription-budget"),
		sizeOf("address_subscriptions", "Subscriptions of one address, the most", ofAddress, l.subscriptions.limit/2,
			"--subscription-budget"),
		sizeOf("identity_subscriptions", "Subscriptions of one key or subject, the most", ofIdentity, l.subscriptions.limit/2,
			"--subscription-budget"),
		sizeOf("events", "Events in memory", log.Bytes, log.Budget, "--history-budget"),
		sizeOf("presence_events", "Presence events in memory", edges.Bytes, edges.Budget, ""),
		sizeOf("publish_bodies", "Bodies of publishers", l.publishing.held.Load(), l.publishing.limit, "--max-body"),
		sizeOf("subscribe_bodies", "Bodies of subscribers", l.subscribing.held.Load(), l.subscribing.limit, "--max-body"),
		sizeOf("admin_forms", "Forms of the admin UI", l.forms.held.Load(), l.forms.limit, "--max-body"),
		sizeOf("store_events", "Events read from the store for streams", s.olderHeld.Load(), s.olderTotal, ""),
		sizeOf("snapshots", "Snapshots and lists for streams", s.hub.Held(), s.hub.MaxHeld(), ""),
		sizeOf("presence_snapshots", "Snapshots for presence streams", s.watchers.Held(), s.watchers.MaxHeld(), ""),
	}
}
