package admin

import (
	"time"

	"rollcall/hub/eventlog"
	"rollcall/presence"
	"rollcall/templates"
	"rollcall/web/reply"
)

// How far back activity is shown, and in how many parts.
const (
	activitySpan = 15 * time.Minute
	sparkParts   = 30
)

// channelColumns are those of [templates.ChannelColumns], with their sort keys.
var channelColumns = []sortColumn{
	{"Channel", "name", false, false}, {"Rate", "rate", true, false}, {"Clients", "clients", true, false},
	{"Connections", "connections", true, false}, {"Last event", "last", false, false},
	{"Kept", "events", true, false}, {"Bytes", "bytes", true, true},
}

// channels renders /admin/channels: channels that have members or keep events.
func (a *Admin) channels(v *pageRequest) (func() renderedPage, *reply.Fault) {
	v.frame.Section = "channels"
	return (&channelsPage{a, openList(&a.channelList, v)}).paint, nil
}

// channelsPage is an open list of channels.
type channelsPage struct {
	a *Admin
	*listPage[channelEntry]
}

func (p *channelsPage) paint() renderedPage {
	every := listEvery
	if p.sort != "" && p.sort != "name" {
		every = resortEvery
	}
	p.refresh(every, p.key)
	view := templates.ChannelsView{AdminFrame: p.v.frame, Query: p.search, Sort: p.v.query.Get("sort"), BaseURL: p.v.base}
	view.Columns = p.columns(Path+"/channels", channelColumns, "name")
	view.Rows = p.a.channelRows("channel-", p.rows.names, nil)
	view.Pager = p.pager(Path + "/channels")
	return renderedPage{body: templates.Channels(view), parts: view.Fragments()}
}

// channelEntry is a channel that has members or keeps events.
type channelEntry struct {
	name          string
	events, bytes int
	newest        uint64
	presence      presence.Channel
	rate          float64
}

// gatherChannels returns all channels, in no order.
func (a *Admin) gatherChannels() []channelEntry {
	kept := a.node.Log.Channels()
	all := make([]channelEntry, 0, len(kept))
	places := make(map[string]int32, len(kept))
	of := func(name string) *channelEntry {
		at, ok := places[name]
		if !ok {
			at = int32(len(all))
			places[name] = at
			all = append(all, channelEntry{name: name})
		}
		return &all[at]
	}
	for _, k := range kept {
		e := of(k.Channel)
		e.events, e.bytes, e.newest = k.Events, k.Bytes, k.Newest.Seq
	}
	a.node.Registry.EachChannel(func(ch presence.Channel) { of(ch.Name).presence = ch })
	for _, b := range a.node.Log.Busiest(10*time.Second, len(all)) {
		if at, ok := places[b.Channel]; ok {
			all[at].rate = b.Rate
		}
	}
	return all
}

// key returns the sort key and the filter of channels.
func (p *channelsPage) key(search string) func(*channelEntry) (rowKey, bool) {
	by := map[string]func(*channelEntry) float64{
		"rate":        func(e *channelEntry) float64 { return e.rate },
		"clients":     func(e *channelEntry) float64 { return float64(e.presence.Clients) },
		"connections": func(e *channelEntry) float64 { return float64(e.presence.Connections) },
		"last":        func(e *channelEntry) float64 { return float64(e.newest) },
		"events":      func(e *channelEntry) float64 { return float64(e.events) },
		"bytes":       func(e *channelEntry) float64 { return float64(e.bytes) },
	}[p.sort]
	return func(e *channelEntry) (rowKey, bool) {
		k := rowKey{name: e.name}
		if by == nil {
			k.text = e.name
		} else {
			k.number = by(e)
		}
		return k, search == "" || containsFold(e.name, search)
	}
}

// channelRows returns channels as rows, with their rates if known.
func (a *Admin) channelRows(prefix string, names []string, rates map[string]float64) []templates.ChannelRow {
	rows := make([]templates.ChannelRow, 0, len(names))
	for i, k := range a.node.Log.Kept(names, activitySpan, sparkParts) {
		ch := a.node.Registry.Channel(names[i])
		rate, ok := rates[names[i]]
		if !ok {
			rate = recentRate(k)
		}
		row := templates.ChannelRow{
			Key: prefix + keyOf(names[i]), Name: names[i], Href: adminLink("channels", names[i]),
			Clients: grouped(ch.Clients), Connections: grouped(ch.Connections), Rate: perSecond(rate) + "/s",
			SparkSpan: durationText(k.Span.Round(time.Second)), Events: grouped(k.Events), Bytes: sized(k.Bytes),
		}
		for _, n := range k.Activity {
			row.Spark = append(row.Spark, float64(n))
		}
		if k.Newest != nil {
			row.LastType = k.Newest.Type()
			row.LastAt, _ = time.Parse(time.RFC3339, k.Newest.Timestamp())
		}
		rows = append(rows, row)
	}
	return rows
}

// recentRate returns the rate over the last two parts of a channel's activity, in events per second: the last part has
// just begun, so it alone would be a guess.
func recentRate(k eventlog.Kept) float64 {
	n := len(k.Activity)
	if n < 2 || k.Span <= 0 {
		return 0
	}
	return float64(k.Activity[n-1]+k.Activity[n-2]) / (2 * k.Span.Seconds() / float64(n))
}
