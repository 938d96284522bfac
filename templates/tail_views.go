package templates

// TailControls are the settings of a live tail.
type TailControls struct {
	Action   string // path of the form's target
	Channels string // comma list or patterns; empty means all
	Filter   string
	Curl     string // the same as a command
}

// TailView is the page at /admin/tail.
type TailView struct {
	AdminFrame
	Tail    TailControls
	Rows    []EventRow // newest first
	BaseURL string     // as in OverviewView
}
