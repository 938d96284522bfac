package templates

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Views as a busy server would fill them. Nothing in them depends on the clock.

var sampleNow = time.Date(2026, 11, 20, 15, 4, 5, 0, time.UTC)

func ago(d time.Duration) time.Time { return sampleNow.Add(-d) }

func sampleFrame(section, path string) AdminFrame {
	return AdminFrame{
		Version: "v1.4.0", Node: "fra-1", Section: section, Live: path,
		User: "mara", Role: "operator", CanAct: true,
	}
}

// wave is a load that goes up and down, the same in every run.
func wave(n int, mean, swing, noise float64) []float64 {
	values := make([]float64, n)
	seed := uint32(n) + uint32(mean*7)
	for i := range values {
		seed = seed*1664525 + 1013904223
		jitter := float64(seed>>8)/float64(1<<24) - .5
		t := float64(i) / float64(n) * 2 * math.Pi
		values[i] = max(0, mean+swing*(math.Sin(t*1.3)+.4*math.Sin(t*4.1+1))+noise*jitter)
	}
	return values
}

func sampleChart(id, title, unit string, series ...Series) Chart {
	return Chart{ID: id, Title: title, Unit: unit, Step: time.Second, End: sampleNow, Series: series}
}

func times[T any](n int, make func(int) T) []T {
	all := []T{}
	for i := range n {
		all = append(all, make(i))
	}
	return all
}

func changed[V any](v V, change func(*V)) V {
	change(&v)
	return v
}

func pick(i int, words ...string) string { return words[i%len(words)] }

func sampleLink(name string) ChannelLink {
	return ChannelLink{Name: name, Href: "/admin/channels/" + name}
}

func sampleChannelRow(i int) ChannelRow {
	name := pick(i, "orders.eu", "chat.lobby", "prices.btc-usd", "sensors.hall-3.temperature", "deploys", "news",
		"presence.team-a", "scores.live", "alerts", "jobs.nightly")
	row := ChannelRow{
		Key: fmt.Sprintf("channel-%d", i), Name: name, Href: sampleLink(name).Href,
		Clients: thousands(12431 / (i*i + 1)), Connections: thousands(14207 / (i*i + 1)),
		Rate:  amount(1240/math.Pow(2.4, float64(i)), "/s"),
		Spark: wave(30, float64(10+i*3%17), 6, float64(8+i%5)), SparkSpan: "15 min",
		LastType: pick(i, "order.placed", "message", "tick", "reading", "deploy.finished", "headline", "message", "goal"),
		LastAt:   ago(time.Duration(i*i*i) * 1700 * time.Millisecond),
		Events:   thousands(100000 / (i + 1)), Bytes: amount(48e6/float64(i+1), "B"),
	}
	if i == 9 {
		row.Spark = make([]float64, 30)
	}
	return row
}

func sampleClientRow(i int) ClientRow {
	name := pick(i, "ana@example.com", "kiosk-berlin-04", "b7c1d2e0-5f4a-4c0e-9a51-2f8a3a1c77d4", "demo-reader",
		"trading-desk-2", "curl", "Zoë", "display/lobby", "android-8842", "pipeline-eu")
	if i >= 10 {
		name += fmt.Sprint("-", i/10)
	}
	row := ClientRow{
		Key: fmt.Sprintf("client-%d", i), ClientID: name, Href: "/admin/clients/" + name, State: "online",
		Info:        pick(i, `{"name":"Ana","team":"ops"}`, `{"site":"berlin","kind":"kiosk"}`, "", `{"plan":"free"}`, `{"desk":2,"floor":"north"}`),
		Connections: pick(i, "1", "2", "1", "6"),
		Channels:    []ChannelLink{sampleLink("orders.eu"), sampleLink("chat.lobby"), sampleLink("news")}[:1+i%3],
		More:        []int{0, 0, 3, 0, 118}[i%5],
		Address:     fmt.Sprintf("198.51.100.%d", 10+i*7), Protocol: pick(i, "h2", "http/1.1"),
		Since: ago(time.Duration(i*i+1) * 73 * time.Second), Events: thousands(1204 * (i + 3)),
		Bytes: amount(float64(i+1)*384000, "B"), Behind: "0",
	}
	switch i {
	case 3:
		row.Behind, row.Slow = "1,204", true
	case 5:
		row.State, row.Connections = "leaving", "0"
	case 7:
		row.Behind = "12"
	case 8:
		row.Address = "2001:db8:85a3:8d3:1319:8a2e:370:7348"
	}
	return row
}

