package web

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"rollcall/hub/eventlog"
	"rollcall/presence"
	"rollcall/templates"
)

// How far back activity is shown, and in how many parts.
const (
	activitySpan = 15 * time.Minute
	sparkParts   = 30
)

// channelColumns are those of [templates.ChannelColumns], and what each is sorted by.
var channelColumns = []struct {
	label, sort string
	numeric     bool
	minor       bool
}{
	{"Channel", "name", false, false}, {"Rate", "rate", true, false}, {"Clients", "clients", true, false},
	{"Connections", "connections", true, false}, {"Last event", "last", false, false}, {"Kept", "events", true, false}, {"Bytes", "bytes", true, true},
}

// channels paints /admin/channels: those that have members or keep events.
func (a *admin) channels(v *visit) (func() screen, *fault) {
	v.frame.Section = "channels"
	p := &channelsPage{a: a, v: v, search: strings.TrimSpace(v.query.Get("q"))}
	p.sort, p.down = strings.CutPrefix(v.query.Get("sort"), "-")
	p.page, _ = strconv.Atoi(v.query.Get("page"))
	p.page = max(p.page, 1)
	return p.paint, nil
}

// channelsPage is an open list of channels.
type channelsPage struct {
	a      *admin
	v      *visit
	search string
	sort   string
	down   bool
	page   int

	names []string // on this page
	total int      // that match
	at    time.Time
}

func (p *channelsPage) paint() screen {
	every := time.Second // names come and go
	if p.sort != "" && p.sort != "name" {
		every = resortEvery // rows would jump
	}
	if time.Since(p.at) >= every {
		p.at = time.Now()
		p.list()
	}
	view := templates.ChannelsView{AdminFrame: p.v.frame, Query: p.search, Sort: p.v.query.Get("sort"), BaseURL: p.v.base}
	for _, c := range channelColumns {
		view.Columns = append(view.Columns, column(p.v.query, adminPath+"/channels", c.label, c.sort, cmp.Or(p.sort, "name"), p.down, c.numeric, c.minor))
	}
	view.Rows = p.a.channelRows("channel-", p.names, nil)
	view.Pager = pager(p.v.query, adminPath+"/channels", p.page, p.total, len(p.names))
	return screen{body: templates.Channels(view), parts: view.Fragments()}
}

// list finds which channels are on the page.
func (p *channelsPage) list() {
	type entry struct {
		name   string
		number float64
	}
	search := strings.ToLower(p.search)
	numbers := make(map[string]float64)
	s := p.a.server
	for _, k := range s.log.Channels() {
		if search != "" && !containsFold(k.Channel, search) {
			continue
		}
		n := 0.0
		switch p.sort {
		case "events":
			n = float64(k.Events)
		case "bytes":
			n = float64(k.Bytes)
		case "last":
			n = float64(k.Newest.Seq)
		}
		numbers[k.Channel] = n
	}
	members, _, _ := s.registry.Channels(presence.Query{Search: p.search})
	for _, ch := range members {
		switch p.sort {
		case "clients":
			numbers[ch.Name] = float64(ch.Clients)
		case "connections":
			numbers[ch.Name] = float64(ch.Connections)
		default:
			numbers[ch.Name] += 0
		}
	}
	if p.sort == "rate" {
		for _, b := range s.log.Busiest(10*time.Second, len(numbers)) {
			if _, ok := numbers[b.Channel]; ok {
				numbers[b.Channel] = b.Rate
			}
		}
	}
	all := make([]entry, 0, len(numbers))
	for name, n := range numbers {
		all = append(all, entry{name, n})
	}
	slices.SortFunc(all, func(x, y entry) int {
		order := cmp.Or(cmp.Compare(x.number, y.number), strings.Compare(x.name, y.name))
		if p.down {
			return -order
		}
		return order
	})
	p.total = len(all)
	p.page = min(p.page, max((p.total+pageRows-1)/pageRows, 1))
	all = all[(p.page-1)*pageRows:]
	p.names = make([]string, 0, pageRows)
	for _, e := range all[:min(pageRows, len(all))] {
		p.names = append(p.names, e.name)
	}
}

// channelRows returns channels as rows. Where rates are known they are given.
func (a *admin) channelRows(prefix string, names []string, rates map[string]float64) []templates.ChannelRow {
	rows := make([]templates.ChannelRow, 0, len(names))
	for i, k := range a.server.log.Kept(names, activitySpan, sparkParts) {
		ch := a.server.registry.Channel(names[i])
		rate, ok := rates[names[i]]
		if !ok {
			rate = lately(k)
		}
		row := templates.ChannelRow{
			Key: prefix + keyOf(names[i]), Name: names[i], Href: adminLink("channels", names[i]), Clients: grouped(ch.Clients), Connections: grouped(ch.Connections),
			Rate: perSecond(rate) + "/s", SparkSpan: lasting(k.Span.Round(time.Second)), Events: grouped(k.Events), Bytes: sized(k.Bytes),
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

// lately returns the rate of the last two parts of a channel's activity, events a
// second: of the last part alone, which has just begun, it would be a guess.
func lately(k eventlog.Kept) float64 {
	n := len(k.Activity)
	if n < 2 || k.Span <= 0 {
		return 0
	}
	return float64(k.Activity[n-1]+k.Activity[n-2]) / (2 * k.Span.Seconds() / float64(n))
}
