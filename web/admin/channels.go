package admin

import (
	"math"
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

// rateSpan is the time of which all rates of channels are.
const rateSpan = 10 * time.Second

// rates returns the present rates of all channels that have any, in events per second.
func (a *Admin) rates() map[string]float64 {
	rates := make(map[string]float64)
	for _, b := range a.node.Log.Busiest(rateSpan, math.MaxInt) {
		rates[b.Channel] = b.Rate
	}
	return rates
}

// activity returns the kept events by time in equal parts of the whole span, oldest first; a part of which the events
// are not kept is missing.
func activity(k eventlog.Kept, span time.Duration) []float64 {
	values := make([]float64, len(k.Activity))
	missing := int(float64(len(values)) * float64(span-k.Span) / float64(span))
	for i := range missing {
		values[i] = math.NaN()
	}
	for i, n := range k.Activity {
		at := float64(span-k.Span) + (float64(i)+.5)*float64(k.Span)/float64(len(k.Activity))
		to := min(int(at/float64(span)*float64(len(values))), len(values)-1)
		if math.IsNaN(values[to]) {
			values[to] = 0
		}
		values[to] += float64(n)
	}
	return values
}

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
	view.Rows = p.a.channelRows("channel-", p.rows.names, p.a.rates())
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
	for name, rate := range a.rates() {
		if at, ok := places[name]; ok {
			all[at].rate = rate
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
		return k, sees(p.v.session, e.name) && (search == "" || containsFold(e.name, search))
	}
}

// channelRows returns channels as rows.
func (a *Admin) channelRows(prefix string, names []string, rates map[string]float64) []templates.ChannelRow {
	rows := make([]templates.ChannelRow, 0, len(names))
	for i, k := range a.node.Log.Kept(names, activitySpan, sparkParts) {
		ch := a.node.Registry.Channel(names[i])
		row := templates.ChannelRow{
			Key: prefix + keyOf(names[i]), Name: names[i], Href: adminLink("channels", names[i]), Pattern: eventlog.IsPattern(names[i]),
			Clients: grouped(ch.Clients), Connections: grouped(ch.Connections), Rate: perSecond(rates[names[i]]) + "/s",
			Spark: activity(k, activitySpan), SparkSpan: durationText(activitySpan), Events: grouped(k.Events), Bytes: sized(k.Bytes),
		}
		if k.Newest != nil {
			row.LastType = k.Newest.Type()
			row.LastAt, _ = time.Parse(time.RFC3339, k.Newest.Timestamp())
		}
		rows = append(rows, row)
	}
	return rows
}