func sampleEvent(i int) EventRow {
	payload := pick(i,
		"{\n  \"id\": 88121,\n  \"total\": 129.9,\n  \"currency\": \"EUR\",\n  \"items\": 3\n}",
		`"Hello, roll call!"`,
		"{\n  \"bid\": 64250.5,\n  \"ask\": 64251\n}",
		"{\n  \"job\": \"nightly\",\n  \"steps\": [\n    \"fetch\",\n    \"index\",\n    \"publish\"\n  ],\n  \"took\": 128.4,\n"+
			"  \"ok\": true,\n  \"host\": \"worker-7\",\n  \"log\": \"https://ci.example/runs/88121/log?full=1\"\n}")
	channel := sampleLink(pick(i, "orders.eu", "chat.lobby", "prices.btc-usd", "jobs.nightly"))
	return EventRow{
		Key: fmt.Sprintf("event-%d", i), ID: fmt.Sprintf("3f9a-%d", 884211-i), Channel: channel.Name, Href: channel.Href,
		Type: pick(i, "order.placed", "message", "tick", "job.done"), Payload: payload,
		Line: strings.Join(strings.Fields(payload), " "), At: ago(time.Duration(i*i*410) * time.Millisecond),
	}
}

func sampleMoment(i int, own bool) Moment {
	m := []Moment{
		{Kind: "join", Tone: "ok", Text: "came online", Detail: "198.51.100.24"},
		{Kind: "leave", Tone: "neutral", Text: "went offline", Detail: "after 12 min"},
		{Kind: "end", Tone: "bad", Text: "connection ended", Code: "slow", Detail: "behind by 10,000 events"},
		{Kind: "return", Tone: "ok", Text: "came back within grace", Detail: "1.2 s"},
		{Kind: "open", Tone: "neutral", Text: "opened a connection", Detail: "Chrome 148 on Linux"},
		{Kind: "end", Tone: "warn", Text: "connection ended", Code: "kicked", Detail: "by mara"},
	}[i%6]
	m.Key, m.At = fmt.Sprint(900-i), ago(time.Duration(i*i+1)*4*time.Second)
	if !own {
		row := sampleClientRow(i % 9)
		m.ClientID, m.Href = row.ClientID, row.Href
	}
	return m
}

func sampleOverview() OverviewView {
	young := wave(900, 1240, 260, 300)
	for i := range young[:220] {
		young[i] = math.NaN()
	}
	return OverviewView{
		AdminFrame: sampleFrame("overview", "/admin"), BaseURL: "https://rollcall.example",
		Figures: []Figure{
			{ID: "f-clients", Label: "Clients", Value: "12,431", Note: "peak 14,002", Href: "/admin/clients"},
			{ID: "f-connections", Label: "Connections", Value: "14,207", Note: "of 50,000"},
			{ID: "f-channels", Label: "Channels", Value: "318", Note: "12 patterns", Href: "/admin/channels"},
			{ID: "f-publishes", Label: "Published", Value: "1,240", Unit: "/s", Note: "4.1M today"},
			{ID: "f-deliveries", Label: "Delivered", Value: "182k", Unit: "/s", Note: "147 each"},
			{ID: "f-lag", Label: "Delivery lag", Value: "3.4", Unit: "ms p99", Note: "p50 0.42 ms"},
			{ID: "f-bytes", Label: "Sent", Value: "38.2", Unit: "MiB/s", Note: "2.8 TiB today"},
			{ID: "f-memory", Label: "Memory", Value: "612", Unit: "MiB", Note: "43 KiB a stream"},
			{ID: "f-slow", Label: "Not reading", Value: "3", Note: "12 ended today", Tone: "warn"},
			{ID: "f-gaps", Label: "Gaps", Value: "0", Note: "0 kicked"},
		},
		Range:  "15m",
		Ranges: []RangeLink{{"15 min", "/admin?range=15m", true}, {"24 h", "/admin?range=24h", false}},
		Charts: []Chart{
			sampleChart("c-publishes", "Published", "/s", Series{"Published", "accent", young}),
			sampleChart("c-deliveries", "Delivered", "/s", Series{"Delivered", "accent", wave(900, 182000, 30000, 16000)}),
			sampleChart("c-lag", "Delivery lag", "ms", Series{"p50", "ok", wave(900, .42, .08, .1)}, Series{"p99", "violet", wave(900, 3.4, .8, 2.2)}),
			sampleChart("c-bytes", "Sent", "B/s", Series{"Sent", "accent", wave(900, 40e6, 8e6, 6e6)}),
		},
		Busiest: times(8, sampleChannelRow),
		News:    times(8, func(i int) Moment { return sampleMoment(i, false) }),
		Warnings: []Warning{
			{"http1", "warn", "kiosk-berlin-04 holds six HTTP/1.1 streams", "A browser opens no more than six to one host: its next request will hang. Serve it HTTP/2, or use one stream for many channels.", "/admin/clients/kiosk-berlin-04", "Show the client", ago(12 * time.Minute)},
			{"open", "bad", "Anybody can publish", "The server listens on 0.0.0.0 and no key is set.", "/admin/server", "See settings", time.Time{}},
		},
	}
}

