package admin

import (
	"fmt"
	"math"
	"strings"
	"time"

	"rollcall/hub"
	"rollcall/presence"
	"rollcall/templates"
	"rollcall/web/node"
	"rollcall/web/reply"
)

// How often the dearer parts of the overview are made anew.
const (
	chartsEvery   = 5 * time.Second
	warningsEvery = 5 * time.Second
	busiestEvery  = 2 * time.Second
)

// overview paints /admin.
func (a *Admin) overview(v *pageRequest) (func() renderedPage, *reply.Fault) {
	v.frame.Section = "overview"
	o := overviewPage{a: a, v: v, span: v.query.Get("range")}
	if o.span != "24h" {
		o.span = "15m"
	}
	return o.paint, nil
}

// overviewPage is an open overview, with its cached parts.
type overviewPage struct {
	a                               *Admin
	v                               *pageRequest
	span                            string
	view                            templates.OverviewView
	chartsAt, warningsAt, busiestAt time.Time
}

func (o *overviewPage) paint() renderedPage {
	now := time.Now()
	o.view.AdminFrame, o.view.Range, o.view.BaseURL = o.v.frame, o.span, o.v.base
	o.view.Ranges = []templates.RangeLink{
		{Label: "15 min", Href: Path, Current: o.span == "15m"},
		{Label: "24 h", Href: Path + "?range=24h", Current: o.span == "24h"},
	}
	if now.Sub(o.chartsAt) >= chartsEvery {
		o.chartsAt, o.view.Charts = now, charts(o.a.node.Meter.History(o.span == "24h"), o.span == "24h", now)
	}
	if now.Sub(o.warningsAt) >= warningsEvery {
		o.warningsAt, o.view.Warnings = now, o.a.warnings()
	}
	if now.Sub(o.busiestAt) >= busiestEvery {
		o.busiestAt, o.view.Busiest = now, o.a.busiest(8)
	}
	o.view.Figures = o.a.figures()
	o.view.News = o.a.moments(12, true, func(h *node.Happening) bool { return h.Kind == "join" || h.Kind == "leave" })
	return renderedPage{body: templates.Overview(o.view), parts: o.view.Fragments()}
}

// figures returns the numbers of the overview.
func (a *Admin) figures() []templates.Figure {
	m := a.node.Meter
	seconds := m.History(false)
	var now, first node.Reading
	if n := len(seconds); n > 0 {
		now, first = seconds[n-1], seconds[0]
	} else {
		now.LagP50, now.LagP99 = -1, -1
	}
	clients, connections, channels, _ := a.node.Registry.Totals()
	stats, kept := m.Latest()
	lag := func(x float32) time.Duration {
		if x < 0 {
			return -1
		}
		return time.Duration(float64(x) * float64(time.Second))
	}
	// The newest second in which something was delivered.
	p50, p99 := float32(-1), float32(-1)
	for i := len(seconds) - 1; i >= max(0, len(seconds)-60) && p99 < 0; i-- {
		p50, p99 = seconds[i].LagP50, seconds[i].LagP99
	}
	value, unit := brief(lag(p99))
	note, noteUnit := brief(lag(p50))
	since := "in 15 min"
	if len(seconds) < node.SecondsKept {
		since = "since the start"
		first = node.Reading{}
	}
	recent := func(now, then uint64) string { return grouped(now-then) + " " + since }
	ended := func(why hub.Reason) uint64 { return stats.Ends[why.Code] }
	tone := func(n uint64) string {
		if n > 0 {
			return "warn"
		}
		return ""
	}
	return []templates.Figure{
		{ID: "fig-clients", Label: "Clients", Value: grouped(clients), Note: grouped(connections) + " connections", Href: Path + "/clients"},
		{ID: "fig-channels", Label: "Channels", Value: grouped(channels), Note: grouped(kept.Channels) + " keep events", Href: Path + "/channels"},
		{ID: "fig-published", Label: "Published", Value: perSecond(float64(now.Published)), Unit: "/s", Note: grouped(kept.Published) + " in all", Href: Path + "/tail"},
		{ID: "fig-delivered", Label: "Delivered", Value: perSecond(float64(now.Delivered)), Unit: "/s", Note: grouped(stats.Events) + " in all"},
		{ID: "fig-lag", Label: "Delivery lag p99", Value: value, Unit: unit, Note: strings.TrimSpace("p50 " + note + " " + noteUnit)},
		{ID: "fig-bytes", Label: "Sent", Value: sized(now.Bytes), Unit: "/s", Note: sized(stats.Bytes) + " in all"},
		{ID: "fig-memory", Label: "Memory", Value: sized(now.Memory), Note: "history " + sized(kept.Bytes) + " of " + sized(kept.Budget)},
		{ID: "fig-behind", Label: "Behind", Value: grouped(stats.Behind), Note: grouped(stats.Blocked) + " not reading", Tone: tone(uint64(stats.Blocked))},
		{ID: "fig-slow", Label: "Ended as slow", Value: grouped(ended(hub.Slow)), Note: recent(ended(hub.Slow), first.Slow), Tone: tone(ended(hub.Slow) - first.Slow)},
		{ID: "fig-kicked", Label: "Kicked", Value: grouped(ended(hub.Kicked)), Note: recent(ended(hub.Kicked), first.Kicked)},
		{ID: "fig-gaps", Label: "Gaps", Value: grouped(stats.Gaps), Note: recent(stats.Gaps, first.Gaps), Tone: tone(stats.Gaps - first.Gaps)},
	}
}

