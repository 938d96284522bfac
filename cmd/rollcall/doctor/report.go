package doctor

// Status is the result of a check.
type Status string

const (
	OK   Status = "ok"
	Warn Status = "warn" // works, but not as well as it could
	Fail Status = "fail" // streams will not work, or not for long
)

// Check is one thing that was looked at.
type Check struct {
	Name   string `json:"name"`
	Status Status `json:"status"`
	Text   string `json:"text"` // a sentence or two
	Fixes  []Fix  `json:"fixes,omitempty"`
}

// Fix is a change in one program or service.
type Fix struct {
	For   string `json:"for"`
	Lines string `json:"lines"` // as they stand in its configuration; several are separated by line ends
}

// Report is all that was found.
type Report struct {
	URL     string   `json:"url"`
	Proxies []string `json:"proxies"` // detected proxies
	Checks  []Check  `json:"checks"`
}

// Failed reports whether a check failed.
func (r *Report) Failed() bool {
	for _, c := range r.Checks {
		if c.Status == Fail {
			return true
		}
	}
	return false
}
