package admin

import (
	"time"

	"rollcall/templates"
	"rollcall/web/reply"
)

const wallPath = Path + "/wall"

// mostAlarms is how many warnings have room on the wall display.
const mostAlarms = 3

// wall paints /admin/wall: the overview for a screen that hangs on a wall. It is an overview without what can be clicked.
func (a *Admin) wall(v *pageRequest) (func() renderedPage, *reply.Fault) {
	span := spanOf(v.query)
	var view templates.WallView
	var chartsAt time.Time
	return func() renderedPage {
		now := time.Now()
		view.AdminFrame, view.Span = v.frame, span.label
		if now.Sub(chartsAt) >= chartsEvery {
			chartsAt, view.Charts = now, a.charts(span, now)
			for i := range view.Charts {
				view.Charts[i].Zoom = ""
			}
		}
		view.Alarms = a.warnings()
		view.More = max(0, len(view.Alarms)-mostAlarms)
		view.Alarms = view.Alarms[:len(view.Alarms)-view.More]
		for i := range view.Alarms {
			view.Alarms[i].Href = ""
		}
		view.Figures = a.figures()
		for i := range view.Figures {
			view.Figures[i].Href = ""
		}
		return renderedPage{body: templates.Wall(view), parts: view.Fragments()}
	}, nil
}
