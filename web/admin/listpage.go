package admin

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"rollcall/templates"
)

// pageRows is how many rows a page of a table has.
const pageRows = 50

// sortColumn is a column of a list, and the name of its sort key.
type sortColumn struct {
	label, sort string
	numeric     bool
	minor       bool
}

// listPage is an open page of a list: its search, its order, and its rows.
type listPage[E any] struct {
	list   *listing[E]
	v      *pageRequest
	search string
	sort   string
	down   bool
	page   int

	rows listed
	at   time.Time // when they were listed
}

// openList opens the page of a list that is asked for.
func openList[E any](l *listing[E], v *pageRequest) *listPage[E] {
	l.join(v)
	p := &listPage[E]{list: l, v: v, search: strings.TrimSpace(v.query.Get("q"))}
	p.sort, p.down = strings.CutPrefix(v.query.Get("sort"), "-")
	p.page, _ = strconv.Atoi(v.query.Get("page"))
	p.page = max(p.page, 1)
	return p
}

// refresh lists the rows anew if they are as old as every. key returns the sort key and the filter for a search in
// lower case.
func (p *listPage[E]) refresh(every time.Duration, key func(search string) func(*E) (rowKey, bool)) {
	if time.Since(p.at) < every {
		return
	}
	p.at = time.Now()
	p.rows = p.list.list(p.page, p.down, p.v.listAge(), key(strings.ToLower(p.search)))
	p.page = p.rows.page
}

// columns returns the heads of the columns; the default order is by usual.
func (p *listPage[E]) columns(path string, columns []sortColumn, usual string) []templates.Column {
	var heads []templates.Column
	for _, c := range columns {
		heads = append(heads, column(p.v.query, path, c, cmp.Or(p.sort, usual), p.down))
	}
	return heads
}

func (p *listPage[E]) pager(path string) templates.Pager {
	return pager(p.v.query, path, p.page, p.rows.total, len(p.rows.names))
}

// column returns the head of a column that sorts: a second time, the other way.
func column(q query, path string, of sortColumn, sorted string, down bool) templates.Column {
	c := templates.Column{Label: of.label, Numeric: of.numeric, Minor: of.minor}
	by, to := of.sort, of.sort
	switch {
	case by != sorted && of.numeric:
		to = "-" + by // the largest first
	case by == sorted && down:
		c.Sorted = "descending"
	case by == sorted:
		c.Sorted, to = "ascending", "-"+by
	}
	c.Href = q.with(path, "sort", to, "page", "")
	return c
}

// pager describes a page's position in a list.
func pager(q query, path string, page, total, rows int) templates.Pager {
	first := (page-1)*pageRows + 1
	if rows == 0 {
		return templates.Pager{}
	}
	p := templates.Pager{Text: fmt.Sprintf("%s–%s of %s", grouped(first), grouped(first+rows-1), grouped(total))}
	if page > 1 {
		p.Prev = q.with(path, "page", strconv.Itoa(page-1))
	}
	if first+rows-1 < total {
		p.Next = q.with(path, "page", strconv.Itoa(page+1))
	}
	return p
}
