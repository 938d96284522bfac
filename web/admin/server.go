package admin

import (
	"strconv"

	"rollcall/templates"
	"rollcall/web/reply"
	"rollcall/web/totals"
)

// serverPage renders /admin/server.
func (a *Admin) serverPage(v *pageRequest) (func() renderedPage, *reply.Fault) {
	v.frame.Section = "server"
	return func() renderedPage {
		view := templates.ServerView{AdminFrame: v.frame, Facts: a.facts(), Drain: a.drainView()}
		for _, t := range a.opts.Totals() {
			view.Limits = append(view.Limits, limitRow(t))
		}
		view.Changed = v.query.Get("settings") == "changed"
		for _, s := range a.opts.Settings {
			if view.Changed && s.Source == "default" {
				continue
			}
			view.Settings = append(view.Settings, templates.Setting(s))
		}
		return renderedPage{body: templates.ServerPage(view), parts: view.Fragments()}
	}, nil
}

// limitRow returns a total as a row of the admin UI.
func limitRow(t totals.Total) templates.LimitRow {
	text := func(n int64) string {
		if t.Bytes {
			return sized(n)
		}
		return grouped(n)
	}
	row := templates.LimitRow{What: t.What, Now: "not counted", Limit: "none", By: t.By}
	if t.Limit > 0 {
		row.Now, row.Limit = text(t.Held), text(t.Limit)
		share := 100 * t.Held / t.Limit
		row.Share = strconv.FormatInt(share, 10) + " %"
		row.High = share >= 80
	}
	return row
}