func emptyOverview() OverviewView {
	v := sampleOverview()
	v.Warnings, v.Busiest, v.News = nil, nil, nil
	for i := range v.Figures {
		v.Figures[i].Value, v.Figures[i].Tone, v.Figures[i].Note = "0", "", ""
	}
	for i := range v.Charts {
		for j := range v.Charts[i].Series {
			values := make([]float64, 900)
			for k := range values[:890] {
				values[k] = math.NaN()
			}
			v.Charts[i].Series[j].Values = values
		}
	}
	return v
}

// sortable gives columns what the server does.
func sortable(columns []Column, path string) []Column {
	for i := range columns {
		if columns[i].Label != "Channels" {
			columns[i].Href = path + "?sort=" + strings.ToLower(strings.ReplaceAll(columns[i].Label, " ", "-"))
		}
	}
	columns[0].Sorted = "ascending"
	return columns
}

func sampleClients() ClientsView {
	return ClientsView{
		AdminFrame: sampleFrame("clients", "/admin/clients"), BaseURL: "https://rollcall.example",
		Columns: sortable(ClientColumns(), "/admin/clients"), Rows: times(24, sampleClientRow), Total: 12431,
		AllMatching: "All 12,431", CSV: "/admin/clients.csv", JSON: "/admin/clients.json",
		Pager: Pager{Text: "51–100 of 12,431", Prev: "/admin/clients?page=1", Next: "/admin/clients?page=3"},
	}
}

func filteredClients() ClientsView {
	return changed(sampleClients(), func(v *ClientsView) {
		v.Query, v.Matching, v.Note = "is:slow behind:lots ann", "214 match", "No answer from east-3: connections there are missing here."
		v.Chips = []Chip{{"is:slow", "/admin/clients?q=behind%3Alots+ann", false}, {"behind:lots", "/admin/clients?q=is%3Aslow+ann", true}, {"ann", "/admin/clients", false}}
		v.Problems = []string{"“behind:lots” is not used: behind: takes a number of events, such as >100."}
		v.Help = []FilterTerm{{"is:slow", "takes no data now", "/admin/clients?q=is%3Aslow"}}
	})
}

func sampleGroups() GroupsView {
	return GroupsView{
		ClientsView: changed(filteredClients(), func(v *ClientsView) {
			v.Groupings = []PageLink{{"No groups", "/admin/clients", false}, {"Network", "/admin/clients?group=network", true}}
			v.Keep, v.Cleared = []Kept{{"group", "network"}}, "/admin/clients?group=network"
		}),
		By: "Network", Size: "102 groups", Others: "and 2 others with 3 connections", CanBlock: true,
		Groups: times(3, func(i int) GroupRow {
			return GroupRow{
				Key: fmt.Sprintf("group-%d", i), Name: pick(i, "10.1.2.0/24", "2001:db8::/64", "@"), Href: pick(i, "/admin/clients?q=x", "/admin/clients?q=y", ""),
				Clients: thousands(1200 / (i + 1)), Connections: thousands(3000 / (i + 1)), Behind: pick(i, "0", "12", "3"), Silent: pick(i, "0", "0", "3"),
				Block: pick(i, "/admin/blocks/network?network=10.1.2.0%2F24", "", ""),
			}
		}),
	}
}

