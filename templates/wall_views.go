package templates

// WallView is the page at /admin/wall, for a screen that is seen from afar.
type WallView struct {
	AdminFrame
	Span    string // of the charts
	Figures []Figure
	Charts  []Chart
	Alarms  []Warning
	More    int // alarms without room
}

// Fragments returns the live parts of the page.
func (v WallView) Fragments() []Fragment {
	parts := figureFragments(v.Figures)
	for _, c := range v.Charts {
		parts = append(parts, Fragment{ID: c.ID, Body: chart(c)})
	}
	return append(parts, Fragment{ID: "alarms", Body: wallAlarms(v)})
}
