package templates

// Each live view lists the changing parts of its page. The page renders a part with the same component, so the
// streamed and the loaded version are equal. Fragments contain no forms, so that input is never overwritten; a box that
// marks a row is the user's.

// figureFragments returns the fragments of a row of figures.
func figureFragments(figures []Figure) []Fragment {
	var parts []Fragment
	for _, f := range figures {
		parts = append(parts, Fragment{ID: f.ID, Body: figure(f)})
	}
	return parts
}

// orEmpty returns the items of a list, or its text for an empty one.
func orEmpty(items []Fragment, empty Fragment) []Fragment {
	if len(items) == 0 {
		return []Fragment{empty}
	}
	return items
}

func momentFragments(list string, moments []Moment, empty string) []Fragment {
	var items []Fragment
	for _, m := range moments {
		items = append(items, Fragment{ID: momentID(list, m), Body: moment(list, m)})
	}
	return orEmpty(items, Fragment{ID: list + "-empty", Body: momentsEmpty(list, empty)})
}

// Fragments returns the live parts of the page.
func (v OverviewView) Fragments() []Fragment {
	parts := figureFragments(v.Figures)
	var warnings []Fragment
	for _, w := range v.Warnings {
		warnings = append(warnings, Fragment{ID: warningID(w), Body: warning(w)})
	}
	parts = append(parts, Fragment{ID: "warnings", Body: warningList(v.Warnings), Items: warnings})
	for _, c := range v.Charts {
		parts = append(parts, Fragment{ID: c.ID, Body: chart(c)})
	}
	var busiest []Fragment
	for _, r := range v.Busiest {
		busiest = append(busiest, Fragment{ID: r.Key, Body: busyRow(r)})
	}
	return append(parts,
		Fragment{ID: "busiest-rows", Body: busyRows(v), Items: orEmpty(busiest, Fragment{ID: "busiest-empty", Body: busiestEmpty(v)})},
		Fragment{ID: "news", Body: momentList("news", v.News, newsEmpty), Items: momentFragments("news", v.News, newsEmpty)},
	)
}

// Fragments returns the live parts of the page.
func (v ClientsView) Fragments() []Fragment {
	var rows []Fragment
	for _, r := range v.Rows {
		rows = append(rows, Fragment{ID: r.Key, Body: clientRow(r)})
	}
	parts := []Fragment{
		{ID: "clients-total", Body: countBadge("clients-total", v.Total, "online")},
		{ID: "clients-rows", Body: clientRows(v), Items: orEmpty(rows, Fragment{ID: "clients-empty", Body: clientsEmpty(v)})},
		{ID: "clients-pager", Body: pager("clients-pager", v.Pager)},
		{ID: "filter-note", Body: filterNote(v)},
		{ID: "mark-total", Body: allMatching(v)},
	}
	if v.Query != "" {
		parts = append(parts, Fragment{ID: "clients-matching", Body: matching(v)})
	}
	if v.HasPast {
		parts = append(parts, Fragment{ID: "past", Body: momentList("past", v.Past, pastEmpty), Items: momentFragments("past", v.Past, pastEmpty)})
	}
	return parts
}

// Fragments returns the live parts of the page.
func (v TraceView) Fragments() []Fragment {
	if v.Event == nil {
		return nil
	}
	var rows []Fragment
	for _, r := range v.Rows {
		rows = append(rows, Fragment{ID: r.Key, Body: traceRow(r)})
	}
	return append(figureFragments(v.Figures),
		Fragment{ID: "trace-silent", Body: traceSilent(v)},
		Fragment{ID: "trace-rows", Body: traceRows(v), Items: orEmpty(rows, Fragment{ID: "trace-empty", Body: traceEmpty()})},
		Fragment{ID: "trace-more", Body: traceMore(v)},
	)
}

