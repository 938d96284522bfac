package templates

// Column is a column of a sortable table.
type Column struct {
	Label   string
	Href    string // sorts by it; empty if that is not possible
	Sorted  string // "ascending", "descending" or ""
	Numeric bool   // right-aligned
	Minor   bool   // hidden on narrow screens
}

// Pager describes the position of a page in a list.
type Pager struct {
	Text       string // "51–100 of 20,000"
	Prev, Next string // hrefs; empty if there is none
	Pages      []PageLink
	Sizes      []PageLink // rows of a page
}

// PageLink leads to another page of a list, or to the list with another size of its pages.
type PageLink struct {
	Label, Href string
	Current     bool
}

// Kept is a value of the page's address that a form keeps.
type Kept struct{ Name, Value string }

// keepSort keeps an order; "" is none.
func keepSort(sort string) []Kept {
	if sort == "" {
		return nil
	}
	return []Kept{{"sort", sort}}
}

// columnsOr returns columns, or the page's defaults.
func columnsOr(columns, own []Column) []Column {
	if len(columns) >= len(own) {
		return columns
	}
	return own
}