func columnsClients() ClientsView {
	return changed(sampleClients(), func(v *ClientsView) {
		v.Hidden, v.KeepColumns, v.Groupings = "bytes since", []Kept{{"sort", "-behind"}}, sampleGroups().Groupings
		v.Choices = []ColumnChoice{{"connections", "Connections", true}, {"bytes", "Bytes", false}, {"server", "Server", true}}
		v.Columns = append(v.Columns, Column{Label: "Server", Href: "/admin/clients?sort=server"})
		for i := range v.Rows {
			v.Rows[i].Extra = []ExtraCell{{"Server", "fra-1, fra-2"}}
		}
	})
}

func emptyClients() ClientsView {
	return changed(sampleClients(), func(v *ClientsView) { v.Rows, v.Total, v.Pager = nil, 0, Pager{} })
}

func sampleFind() FindView {
	return FindView{AdminFrame: sampleFrame("", ""), Query: "ann", Groups: []FindGroup{
		{"Clients", []FindItem{{"clients", "Ann", "ann · 2 connections", "/admin/clients/ann", "ann"}}},
		{"Actions", []FindItem{{"ok", "Block ann…", "with a time and a reason", "/admin/blocks?clientId=ann", ""}}},
	}}
}

func sampleMarked(do string) MarkedView {
	return MarkedView{
		AdminFrame: sampleFrame("clients", ""), Token: "T0KEN", Do: do, Size: "214 connections of 180 clients on 3 servers", Connections: "214 connections",
		Clients: "180 clients", Filter: "is:slow", Note: "No answer from east-3: connections there are missing here.", More: 179, Back: "/admin/clients?q=is%3Aslow",
		Rows: []MemberRow{{"marked-1", "ann", "/admin/clients/ann", "Ann", "2 connections"}},
	}
}

func sampleConnection(i int) ConnectionRow {
	return ConnectionRow{
		Key: fmt.Sprintf("connection-%d", i), ConnectionID: fmt.Sprintf("c9f2e07b%d", i),
		Address:   pick(i, "198.51.100.24", "2001:db8:85a3::7348"),
		Agent:     pick(i, "Chrome 148 on Linux", "curl 8.20", "Safari 26 on iPhone"),
		UserAgent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/148.0.0.0",
		Protocol:  pick(i, "h2", "http/1.1"), Node: "fra-1", Since: ago(time.Duration(i*47+3) * time.Minute),
		Channels: []ChannelLink{sampleLink("orders.eu"), {"rooms.>", "/admin/tail?channels=rooms.%3E", true}}, More: i * 3,
		Events: thousands(18220 / (i + 1)), Bytes: amount(6.4e6/float64(i+1), "B"), LastID: "3f9a-884211",
		Behind: pick(i, "0", "1,204", "32"), State: pick(i, "live", "not reading", "catching up"),
		EndHref: fmt.Sprintf("/admin/clients/ana@example.com/connections/c9f2e07b%d/end", i),
	}
}

func sampleClient() ClientView {
	return ClientView{
		AdminFrame: sampleFrame("clients", "/admin/clients/ana@example.com"), BaseURL: "https://rollcall.example",
		ClientID: "ana@example.com", Base: "/admin/clients/ana@example.com", TapHref: "/admin/clients/ana@example.com/tap",
		Online: true, Info: "{\n  \"name\": \"Ana\",\n  \"team\": \"ops\",\n  \"avatar\": \"https://cdn.example/a/8812.png\"\n}",
		Since: ago(3 * time.Hour), ChartsSince: ago(15 * time.Minute),
		Charts: []Chart{
			sampleChart("chart-sent", "Events sent", "/s", Series{"Events", "accent", wave(180, 12, 3, 1)}),
			sampleChart("chart-pending", "Events behind, at most", "", Series{"Events", "violet", wave(180, 40, 30, 9)}),
		},
		Lanes: []Lane{
			{Key: "lane-1", ConnectionID: "C9F2E07B", Node: "east-1", Open: true, State: "live", Level: "ok", From: ago(5 * time.Minute), To: sampleNow, End: sampleNow,
				Span: 15 * time.Minute, Marks: []LaneMark{{At: ago(5 * time.Minute), Text: "resumed after k4x-7, got 3 events", Level: "ok"}}},
			{Key: "lane-2", ConnectionID: "AB3D", Node: "east-2", State: "ended: slow", From: ago(time.Hour), To: ago(6 * time.Minute), End: sampleNow, Span: 15 * time.Minute},
		},
		Figures: []Figure{
			{ID: "f-open", Label: "Connections", Value: "3", Note: "peak 4"},
			{ID: "f-events", Label: "Events sent", Value: "33,403"},
			{ID: "f-sent", Label: "Sent", Value: "11.7", Unit: "MiB"},
			{ID: "f-behind", Label: "Behind", Value: "1,204", Note: "one stream not reading", Tone: "bad"},
			{ID: "f-returns", Label: "Back within grace", Value: "7", Note: "in the last hour"},
		},
		Connections: times(3, sampleConnection),
		Channels:    []ChannelLink{sampleLink("orders.eu"), sampleLink("chat.lobby"), sampleLink("news")},
		Timeline:    times(9, func(i int) Moment { return sampleMoment(i, true) }),
		Send:        SendForm{Type: "message", Payload: `"Hello, roll call!"`},
	}
}

