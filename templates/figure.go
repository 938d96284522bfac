package templates

import "strconv"

// Figure is one number of a row of figures.
type Figure struct {
	ID    string // of the element, unique in the page
	Label string
	Value string // "12,431"
	Unit  string // "/s", "ms"; may be empty
	Note  string // a second line: "p50 0.4 ms"; may be empty
	Tone  string // "" for none, or "ok", "warn", "bad"
	Href  string // target of a link; may be empty
}

// figureColumns returns the number of figures in a row of a wide page, so that all rows are equally long if possible.
func figureColumns(n int) string {
	if n <= 6 {
		return strconv.Itoa(n)
	}
	for _, columns := range []int{6, 5, 4} {
		if n%columns == 0 {
			return strconv.Itoa(columns)
		}
	}
	return strconv.Itoa((n + 1) / 2)
}