// Fragments returns the live parts of the page.
func (v ClientView) Fragments() []Fragment {
	parts := append([]Fragment{
		{ID: "client-state", Body: clientState(v)},
		{ID: "client-facts", Body: clientFacts(v)},
		{ID: "client-blocked", Body: clientBlocked(v)},
	}, figureFragments(v.Figures)...)
	var rows []Fragment
	for _, r := range v.Connections {
		rows = append(rows, Fragment{ID: r.Key, Body: connectionRow(r, v.CanAct)})
	}
	for _, c := range v.Charts {
		parts = append(parts, Fragment{ID: c.ID, Body: chart(c)})
	}
	return append(parts,
		Fragment{ID: "charts-since", Body: chartsSince(v)},
		Fragment{ID: "lanes", Body: lanes(v.Lanes)},
		Fragment{ID: "connections-rows", Body: connectionRows(v), Items: orEmpty(rows, Fragment{ID: "connections-empty", Body: connectionsEmpty(v)})},
		Fragment{ID: "timeline", Body: momentList("timeline", v.Timeline, timelineEmpty), Items: momentFragments("timeline", v.Timeline, timelineEmpty)},
	)
}

// Fragments returns the live parts of the page, without the feed, to which events are appended.
func (v TapView) Fragments() []Fragment {
	return []Fragment{{ID: "tap-state", Body: tapState(v)}, {ID: "tap-silent", Body: tapSilent(v)}}
}

// Fragments returns the live parts of the page.
func (v ChannelsView) Fragments() []Fragment {
	var rows []Fragment
	for _, r := range v.Rows {
		rows = append(rows, Fragment{ID: r.Key, Body: channelRow(r)})
	}
	return []Fragment{
		{ID: "channels-rows", Body: channelRows(v), Items: orEmpty(rows, Fragment{ID: "channels-empty", Body: channelsEmpty(v)})},
		{ID: "channels-pager", Body: pager("channels-pager", v.Pager)},
	}
}

// Fragments returns the live parts of the page, without the feed, to which events are appended.
func (v ChannelView) Fragments() []Fragment {
	parts := figureFragments(v.Figures)
	var members []Fragment
	for _, m := range v.Members {
		members = append(members, Fragment{ID: m.Key, Body: member(m)})
	}
	parts = append(parts,
		Fragment{ID: "members", Body: memberList(v), Items: orEmpty(members, Fragment{ID: "members-empty", Body: membersEmpty(v)})},
		Fragment{ID: "members-more", Body: membersMore(v)},
		Fragment{ID: "channel-ended", Body: channelEnded(v)},
	)
	if len(v.Rate.Series) > 0 {
		parts = append(parts, Fragment{ID: v.Rate.ID, Body: chart(v.Rate)})
	}
	return parts
}

// Fragments returns nil: only the feed of events is live.
func (v TailView) Fragments() []Fragment { return nil }

// Fragments returns the live parts of the page.
func (v BlocksView) Fragments() []Fragment {
	var rows []Fragment
	for _, r := range v.Rows {
		rows = append(rows, Fragment{ID: r.Key, Body: blockRow(r, v.CanAct)})
	}
	return []Fragment{{ID: "blocks-rows", Body: blockRows(v), Items: orEmpty(rows, Fragment{ID: "blocks-empty", Body: blocksEmpty(v)})}}
}

// Fragments returns the live parts of the page.
func (v NodesView) Fragments() []Fragment {
	var rows []Fragment
	for _, r := range v.Rows {
		rows = append(rows, Fragment{ID: r.Key, Body: nodeRow(r, v.CanAct)})
	}
	return []Fragment{
		{ID: "nodes-total", Body: countBadge("nodes-total", len(v.Rows), "up")},
		{ID: "nodes-state", Body: nodesState(v)},
		{ID: "nodes-rows", Body: nodeRows(v), Items: rows},
	}
}

// Fragments returns the live parts of the page.
func (v AuditView) Fragments() []Fragment {
	var rows []Fragment
	for _, r := range v.Rows {
		rows = append(rows, Fragment{ID: r.Key, Body: auditRow(r, v.Clustered)})
	}
	return []Fragment{
		{ID: "audit-rows", Body: auditRows(v), Items: orEmpty(rows, Fragment{ID: "audit-empty", Body: auditEmpty(v)})},
		{ID: "audit-pager", Body: pager("audit-pager", v.Pager)},
	}
}

// Fragments returns the live parts of the page.
func (v ServerView) Fragments() []Fragment {
	var parts []Fragment
	for _, g := range v.Facts {
		parts = append(parts, Fragment{ID: g.ID, Body: factGroup(g)})
	}
	return append(parts, Fragment{ID: "limits", Body: limits(v.Limits)}, Fragment{ID: "drain-state", Body: drainState(v.Drain)})
}