func sampleBlocked() ClientView {
	return changed(sampleClient(), func(v *ClientView) {
		block := sampleBlock(0)
		v.Blocked, v.Online, v.Connections = &block, false, nil
		v.Flash = Flash{Tone: "ok", Undo: "/admin/clients/ana%40example.com/unblock", Text: "ana@example.com is blocked for 10 minutes; 3 connections ended."}
		v.Send = SendForm{Payload: "{", Error: "The type is missing. It is 1 to 255 bytes without a line break.", Field: "type"}
	})
}

func viewerClient() ClientView {
	return changed(sampleClient(), func(v *ClientView) { v.CanAct, v.Role = false, "viewer" })
}

func sampleBlock(i int) BlockRow {
	return BlockRow{
		Key: fmt.Sprintf("block-%d", i), ClientID: pick(i, "ana@example.com", "scraper-17", "b7c1d2e0-5f4a-4c0e-9a51-2f8a3a1c77d4"),
		Href: "/admin/clients/x", Since: ago(time.Duration(i+1) * 4 * time.Minute), Until: sampleNow.Add(time.Duration(i*i*50+6) * time.Minute),
		Network: pick(i, "", "", "2001:db8::/64"), By: pick(i, "mara", "POST /blocks", "jonas"), Refused: pick(i, "12", "8,841", "0"),
	}
}

func sampleTap() TapView {
	rows := times(6, sampleEvent)
	rows[5] = EventRow{
		Key: "event-5", ID: "3f9a-884100", Type: "registered", Notice: true, At: ago(time.Minute),
		Payload: "{\n  \"clientId\": \"ana@example.com\",\n  \"connectionId\": \"c9f2e07b0\"\n}",
		Line:    `{"clientId":"ana@example.com","connectionId":"c9f2e07b0"}`,
	}
	return TapView{
		AdminFrame: sampleFrame("clients", "/admin/clients/ana@example.com/tap"),
		ClientID:   "ana@example.com", Back: "/admin/clients/ana@example.com", Online: true, Rows: rows,
	}
}

func sampleChannels() ChannelsView {
	return ChannelsView{
		AdminFrame: sampleFrame("channels", "/admin/channels"), BaseURL: "https://rollcall.example",
		Columns: sortable(ChannelColumns(), "/admin/channels"), Rows: times(10, sampleChannelRow), Pager: Pager{Text: "1–10 of 10"},
	}
}

func emptyChannels() ChannelsView {
	return changed(sampleChannels(), func(v *ChannelsView) { v.Rows, v.Pager = nil, Pager{} })
}

