package admin

import (
	"time"

	"rollcall/templates"
	"rollcall/web/reply"
)

// How often the expensive parts of the overview are renewed.
const (
	chartsEvery  = 5 * time.Second
	busiestEvery = 2 * time.Second
)

// overview renders /admin.
func (a *Admin) overview(v *pageRequest) (func() renderedPage, *reply.Fault) {
	v.frame.Section = "overview"
	o := overviewPage{a: a, v: v, span: spanOf(v.query)}
	return o.paint, nil
}

// overviewPage is an open overview, with its cached parts.
type overviewPage struct {
	a                   *Admin
	v                   *pageRequest
	span                chartSpan
	view                templates.OverviewView
	chartsAt, busiestAt time.Time
}

func (o *overviewPage) paint() renderedPage {
	now := time.Now()
	o.view.AdminFrame, o.view.Range, o.view.BaseURL = o.v.frame, o.span.name, o.v.base
	o.view.Ranges = o.span.links(o.v.query, Path)
	if now.Sub(o.chartsAt) >= chartsEvery {
		o.chartsAt, o.view.Charts = now, o.a.charts(o.span, now)
	}
	if now.Sub(o.busiestAt) >= busiestEvery {
		o.busiestAt, o.view.Busiest = now, o.a.busiest(8)
	}
	o.view.Warnings, o.view.Figures = o.a.warnings(), o.a.figures()
	o.a.fillNews(&o.view, o.v.query)
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
