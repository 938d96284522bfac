package web

import (
	"math"
	"strconv"

	"rollcall/templates"
)

// total is one kind of what the server holds, which is bounded over all requests.
type total struct {
	kind  string // label of the metrics
	what  string // for people
	bytes bool   // otherwise they are counted
	held  int64
	limit int64  // 0 means none, and that none is counted
	by    string // the flag that sets the limit; empty for none
}

// totals returns every kind that is bounded, and what is held of it; pages are the live ones of
// the admin UI.
func (s *Server) totals(pages int) []total {
	l, log, edges := &s.limits, s.log.Stats(), s.edges.Stats()
	subscriptions, ofAddress, ofIdentity, _ := l.subscriptions.state()
	streams := int64(s.Streams())
	return []total{
		{"connections", "Connections, idle ones too", false, s.Connections(), l.connections.limit, "--max-connections"},
		{"streams", "Streams", false, streams, int64(s.opts.MaxStreams), "--max-streams"},
		{"address_streams", "Streams of one address, the most", false, int64(s.access.byAddress.Most()),
			int64(s.opts.AddressLimits.Connections), "--address-connections"},
		{"identity_streams", "Streams of one key or subject, the most", false, int64(s.access.byIdentity.Most()),
			int64(s.opts.IdentityLimits.Connections), "--identity-connections"},
		{"clocks", "Clocks", false, s.clocks.open.Load(), maxClocks, ""},
		{"admin_pages", "Live admin pages", false, int64(pages), maxFeeds, ""},
		{"blocks", "Blocked clients", false, int64(len(s.blocks.list())), maxBlocks, ""},
		{"subscriptions", "Subscriptions", true, subscriptions, l.subscriptions.limit, "--subscription-budget"},
		{"address_subscriptions", "Subscriptions of one address, the most", true, ofAddress, l.subscriptions.limit / 2,
			"--subscription-budget"},
		{"identity_subscriptions", "Subscriptions of one key or subject, the most", true, ofIdentity, l.subscriptions.limit / 2,
			"--subscription-budget"},
		{"events", "Events in memory", true, log.Bytes, log.Budget, "--history-budget"},
		{"presence_events", "Presence events in memory", true, edges.Bytes, edges.Budget, ""},
		{"publish_bodies", "Bodies of publishers", true, l.publishing.held.Load(), l.publishing.limit, "--max-body"},
		{"subscribe_bodies", "Bodies of subscribers", true, l.subscribing.held.Load(), l.subscribing.limit, "--max-body"},
		{"admin_forms", "Forms of the admin UI", true, l.forms.held.Load(), l.forms.limit, "--max-body"},
		{"store_events", "Events read from the store for streams", true, s.olderHeld.Load(), s.olderTotal, ""},
		{"snapshots", "Snapshots and lists for streams", true, s.hub.Held(), s.hub.MaxHeld(), ""},
		{"presence_snapshots", "Snapshots for presence streams", true, s.watchers.Held(), s.watchers.MaxHeld(), ""},
	}
}

// max returns the limit as a metric has it.
func (t total) max() float64 {
	if t.limit == 0 {
		return math.Inf(1)
	}
	return float64(t.limit)
}

// row returns the total as a row of the admin UI.
func (t total) row() templates.LimitRow {
	text := func(n int64) string {
		if t.bytes {
			return sized(n)
		}
		return grouped(n)
	}
	row := templates.LimitRow{What: t.what, Now: "not counted", Limit: "none", By: t.by}
	if t.limit > 0 {
		row.Now, row.Limit = text(t.held), text(t.limit)
		share := 100 * t.held / t.limit
		row.Share = strconv.FormatInt(share, 10) + " %"
		row.High = share >= 80
	}
	return row
}