func sampleChannel() ChannelView {
	history := times(9, sampleEvent)
	for i := range history {
		history[i].Channel, history[i].Href, history[i].Open = "", "", true
	}
	return ChannelView{
		AdminFrame: sampleFrame("channels", "/admin/channels/orders.eu"), BaseURL: "https://rollcall.example",
		Name: "orders.eu", Base: "/admin/channels/orders.eu",
		Figures: []Figure{
			{ID: "f-clients", Label: "Clients", Value: "12,431"},
			{ID: "f-connections", Label: "Connections", Value: "14,207"},
			{ID: "f-rate", Label: "Published", Value: "1,240", Unit: "/s"},
			{ID: "f-kept", Label: "Kept", Value: "100,000", Note: "all there is room for", Tone: "warn"},
			{ID: "f-size", Label: "Size", Value: "45.8", Unit: "MiB", Note: "of 64 MiB"},
			{ID: "f-age", Label: "Oldest", Value: "81", Unit: "s", Note: "of 24 h"},
		},
		Rate: sampleChart("c-rate", "Published", "/s", Series{"Published", "accent", wave(900, 1240, 260, 300)}),
		Members: times(8, func(i int) MemberRow {
			c := sampleClientRow(i)
			return MemberRow{Key: fmt.Sprintf("member-%d", i), ClientID: c.ClientID, Href: c.Href, Info: c.Info}
		}),
		More: 12423, AllHref: "/admin/clients?q=orders.eu",
		History: history, Older: "/admin/channels/orders.eu?before=3f9a-884202",
		Publish: PublishForm{Mode: "one", Type: "message", Payload: `"Hello, roll call!"`, Batch: sampleBatch("orders.eu")}, CanPurge: true,
		Tail: TailControls{Action: "/admin/channels/orders.eu"},
	}
}

// refusedChannel is an older page of the history, and a batch that was not taken.
func refusedChannel() ChannelView {
	return changed(sampleChannel(), func(v *ChannelView) {
		v.Live, v.Newest, v.Older, v.HasGap = "", "/admin/channels/orders.eu", "", true
		v.Publish.Mode, v.Publish.Field = "batch", "batch"
		v.Publish.Error = "events[2].channelName is empty: a name is 1 to 255 bytes."
	})
}

func emptyChannel() ChannelView {
	return changed(sampleChannel(), func(v *ChannelView) {
		v.Members, v.More, v.History, v.Older, v.Rate = nil, 0, nil, "", Chart{}
		v.CanAct, v.Role = false, "viewer"
	})
}

func sampleTail() TailView {
	return TailView{
		AdminFrame: sampleFrame("tail", "/admin/tail?channels=orders.*,chat.lobby"), Rows: times(18, sampleEvent),
		Tail: TailControls{
			Action: "/admin/tail", Channels: "orders.*,chat.lobby",
			Curl: "curl -N 'https://rollcall.example/subscribe?channels=orders.*,chat.lobby&clientId=curl'",
		},
	}
}

func sampleNodes() NodesView {
	return NodesView{AdminFrame: sampleFrame("server", "/admin/nodes"), Rows: []NodeRow{
		{Key: "node-1", Name: "rollcall-1", Level: "ok", Self: true, Connections: "4,211", Streams: "4,220", Behind: "0", Version: "v1.4.0", Since: sampleNow, Seen: sampleNow},
		{Key: "node-2", Name: "rollcall-2", Level: "warn", Connections: "3,907", Streams: "3,911", Behind: "128", Version: "v1.4.0", Since: sampleNow, Seen: sampleNow},
	}}
}

func sampleWebhooks() WebhooksView {
	return WebhooksView{
		AdminFrame: sampleFrame("server", "/admin/webhooks"),
		Rows: []WebhookRow{
			{Key: "webhook-1", ID: "1", URL: "https://app.example/rollcall", Tone: "ok", Text: "Takes what it is sent.", Waiting: "0", Events: "41,220", Dead: "0", LastOK: sampleNow},
			{Key: "webhook-2", ID: "2", URL: "https://billing.example/hook", Tone: "bad", Text: "Fails: it answered 500.", Waiting: "31", Events: "902", Dead: "2", Waits: true},
		},
		Attempts: []MessageRow{
			{Key: "attempt-1", ID: "2", Value: "912", Message: "msg_B", URL: "https://billing.example/hook", At: sampleNow, Events: "3", Answer: "it answered 500", Tone: "bad", Took: "31ms", Again: true},
			{Key: "attempt-2", ID: "1", Value: "911", Message: "msg_A", URL: "https://app.example/rollcall", At: sampleNow, Events: "100", Answer: "204", Tone: "ok", Took: "4ms"},
		},
		Letters: []MessageRow{
			{Key: "letter-1", ID: "2", Value: "640", Message: "msg_C", URL: "https://billing.example/hook", At: sampleNow, Events: "12", Answer: "no answer within 15s", Tone: "bad", Again: true},
		},
	}
}

