package admin

import (
	"time"

	"rollcall/templates"
	"rollcall/web/node"
	"rollcall/web/reply"
)

// How often the expensive parts of the overview are renewed.
const (
	chartsEvery   = 5 * time.Second
	warningsEvery = 5 * time.Second
	busiestEvery  = 2 * time.Second
)

// overview renders /admin.
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
		o.chartsAt, o.view.Charts = now, charts(o.a.history(o.span == "24h"), o.span == "24h", now)
	}
	if now.Sub(o.warningsAt) >= warningsEvery {
		o.warningsAt, o.view.Warnings = now, o.a.warnings()
	}
	if now.Sub(o.busiestAt) >= busiestEvery {
		o.busiestAt, o.view.Busiest = now, o.a.busiest(8)
	}
	o.view.Figures = o.a.figures()
	o.view.News = o.a.moments(o.a.node.Journal.Newest(12, func(h *node.JournalEntry) bool { return h.Kind == "join" || h.Kind == "leave" }), true)
	return renderedPage{body: templates.Overview(o.view), parts: o.view.Fragments()}
}

// busiest returns the channels with the most events of late.
func (a *Admin) busiest(n int) []templates.ChannelRow {
	list := a.node.Log.Busiest(rateSpan, n)
	names := make([]string, len(list))
	rates := make(map[string]float64, len(list))
	for i, b := range list {
		names[i], rates[b.Channel] = b.Channel, b.Rate
	}
	return a.channelRows("busy-", names, rates)
}