// charts draws the readings, which are by the second or by the minute.
func charts(list []node.Reading, byMinute bool, now time.Time) []templates.Chart {
	step, length := time.Second, node.SecondsKept
	if byMinute {
		step, length = time.Minute, node.MinutesKept
	}
	end := now
	if n := len(list); n > 0 {
		end = list[n-1].At
	}
	line := func(name, tone string, of func(*node.Reading) float64) templates.Series {
		values := make([]float64, length)
		missing := length - len(list)
		for i := range missing {
			values[i] = math.NaN()
		}
		for i := range list {
			values[missing+i] = of(&list[i])
		}
		return templates.Series{Name: name, Tone: tone, Values: values}
	}
	millis := func(x float32) float64 {
		if x < 0 {
			return math.NaN()
		}
		return float64(x) * 1000
	}
	chart := func(id, title, unit string, series ...templates.Series) templates.Chart {
		return templates.Chart{ID: id, Title: title, Unit: unit, Step: step, End: end, Series: series}
	}
	return []templates.Chart{
		chart("chart-clients", "Online", "",
			line("Clients", "accent", func(r *node.Reading) float64 { return float64(r.Clients) }),
			line("Connections", "violet", func(r *node.Reading) float64 { return float64(r.Connections) })),
		chart("chart-published", "Published", "/s", line("Events", "accent", func(r *node.Reading) float64 { return float64(r.Published) })),
		chart("chart-delivered", "Delivered", "/s", line("Events", "accent", func(r *node.Reading) float64 { return float64(r.Delivered) })),
		chart("chart-lag", "Delivery lag", "ms",
			line("p99", "warn", func(r *node.Reading) float64 { return millis(r.LagP99) }),
			line("p50", "ok", func(r *node.Reading) float64 { return millis(r.LagP50) })),
		chart("chart-bytes", "Sent", "B/s", line("Bytes", "accent", func(r *node.Reading) float64 { return float64(r.Bytes) })),
		chart("chart-memory", "Memory", "B", line("Memory", "violet", func(r *node.Reading) float64 { return float64(r.Memory) })),
	}
}

// moments returns the newest happenings as they are shown.
func (a *Admin) moments(n int, linked bool, want func(*node.Happening) bool) []templates.Moment {
	var list []templates.Moment
	for _, h := range a.node.Journal.Newest(n, want) {
		m := templates.Moment{Key: fmt.Sprintf("m%d", h.Seq), At: h.At, Kind: h.Kind, Tone: "neutral", ClientID: h.ClientID, Code: h.Code, Detail: h.Addr}
		switch h.Kind {
		case "join":
			m.Tone, m.Text = "ok", "came online"
		case "leave":
			m.Text = "went offline"
		case "open":
			m.Text = "opened a connection"
		case "return":
			m.Tone, m.Text = "ok", "reconnected within its grace"
		case "end":
			m.Text = endText(h.Code)
			if h.Code == hub.Slow.Code || h.Code == hub.Kicked.Code || h.Code == hub.Limited.Code {
				m.Tone = "warn"
			}
		}
		if linked {
			m.Href = adminLink("clients", h.ClientID)
		}
		list = append(list, m)
	}
	return list
}

// endText describes how a connection ended.
func endText(code string) string {
	switch code {
	case hub.Gone.Code:
		return "closed a connection"
	case hub.Slow.Code:
		return "connection ended: it took no data"
	case hub.Kicked.Code:
		return "connection ended by an operator"
	case hub.Draining.Code:
		return "connection ended: draining"
	}
	return "connection ended"
}