func sampleBlocks() BlocksView {
	return BlocksView{AdminFrame: sampleFrame("blocks", "/admin/blocks"), Rows: times(3, sampleBlock), BaseURL: "https://rollcall.example"}
}

func sampleNetwork() NetworkView {
	return NetworkView{
		AdminFrame: sampleFrame("blocks", ""), Network: "10.1.2.0/24", Found: true, Size: "214 connections of 180 clients on 3 servers",
		Rows: []MemberRow{{"marked-1", "ann", "/admin/clients/ann", "Ann", "2 connections"}}, More: 179,
		Clients: "/admin/clients?q=addr%3A10.1.2.0%2F24", Dangers: []string{"Your own address, 10.1.2.7, is in it."},
	}
}

func refusedBlocks() BlocksView {
	return changed(sampleBlocks(), func(v *BlocksView) {
		v.Rows, v.ClientID, v.Error = nil, "a\nb", "The client id has a line break."
	})
}

func sampleAudit() AuditView {
	rows := []AuditRow{
		{User: "mara", Address: "203.0.113.7", Action: "client.disconnect", Target: "ana@example.com", Href: "/admin/clients/ana@example.com", Result: "ok", Tone: "ok", Detail: "3 connections ended"},
		{User: "mara", Address: "203.0.113.7", Action: "client.block", Target: "scraper-17", Href: "/admin/clients/scraper-17", Result: "ok", Tone: "ok", Detail: "for 1 h"},
		{User: "jonas", Address: "2001:db8:85a3::7348", Action: "channel.purge", Target: "orders.eu", Href: "/admin/channels/orders.eu", Result: "refused", Tone: "warn", Detail: "a viewer can't act"},
		{User: "jonas", Address: "2001:db8:85a3::7348", Action: "login", Result: "ok", Tone: "ok"},
		{User: "root", Address: "192.0.2.99", Action: "login", Result: "failed", Tone: "bad", Detail: "wrong name or password; 4 attempts left"},
		{User: "mara", Address: "203.0.113.7", Action: "channel.publish", Target: "deploys", Href: "/admin/channels/deploys", Result: "ok", Tone: "ok", Detail: "1 event, 212 B"},
		{User: "mara", Address: "203.0.113.7", Action: "server.drain", Target: "fra-1", Result: "failed", Tone: "bad", Detail: "already draining"},
	}
	return AuditView{
		AdminFrame: sampleFrame("audit", "/admin/audit"), Kept: "The newest 10,000 entries are kept.",
		Download: "/admin/audit.jsonl", Pager: Pager{Text: "1–14 of 214", Next: "/admin/audit?page=2"},
		Rows: times(14, func(i int) AuditRow {
			r := rows[i%len(rows)]
			r.Key, r.At = fmt.Sprintf("audit-%d", 214-i), ago(time.Duration(i*i*i+2)*9*time.Second)
			return r
		}),
	}
}

func sampleServer() ServerView {
	return ServerView{
		AdminFrame: sampleFrame("server", "/admin/server"),
		Facts: []FactGroup{
			{"facts-build", "Build", []Fact{{Name: "Version", Value: "v1.4.0"}, {Name: "Commit", Value: "7021706"}, {Name: "Go", Value: "go1.26.4 linux/amd64"}, {Name: "Started", Time: ago(52 * time.Hour)}}},
			{"facts-health", "Health", []Fact{{Name: "Ready", Value: "ok", Tone: "ok"}, {Name: "Log", Value: "ok", Tone: "ok"}, {Name: "Open files", Value: "14,260 of 65,536"}, {Name: "Clock", Value: "jumped 2.1 s", Tone: "warn"}}},
			{"facts-process", "Process", []Fact{{Name: "Memory", Value: "612 MiB"}, {Name: "Goroutines", Value: "14,412"}, {Name: "Processors", Value: "8"}, {Name: "Collector", Value: "0.4 % of the time"}}},
		},
		Limits: []LimitRow{
			{"Streams", "14,207", "20,000", "71 %", false, "--max-streams"}, {"Streams of the busiest address", "not counted", "none", "", false, "--address-connections"},
			{"Subscriptions", "447 MiB", "512 MiB", "87 %", true, "--subscription-budget"}, {"Snapshots and lists for streams", "0 B", "64 MiB", "0 %", false, ""},
		},
		Settings: []Setting{
			{"listen", "0.0.0.0:9090", "ROLLCALL_LISTEN"}, {"heartbeat", "15s", "default"}, {"grace", "5s", "rollcall.yaml:3"},
			{"retain-events", "100000", "flag"}, {"retain-bytes", "64MiB", "default"}, {"admin-password", "••••••••", "ROLLCALL_ADMIN_PASSWORD_FILE"},
			{"allow-origin", "https://app.example, https://www.app.example, https://staging.app.example", "rollcall.yaml:9"}, {"publish-key", "", "default"},
		},
		Drain: DrainView{Text: "14,207 streams are open. Draining ends them a few at a time, and tells each when to come back.", Rate: "100"},
	}
}

