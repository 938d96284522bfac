package templates

import "time"

// PeriodView is the page at /admin/period: the charts of a time, and what happened then.
type PeriodView struct {
	AdminFrame
	Base             string // path of the page
	FromText, ToText string // as written
	Error            string

	// Without an error.
	From, To              time.Time
	Earlier, Later, Wider string // addresses of other times; Later may be empty
	Figures               []Figure
	Charts                []Chart
	Done                  []Moment // by operators, and starts of servers, oldest first
	Clients               []Moment // with the most trouble first
	Channels              []Moment // the busiest first
	Moments               []Moment // that concern an operator, newest first
	Notes                 []string // what is not known
}

// Fragments returns nil: the page is about the past.
func (v PeriodView) Fragments() []Fragment { return nil }

// Texts of empty lists.
const (
	doneEmpty     = "No operator did anything then that charts mark, and no server started."
	troubledEmpty = "No client was slow, was told of a gap or was ended."
	busiestNone   = "No channel had events then, as far as the readings by the minute say."
	momentsNone   = "Nothing that is remembered."
)