// busiest returns the channels with the most events of late.
func (a *Admin) busiest(n int) []templates.ChannelRow {
	list := a.node.Log.Busiest(10*time.Second, n)
	names := make([]string, len(list))
	rates := make(map[string]float64, len(list))
	for i, b := range list {
		names[i], rates[b.Channel] = b.Channel, b.Rate
	}
	return a.channelRows("busy-", names, rates)
}

// browserStreams is how many HTTP/1.1 connections a browser opens to one host.
const browserStreams = 6

// warnings returns what an operator should look at.
func (a *Admin) warnings() []templates.Warning {
	s := a
	var list []templates.Warning
	add := func(key, tone, title, text, href, action string) {
		list = append(list, templates.Warning{Key: key, Tone: tone, Title: title, Text: text, Href: href, Action: action})
	}
	if why, leaving := s.node.Leaving(); leaving {
		add("draining", "warn", "Draining", why.Text+" New streams are refused and /readyz answers 503.", Path+"/server", "Server")
	}
	if e := s.node.EngineState(); !e.Ready {
		add("engine", "bad", "The event store is unavailable", "Nothing can be published since "+lasting(time.Since(e.Since))+": "+e.Reason+". Streams stay open and catch up when it is back.", Path+"/server", "Server")
	}
	if s.node.Cluster != nil {
		if since, reason, degraded := s.node.Cluster.Roster.Degraded(); degraded {
			add("cluster", "bad", "Disconnected from the other servers", "The view of their clients is "+lasting(time.Since(since))+" old: "+reason+".", Path+"/server", "Server")
		}
	}
	old := 0
	var crowded []string
	s.node.Registry.Each(func(r presence.Ref) {
		conns := r.Connections()
		six := 0
		for _, c := range conns {
			if c.Protocol == "HTTP/1.0" {
				old++
			}
			if c.Protocol == "HTTP/1.1" && c.RemoteAddr == conns[0].RemoteAddr {
				six++
			}
		}
		if six >= browserStreams && len(crowded) < 4 {
			crowded = append(crowded, strings.Clone(r.ID()))
		}
	})
	for i, id := range crowded {
		if i == 3 {
			break
		}
		add("six-"+keyOf(id), "warn", "Six HTTP/1.1 streams: "+reply.Short(id, 60),
			"A browser opens six connections to a host. If all are used by streams, its other requests wait. HTTP/2 (over TLS) has no such limit; or let tabs share one stream with /rollcall.js.",
			adminLink("clients", id), "Client")
	}
	if old > 0 {
		add("http10", "warn", grouped(old)+" over HTTP/1.0",
			"A proxy in between speaks HTTP/1.0 and may buffer events. In nginx: proxy_http_version 1.1; proxy_buffering off;",
			Path+"/clients?sort=protocol", "Clients")
	}
	stats, kept := s.node.Meter.Latest()
	seconds := s.node.Meter.History(false)
	before := uint64(0)
	if len(seconds) == node.SecondsKept {
		before = seconds[0].Crowded
	}
	if kept.EvictedForBudget > before {
		add("budget", "warn", "Retention budget reached",
			grouped(kept.EvictedForBudget-before)+" events were dropped early in 15 minutes, to stay within "+sized(kept.Budget)+
				". Streams that resume late may have gaps. Raise --history-budget, or keep fewer events per channel.",
			Path+"/channels?sort=-bytes", "Largest channels")
	}
	if stats.Blocked > 0 {
		add("blocked", "warn", grouped(stats.Blocked)+" not reading",
			"These connections take no data now. Each ends as slow after "+lasting(s.opts.StallTimeout)+" without progress, and can resume.",
			Path+"/clients?sort=-behind", "Furthest behind")
	}
	if n := s.node.Streams(); n*10 > s.streams.Max()*9 {
		add("full", "bad", "Nearly full", grouped(n)+" of "+grouped(s.streams.Max())+" streams. At the limit, new streams are asked to come back later.", Path+"/server", "Server")
	}
	switch {
	case !s.gate.Open():
	case s.opts.LoopbackOnly:
		add("open", "warn", "Open mode", "No credentials are configured: all programs on this machine may publish, subscribe and see presence. Others are refused.", Path+"/server", "Server")
	default:
		add("open", "bad", "Open to everybody", "No credentials are configured: anyone who reaches this server may publish, subscribe and see presence.", Path+"/server", "Server")
	}
	return list
}