func drainingServer() ServerView {
	return changed(sampleServer(), func(v *ServerView) {
		v.Drain = DrainView{Draining: true, Rate: "200", Left: "8,112", Text: "About 41 s to go."}
	})
}

func sampleTrace() TraceView {
	return TraceView{
		AdminFrame: sampleFrame("tail", "/admin/events?id=k4x-7"), ID: "k4x-7", Channel: "news", More: 3, Silent: "east-3",
		Event: &EventPanel{
			EventRow: EventRow{Key: "ek4x-7", ID: "k4x-7", Channel: "news", Href: "/admin/channels/news", Type: "message", Payload: `{"n": 1}`, Line: `{"n": 1}`, At: sampleNow, TraceHref: "/admin/events?id=k4x-7"},
			Body:     []byte(`{"n":1,"who":["<ann>"],"none":{}}`), Size: "31 B", Passed: "57", Streams: "60", Again: "/admin/channels/news?again=k4x-7", Except: "QX2V", End: true,
			Tree: &JSONNode{Kind: "object", Children: []JSONNode{
				{Key: `"n"`, Kind: "number", Text: "1"}, {Key: `"who"`, Kind: "array", Children: []JSONNode{{Kind: "string", Text: `"<ann>"`}}}, {Key: `"none"`, Kind: "object"},
			}},
		},
		Figures: []Figure{{ID: "f-passed", Label: "Passed it", Value: "57", Note: "2 on a resume"}},
		Rows: []TraceRow{
			{Key: "trace-1", ClientID: "ann", Name: "Ann", Href: "/admin/clients/ann", ConnectionID: "QX2V", Node: "east-1", State: "behind", Level: "bad", Detail: "12 events to get, takes nothing now", Opened: sampleNow},
			{Key: "trace-2", ClientID: "bob", Href: "/admin/clients/bob", ConnectionID: "AB3D", Node: "east-2", State: "resumed", Level: "ok", Detail: "was away", Opened: sampleNow, At: sampleNow},
		},
	}
}

func sampleSessions() SessionsView {
	return SessionsView{
		AdminFrame: sampleFrame("server", "/admin/sessions"), All: true, Clustered: true, Silent: "Not in the list: the sessions of east-2, which has not answered.",
		Rows: []SessionRow{
			{Key: "session-1", ID: "a1", User: "ann", Role: "operator", Since: ago(41 * time.Minute), Seen: ago(time.Second), Address: "203.0.113.7", Agent: "Firefox 141 on Linux", Server: "east-1", Current: true},
			{Key: "session-2", ID: "a2", User: "oidc:vic@example.org", Role: "viewer", Since: ago(9 * time.Hour), Seen: ago(50 * time.Minute), Address: "203.0.113.80", Agent: "Safari 26 on iPhone", Server: "east-3"},
		},
	}
}

func sampleKeys() KeysView {
	return KeysView{
		AdminFrame: sampleFrame("server", "/admin/keys"), Made: "rk_abcdefghijklmnopqrstuvwxyz234567abcdefgh",
		Rows: []KeyRow{
			{Key: "key-1", ID: "a1", Name: "billing", Allow: "publish,history", Channels: "orders.>", Made: ago(time.Minute), By: "ann"},
			{Key: "key-2", ID: "a2", Name: "old", Allow: "publish,subscribe,history,presence,admin", Channels: ">", Made: ago(900 * time.Hour), By: "oidc:vic@example.org", Expires: ago(time.Hour), Expired: true},
		},
	}
}
